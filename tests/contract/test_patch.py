"""ptdet.patch: everywhere, told, counted, and undone to the very objects; and what it says when it cannot."""

from __future__ import annotations

import gc
import io
import os
import re
import subprocess
import sys
import types
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ptdet
from ptdet.testing import clustered

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


def test_the_report_is_a_short_table(client: types.ModuleType) -> None:
    client.late = torchvision.ops.nms
    with ptdet.patch() as patched:
        client.suppress(BOXES, SCORES, 0.5)
    head, titles, *rows = str(patched).splitlines()
    assert head == "ptdet.patch, undone" and titles.split() == ["function", "calls", "places"]
    assert [row.split()[0] for row in rows] == list(patched.replaced) and len({row.index(":") for row in rows}) <= 2
    name, calls, count, *places = rows[0].split()
    assert (name, calls) == ("nms", "1") and count == f"{len(patched.replaced['nms'])}:"
    # another program's places first, and a few of all
    assert places == ["a_client.suppress,", "a_client.late,", "a_client.Model.plain,", "..."]
    assert max(map(len, rows)) < 130


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


class Keeper(torch.nn.Module):
    """As torchvision's RoIHeads keep box_iou."""

    def __init__(self) -> None:
        super().__init__()
        self.suppress = torchvision.ops.nms

    def forward(self, boxes: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        kept: torch.Tensor = self.suppress(boxes, scores, 0.5)
        return kept


def saved(model: torch.nn.Module) -> bytes:
    file = io.BytesIO()
    torch.save(model, file)
    return file.getvalue()


def test_models_that_keep_a_function() -> None:
    before, theirs = Keeper(), torchvision.ops.nms
    with ptdet.patch() as patched:
        within = Keeper()
        assert "a Keeper.suppress" in patched.replaced["nms"]
        stored = [saved(model) for model in (before, within)]
        assert before(BOXES, SCORES).tolist() == within(BOXES, SCORES).tolist() == [1, 2]
        assert patched.calls["nms"] == 2
    stored += [saved(model) for model in (before, within)]
    assert before.suppress is within.suppress is theirs
    for each in stored:
        assert torch.load(io.BytesIO(each), weights_only=False).suppress is theirs and b"ptdet" not in each
    alive = weakref.ref(before)
    with ptdet.patch():
        del before
        gc.collect()
        assert alive() is None


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
    used: list[object] = []

    def recording(graph: torch.fx.GraphModule, inputs: object) -> object:
        used.extend(node.target for node in graph.graph.nodes)
        return graph.forward

    with ptdet.patch():
        torch._dynamo.reset()
        compiled = torch.compile(lambda b, s: torchvision.ops.nms(b, s, 0.5), fullgraph=True, backend=recording)
        assert compiled(BOXES, SCORES).tolist() == [1, 2]
    assert torch.ops.ptdet.nms.default in used


def test_what_was_kept_gives_theirs_after_it_is_undone() -> None:
    with ptdet.patch() as patched:
        kept = torchvision.ops.nms
    assert kept(BOXES, SCORES, 0.5).tolist() == [1, 2] and not patched.calls


class Client(torch.nn.Module):
    """Calls every replaced function that returns a tensor for boxes."""

    def forward(self, boxes: Tensor, scores: Tensor, idxs: Tensor) -> list[Tensor]:
        overlaps = torchvision.ops.complete_box_iou(boxes, boxes) + torchvision.ops.generalized_box_iou(boxes, boxes)
        return [
            torchvision.ops.nms(boxes, scores, 0.5),
            torchvision.ops.batched_nms(boxes, scores, idxs, 0.5),
            overlaps + torchvision.ops.box_iou(boxes, boxes) + torchvision.ops.distance_box_iou(boxes, boxes),
            torchvision.ops.complete_box_iou_loss(boxes, boxes + 1),
        ]


def drawn(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes of three classes, on both sides of 0."""
    boxes, scores = clustered(count, seed=count)
    return boxes - 100, scores, torch.arange(count) % 3


def traced() -> Any:
    return torch.jit.trace(Client(), drawn(40), check_trace=False)


def scripted() -> Any:
    return torch.jit.script(Client())


def exported(strict: bool) -> Any:
    rows = {0: torch.export.Dim("rows")}
    return torch.export.export(Client(), drawn(40), dynamic_shapes=(rows, rows, rows), strict=strict)


def operators(program: Any) -> set[str]:
    if isinstance(program, torch.export.ExportedProgram):
        return {str(node.target) for node in program.graph.nodes}
    return set(re.findall(r"(\w+::\w+)", str(program.inlined_graph)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("record", [traced, scripted, partial(exported, False), partial(exported, True)])
def test_a_program_runs_where_ptdet_is_not(record: Any) -> None:
    with ptdet.patch() as patched:
        program = record()
        assert not patched.calls
    found = operators(program)
    assert any("torchvision" in name and "nms" in name for name in found)
    assert not any("ptdet" in name for name in found)
    run = program.module() if isinstance(program, torch.export.ExportedProgram) else program
    for count in (40, 70, 9):  # torch.export has torchvision's word that two or more are kept
        for one, other in zip(run(*drawn(count)), Client()(*drawn(count)), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


def run_onnx(runtime: Any, model: str | bytes, given: tuple[Tensor, ...]) -> Any:
    session = runtime.InferenceSession(model)
    inputs = zip(session.get_inputs(), given, strict=True)
    return session.run(None, {each.name: value.numpy() for each, value in inputs})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamo", [False, True])
def test_onnx(dynamo: bool, tmp_path: Path) -> None:
    for module in ("onnxscript", "onnx"):
        pytest.importorskip(module)
    runtime = pytest.importorskip("onnxruntime")
    path = str(tmp_path / "client.onnx")
    with ptdet.patch() as patched:
        torch.onnx.export(Client(), drawn(40), path, dynamo=dynamo, opset_version=18, verbose=False)
        assert not patched.calls
    for result, expected in zip(run_onnx(runtime, path, drawn(40)), Client()(*drawn(40)), strict=True):
        torch.testing.assert_close(torch.from_numpy(result), expected, rtol=0, atol=1e-5)


class Passing(torch.nn.Module):
    def forward(self, boxes: Tensor, scores: Tensor, idxs: Tensor) -> Tensor:
        passing = scores > 0.3
        found: Tensor = torchvision.ops.batched_nms(boxes[passing], scores[passing], idxs[passing], 0.5)
        return found


@pytest.mark.filterwarnings("ignore")
def test_onnx_of_as_many_boxes_as_pass(tmp_path: Path) -> None:
    """torch.export takes torchvision's own batched_nms for no number that the data says, nor would it for none."""
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    path = str(tmp_path / "passing.onnx")
    with ptdet.patch():
        torch.onnx.export(Passing(), drawn(60), path, dynamo=True, verbose=False)
    boxes, scores, idxs = drawn(60)
    for chosen in (scores, scores.flip(0), scores * (scores == scores.max()), torch.zeros_like(scores)):
        passing = chosen > 0.3
        expected = ptdet.batched_nms(boxes[passing], chosen[passing], idxs[passing], 0.5)
        assert run_onnx(runtime, path, (boxes, chosen, idxs))[0].tolist() == expected.tolist()


@pytest.mark.filterwarnings("ignore")
def test_ptdets_own_exporter_writes_ours() -> None:
    """Classes 2^30 apart, which torchvision's moves away from each other until no box is left of them."""
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    import ptdet.onnx

    class Batched(torch.nn.Module):
        def forward(self, boxes: Tensor, scores: Tensor, idxs: Tensor) -> Tensor:
            return torchvision.ops.batched_nms(boxes, scores, idxs, 0.5)

    given = BOXES, SCORES, torch.tensor([2**30] * 3)
    with ptdet.patch():
        program = ptdet.onnx.export(Batched(), given, verbose=False)
    (kept,) = run_onnx(runtime, program.model_proto.SerializeToString(), given)
    assert kept.tolist() == [1, 2]


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
    assert re.search(r"^  nms +1  \d+: ", ran.stderr, re.MULTILINE)


def test_a_module(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import sys; print(__name__, sys.argv[1:])\n")
    ran = run("-m", "program", "a", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert (ran.returncode, ran.stdout) == (0, "__main__ ['a']\n"), ran.stderr


@pytest.mark.parametrize(
    "arguments, code",
    [((), 2), (("-m",), 2), (("no_such_file.py",), 2), (("-m", "no.such_module"), 2), (("--help",), 0)],
)
def test_nothing_to_run(arguments: tuple[str, ...], code: int) -> None:
    ran = run(*arguments)
    assert ran.returncode == code
    assert "ptdet patch" in ran.stdout + ran.stderr and "Traceback" not in ran.stderr
