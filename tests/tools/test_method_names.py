"""The table of names in docs/METHODS.md says where each name of a method is taken: every place was asked.

`python -m tests.tools.test_method_names` writes it anew.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import ptdet
import ptdet.nn
from ptdet import cli
from ptdet._shared.heads import METHODS as OF_YOLO
from ptdet._shared.methods import METHODS, NAMES

PAGE = Path(__file__).parents[2] / "docs/METHODS.md"
BLOCK = re.compile(r"(?<=<!-- generated: names -->\n\n).*?(?=\n\n<!-- end of generated -->)", re.DOTALL)
# Of the words of the YOLOv3 pipeline, those that no table of methods has.
ONLY_YOLO = {"vision": "hard", "vision_batch": "hard", "diounms": "diou"}


def ask_run(name: str) -> None:
    """Of a file that is not there: what --method says comes first."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            cli.main(["run", "no-such-file.npz", "--method", name])
        except SystemExit:
            raise ValueError(said.getvalue().split("error: ")[1]) from None


def ask_nn(name: str) -> None:
    module = ptdet.nn.BoxFusion if METHODS[NAMES.get(name, "hard")].of_models else ptdet.nn.NMS
    without = module is ptdet.nn.NMS and not METHODS[NAMES.get(name, "hard")].has_threshold
    module(iou_threshold=None, method=name) if without else module(method=name)


def ask_batch(name: str) -> None:
    threshold = 0.5 if METHODS[NAMES.get(name, "hard")].has_threshold else None
    ptdet.combined_nms(torch.zeros(1, 1, 4), torch.ones(1, 1, 1), threshold, method=name)


def ask_yolo(name: str) -> None:
    ptdet.non_max_suppression(torch.zeros(1, 1, 6), method=name)


PLACES: dict[str, Callable[[str], None]] = {
    "`ptdet run --method`": ask_run,
    "`ptdet.nn`": ask_nn,
    "`combined_nms`, `ragged_nms`": ask_batch,
    "`non_max_suppression`": ask_yolo,
}


def takes(ask: Callable[[str], None], name: str) -> bool:
    try:
        ask(name)
    except ValueError as error:
        assert "method" in str(error) and name in str(error), error
        return False
    return True


def names_of(method: str) -> list[str]:
    """The name in METHODS, then the others."""
    others = [name for name, own in {**ONLY_YOLO, **NAMES}.items() if own == method and name != method]
    return [method, *others]


def table() -> str:
    rows = [["method", "function", *PLACES], ["---"] * (2 + len(PLACES))]
    for method, facts in METHODS.items():
        taken = [", ".join(name for name in names_of(method) if takes(ask, name)) or "-" for ask in PLACES.values()]
        rows.append([method, f"`{facts.function}`", *taken])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def test_the_page_has_the_table() -> None:
    found = BLOCK.search(PAGE.read_text(encoding="utf-8"))
    assert found and found[0] == table(), "run: python -m tests.tools.test_method_names"


def test_no_word_is_missing() -> None:
    assert set(OF_YOLO) <= {name for method in METHODS for name in names_of(method)}


@pytest.mark.parametrize("place", PLACES)
def test_a_refusal_lists_what_is_taken(place: str) -> None:
    """By all of its names."""
    with pytest.raises(ValueError, match="magic") as refusal:
        PLACES[place]("magic")
    words = set(re.findall(r"\w+", str(refusal.value)))
    for method in METHODS:
        taken = {name for name in names_of(method) if takes(PLACES[place], name)}
        fusion_of_nn = place == "`ptdet.nn`" and METHODS[method].of_models  # BoxFusion lists its own
        assert fusion_of_nn or taken <= words, f"{place} takes {taken} and does not say so"


if __name__ == "__main__":
    PAGE.write_text(BLOCK.sub(lambda _: table(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
