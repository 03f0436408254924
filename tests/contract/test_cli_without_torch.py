"""`ptdet run` without torch, and without the kernels for arrays: byte for byte the same files, or one line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

import ptdet
from ptdet._shared.methods import PLAIN

from ..parity.test_numpy_process import NO_TORCH, hiding
from .test_import import python

IMAGE = Path(__file__).parents[1] / "data/images/000000000885.jpg"
NO_KERNELS = hiding("ptdet._numpy")
CALLS = """
import contextlib, json, sys
from ptdet.cli import main
with contextlib.redirect_stderr(sys.stdout):
    for arguments in json.loads({calls!r}):
        print(main(arguments))
assert ("torch" in sys.modules) is {has_torch}
"""


def inputs(folder: Path) -> list[Path]:
    """Boxes with classes and masks, a head of three classes in another byte order, and COCO results."""
    random = numpy.random.default_rng(0)
    centres, sizes = random.uniform(50, 350, (60, 2)), random.uniform(40, 90, (60, 2))
    boxes = numpy.concatenate([centres - sizes / 2, centres + sizes / 2], 1)
    scores, labels = random.uniform(0.2, 1, 60), random.integers(0, 3, 60)
    numpy.savez(
        folder / "a.npz", boxes=boxes.astype(numpy.float32), scores=scores.astype(numpy.float16), labels=labels,
        masks=random.normal(size=(60, 2, 2)).astype(">f8"),
    )  # fmt: skip
    head = numpy.concatenate([centres, sizes, random.uniform(0, 1, (60, 3))], 1).T
    numpy.save(folder / "b.npy", head.astype(">f4")[None])
    results = [
        {"image_id": n % 2, "category_id": int(labels[n]), "bbox": [*map(float, boxes[n, :2]), *map(float, sizes[n])],
         "score": float(scores[n]), "note": n} for n in range(60)
    ]  # fmt: skip
    (folder / "c.json").write_text(json.dumps(results))
    return [folder / name for name in ("a.npz", "b.npy", "c.json")]


def told(out: Path, calls: list[list[Any]], before: str, has_torch: bool, **environment: str) -> str:
    """What the calls print, but for times and where they write, in a process that `before` prepares."""
    out.mkdir()
    placed = [[str(each).replace("OUT", str(out)) for each in call] for call in calls]
    printed = python(before + CALLS.format(calls=json.dumps(placed), has_torch=has_torch), **environment)
    return re.sub(r" +\d+\.\d\d$", "", printed.replace(str(out), "OUT"), flags=re.MULTILINE)


@pytest.mark.slow
def test_the_same_files_with_torch_and_without(tmp_path: Path) -> None:
    calls: list[list[Any]] = [
        ["run", file, "--method", method, "--out", f"OUT/{file.stem}_{method}{suffix}"]
        for file in inputs(tmp_path)
        for method in PLAIN
        for suffix in (".json", ".npz")
    ]
    logits = ["run", tmp_path / "b.npy", "--num-classes", 3, "--logits", "classes", "--image", IMAGE, "--out"]
    calls += [[*logits, "OUT/folder"], [*logits, "OUT/x.png"], [*logits, "OUT/y.npz", "--multi-label"]]
    expected = told(tmp_path / "no torch", calls, NO_TORCH, has_torch=False)
    files = sorted((tmp_path / "no torch").rglob("*.*"))
    assert expected.count("\n0\n") == len(calls) < len(files) == expected.count("wrote ")
    others: dict[str, tuple[str, dict[str, str]]] = {
        "torch": ("import torch\n", {}),
        "kernels of torch": (NO_KERNELS, {}),
        "reference": ("", {"PTDET_DISABLE_NATIVE": "1"}),
    }
    for name, (before, environment) in others.items():
        assert told(tmp_path / name, calls, before, has_torch=True, **environment) == expected
        for file in files:
            assert file.read_bytes() == (tmp_path / name / file.relative_to(tmp_path / "no torch")).read_bytes(), file


def test_what_needs_torch_says_so(tmp_path: Path) -> None:
    """In one line; what does not is done in the same call."""
    *_, results = inputs(tmp_path)
    torch.save(torch.zeros(1, 6), tmp_path / "x.pt")
    calls = [["run", tmp_path / "x.pt", results], ["patch", "script.py"], ["info"]]
    printed = told(tmp_path / "out", calls, NO_TORCH, has_torch=False)
    assert f"ptdet: error: {tmp_path / 'x.pt'} needs torch to be read: pip install torch" in printed
    assert "c.json" in printed and "ptdet patch needs torch: pip install torch\n2\n" in printed
    assert "without torch: ptdet.numpy, ptdet.io and every command but ptdet patch are there\n0\n" in printed


def test_eval(tmp_path: Path) -> None:
    """With kernels it needs no torch and loads none; without, the reference has the same table."""
    data = Path(__file__).parents[1] / "data/coco_demo100"
    calls: list[list[Any]] = [["eval", data / "detections.json", "--truth", data / "truth.json"]]
    expected = told(tmp_path / "no torch", calls, NO_TORCH, has_torch=False)
    assert "area=   all | maxDets=100 ] = 0.505\n" in expected and expected.endswith("\n0\n")
    assert told(tmp_path / "torch", calls, "", has_torch=False) == expected
    assert told(tmp_path / "reference", calls, NO_KERNELS, has_torch=True) == expected
    neither = told(tmp_path / "neither", calls, NO_TORCH + NO_KERNELS, has_torch=False)
    assert neither.startswith("ptdet: error: ptdet.numpy has no kernels: ") and neither.endswith("\n2\n")


def test_neither_torch_nor_kernels(tmp_path: Path) -> None:
    calls = [["run", *inputs(tmp_path)], ["info"]]
    printed = told(tmp_path / "out", calls, NO_TORCH + NO_KERNELS, has_torch=False)
    line, code, *info = printed.splitlines()
    assert line.startswith("ptdet: error: ptdet.numpy has no kernels: ") and "or install torch" in line
    assert code == "2" and "ptdet.io alone is there" in info[-2]


def test_torch_is_not_loaded_where_it_is_there(tmp_path: Path) -> None:
    """Its import takes ten times as long as all the rest."""
    assert "c.json" in told(tmp_path / "out", [["run", *inputs(tmp_path)]], "", has_torch=False)


def test_as_a_module(tmp_path: Path) -> None:
    first, *_ = inputs(tmp_path)
    printed = python(
        NO_TORCH + f"import runpy; sys.argv = ['ptdet', 'run', {str(first)!r}]; "
        "runpy.run_module('ptdet', run_name='__main__')"
    )
    assert "a.npz" in printed


def test_public_names_without_torch() -> None:
    """Each is there, or says what it needs and what does without."""
    printed = python(
        NO_TORCH + "import ptdet\n"
        "for name in dir(ptdet):\n"
        "    try: getattr(ptdet, name)\n"
        "    except ImportError as error: print(name, '|', error)\n"
    )
    lacking = {name: said for name, _, said in (line.partition(" | ") for line in printed.splitlines())}
    without = {"__version__", "compat", "evaluate", "evaluation", "integrations", "io", "load_config", "numpy"}
    without |= {"ray", "tune", "tuning"}
    assert set(dir(ptdet)) - set(lacking) == without
    for name, said in lacking.items():
        assert said == f"ptdet.{name} needs torch: install torch, then ptdet again; ptdet.numpy does without"
