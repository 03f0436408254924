"""Through `ptdet run` from every form of file: exactly what was put in, or an error that says what to do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy
import pytest
import torch

from ptdet import cli

from ..generated_files import Case, file_case

CHUNKS, EACH = 20, 100


def outcome(case: Case, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """`exact`, `error`, `told` where a guess is named, or what else came."""
    path, out = case.write(folder), folder / "out.npz"
    # an overlap is never above 1: nothing is suppressed, only sorted
    code = cli.main(["run", str(path), "--iou", "1", "--conf", "0.1", "--agnostic", "--out", str(out), *case.arguments])
    said = capsys.readouterr().err
    if code:
        assert said.startswith("ptdet: error: ") and said.count("\n") == 1, said
        return "error" if "cannot be read" not in said else f"a crash: {said}"
    with numpy.load(out, allow_pickle=False) as stored:
        arrays = {name: torch.from_numpy(stored[name]) for name in stored.files if stored[name].dtype.kind in "fi"}
    offsets = arrays["offsets"].tolist() if "offsets" in arrays else [0, len(arrays["boxes"])]
    if case.form == "yolov5-columns" and not case.arguments and "read as yolov8; 7 classes" in said:
        return "told"  # a head of 7 classes looks like that, and is far more common
    if not case.arguments and f"say --layout {case.form}" in said:
        return "told"  # a few centres that are ordered as corners are
    if not len(arrays["boxes"]) and not sum(len(one.scores) for one in case.truth):
        return "exact"  # rows of NaN do not say how many pictures they are
    if len(offsets) != len(case.truth) + 1:
        return f"{len(offsets) - 1} pictures"
    for truth, first, last in zip(case.truth, offsets, offsets[1:], strict=False):
        order = truth.scores.argsort(descending=True, stable=True)
        of = slice(first, last)
        boxes = torch.cat([truth.centres, truth.angles], 1) if case.form.startswith("oriented") else truth.corners
        if not torch.equal(arrays["boxes"][of].double(), boxes[order]):
            return "other boxes"
        if not torch.equal(arrays["scores"][of].double(), truth.scores[order]):
            return "other scores"
        if case.has_labels and not torch.equal(arrays["labels"][of].double(), truth.labels[order]):
            return "other labels"
        if not case.has_labels and "labels" in arrays:
            return "labels from nowhere"
    if case.odd and f"{case.odd} of " not in said:
        return f"odd rows that are not told: {said}"
    return "exact"


@pytest.mark.parametrize("chunk", [pytest.param(n, marks=[pytest.mark.slow] if n else []) for n in range(CHUNKS)])
def test_exact_or_an_error(chunk: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    came: Counter[str] = Counter()
    wrong = []
    for seed in range(chunk * EACH, (chunk + 1) * EACH):
        case = file_case(seed)
        found = outcome(case, tmp_path, capsys)
        came[found] += 1
        if found not in ("exact", "error", "told") or (case.sure and found != "exact"):
            wrong.append(f"seed {seed}: {found}: {case}")
    assert not wrong, "\n".join(wrong)
    assert came["exact"] >= 0.6 * EACH, came  # errors alone would be easy
