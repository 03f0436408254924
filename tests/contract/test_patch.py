"""ptdet.patch: everywhere, told, counted, and undone to the very objects; and what it says when it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch

import ptdet

from ..parity.test_numpy_process import NO_TORCH
from .test_import import ROOT, python

torchvision = pytest.importorskip("torchvision")

BOXES = torch.tensor([[0.0, 0, 5, 5], [0, 0, 5, 4], [9, 9, 12, 12]])
SCORES = torch.tensor([0.8, 0.9, 0.7])
NAMES = ("nms", "batched_nms")


def everything() -> dict[tuple[str, str], int]:
    """The identity of every attribute of every torchvision module."""
    return {
        (name, attribute): id(value)
        for name, module in list(sys.modules.items()) if name.startswith("torchvision")
        for attribute, value in vars(module).items()
    }  # fmt: skip


@pytest.fixture
def client(request: pytest.FixtureRequest) -> types.ModuleType:
    """A module that took torchvision's functions under its own names."""
    module = types.ModuleType("a_client")
    module.suppress = torchvision.ops.nms  # type: ignore[attr-defined]

    class Model:
        post = staticmethod(torchvision.ops.batched_nms)
        plain = torchvision.ops.nms

    Model.__module__ = "a_client"
    module.Model = Model  # type: ignore[attr-defined]
    sys.modules["a_client"] = module
    request.addfinalizer(lambda: sys.modules.pop("a_client"))
    return module


def test_everywhere_and_back(client: types.ModuleType) -> None:
    before, suppress = everything(), client.suppress
    in_class = dict(vars(client.Model))
    with ptdet.patch() as patched:
        assert {"a_client.suppress", "a_client.Model.plain"} <= set(patched.replaced["nms"])
        assert {"torchvision.ops.nms", "torchvision.ops.boxes.nms"} <= set(patched.replaced["nms"])
        assert "a_client.Model.post" in patched.replaced["batched_nms"]
        assert client.suppress(BOXES, SCORES, 0.5).tolist() == [1, 2]
        assert client.Model.post(BOXES, SCORES, torch.zeros(3), 0.5).tolist() == [1, 2]
        assert torchvision.ops.boxes.nms(boxes=BOXES, scores=SCORES, iou_threshold=0.5).tolist() == [1, 2]
        assert patched.calls == {"nms": 2, "batched_nms": 1}
        assert client.suppress is not ptdet.nms and client.suppress.__name__ == "nms"
    assert everything() == before
    assert client.suppress is suppress and dict(vars(client.Model)) == in_class
    assert all(vars(client.Model)[name] is value for name, value in in_class.items())
    assert "undone" in repr(patched) and "nms: 2 calls, in" in repr(patched)


def test_ours_is_used_and_not_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torchvision.ops.nms
    with ptdet.patch():
        # inverted ids far apart: torchvision's batched_nms moves boxes apart and loses this pair's overlap
        boxes = torch.tensor([[0.0, 0, 1, 1], [0, 0, 1, 0.9]])
        ids = torch.tensor([2**40, 2**40])
        assert torchvision.ops.batched_nms(boxes, SCORES[:2], ids, 0.5).tolist() == [1]
    assert torchvision.ops.nms is before


def test_what_was_imported_meanwhile(client: types.ModuleType) -> None:
    before = torchvision.ops.nms
    with ptdet.patch():
        client.late = torchvision.ops.nms
        client.suppress = "something else"
        assert client.late is not before
    assert client.late is before
    assert client.suppress == "something else"  # another's change is left alone


def test_our_own_names_stay() -> None:
    ours = ptdet.nms
    with ptdet.patch():
        assert ptdet.nms is ours
    assert ptdet.nms is ours


def test_undone_after_an_error() -> None:
    before = everything()
    with pytest.raises(KeyError), ptdet.patch():
        raise KeyError
    assert everything() == before


def test_as_a_function() -> None:
    before = everything()
    patched = ptdet.patch()
    assert everything() != before
    patched.undo()
    assert everything() == before


def test_twice() -> None:
    before = everything()
    patched = ptdet.patch()
    with pytest.raises(RuntimeError, match="in force"):
        ptdet.patch()
    patched.undo()
    with pytest.raises(RuntimeError, match="undone already"):
        patched.undo()
    assert everything() == before
    with ptdet.patch():  # and again from the start
        pass
    assert everything() == before


def test_undone_by_hand_within() -> None:
    with ptdet.patch() as patched:
        patched.undo()


def test_compiled() -> None:
    with ptdet.patch():
        compiled = torch.compile(lambda b, s: torchvision.ops.nms(b, s, 0.5), fullgraph=True, backend="aot_eager")
        assert compiled(BOXES, SCORES).tolist() == [1, 2]


@pytest.mark.parametrize(
    "torchvision_is, told",
    [
        (None, "is not installed"),
        ("raise RuntimeError('operator torchvision::nms does not exist')", "operator torchvision::nms does not exist"),
        ("import a_part_that_is_missing", "a_part_that_is_missing"),
        ("raise OSError('undefined symbol')", "undefined symbol"),
    ],
)
def test_torchvision_that_is_not_to_be_had(torchvision_is: str | None, told: str, tmp_path: Path) -> None:
    if torchvision_is is None:
        hide = NO_TORCH.replace("'torch'", "'torchvision'")
    else:
        hide = f"sys.path.insert(0, {str(tmp_path)!r})\n"
        (tmp_path / "torchvision").mkdir()
        (tmp_path / "torchvision/__init__.py").write_text(torchvision_is)
    python(
        "import sys\n" + hide + "import ptdet, torch\n"
        "try: ptdet.patch()\n"
        f"except ImportError as error: assert {told!r} in str(error), error\n"
        "else: raise AssertionError\n"
        "assert ptdet.nms(torch.zeros(1, 4), torch.ones(1), .5).tolist() == [0]\n"
    )


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ptdet", "patch", *arguments],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_a_script(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("VALUE = 7\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, torch, beside\n"
        "from torchvision.ops import nms\n"
        "assert __name__ == '__main__' and sys.argv[1:] == ['--flag', 'x'] and beside.VALUE == 7\n"
        "print(nms(torch.zeros(2, 4), torch.ones(2), .5).tolist())\n"
        "raise SystemExit(3)\n"
    )
    ran = run(str(script), "--flag", "x")
    assert ran.returncode == 3, ran.stderr
    assert ran.stdout == "[0, 1]\n"
    assert "nms: 1 calls" in ran.stderr


def test_a_module(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import sys; print(__name__, sys.argv[1:])\n")
    ran = run("-m", "program", "a", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert (ran.returncode, ran.stdout) == (0, "__main__ ['a']\n"), ran.stderr


@pytest.mark.parametrize("arguments, code", [((), 2), (("-m",), 2), (("no_such_file.py",), 2), (("--help",), 0)])
def test_nothing_to_run(arguments: tuple[str, ...], code: int) -> None:
    ran = run(*arguments)
    assert ran.returncode == code
    assert "ptdet patch" in ran.stdout + ran.stderr and "Traceback" not in ran.stderr
