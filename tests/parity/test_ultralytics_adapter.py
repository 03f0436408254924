"""ultralytics' non_max_suppression: ours beside theirs where it is installed, by hand, and put in its place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from ptdet.integrations import ultralytics
from ptdet.integrations.ultralytics import non_max_suppression


def raw_head() -> Tensor:
    random = torch.Generator().manual_seed(0)
    head = torch.rand(2, 4 + 3 + 2, 300, generator=random)
    head[:, :2] *= 100
    head[:, 2:4] = head[:, 2:4] * 30 + 5
    return head


OPTIONS: list[dict[str, Any]] = [
    {"nc": 3}, {"nc": 3, "multi_label": True}, {"nc": 3, "agnostic": True, "max_det": 9}, {"nc": 3, "classes": [0, 2]},
    {"nc": 3, "return_idxs": True}, {"nc": 3, "conf_thres": 0.999}, {"nc": 3, "max_nms": 20},
    {"nc": 3, "max_nms": 20, "multi_label": True, "return_idxs": True}, {"nc": 3, "max_nms": 0},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_itself(options: dict[str, Any]) -> None:
    nms = pytest.importorskip("ultralytics.utils.nms")
    chosen = {"conf_thres": 0.6, **options}
    theirs = nms.non_max_suppression(raw_head(), **chosen)
    ours = non_max_suppression(raw_head(), **chosen)
    if not options.get("return_idxs"):
        theirs, ours = (theirs,), (ours,)
    for one, other in zip(ours, theirs, strict=True):
        for got, expected in zip(one, other, strict=True):
            assert torch.equal(got, expected.view(got.shape).to(got.dtype))


def test_by_hand() -> None:
    found, rows = non_max_suppression([raw_head()], 0.6, nc=3, return_idxs=True)
    assert len(found) == len(rows) == 2 and found[0].shape[1] == 8
    column = raw_head()[0, :, rows[0][0]]
    assert found[0][0, 4] == column[4:7].max() and torch.equal(found[0][0, 6:], column[7:])
    finished = torch.tensor([[[0.0, 0, 1, 1, 0.9, 2], [0, 0, 1, 1, 0.1, 2]]])
    assert non_max_suppression(finished)[0].tolist() == finished[0, :1].tolist()
    assert non_max_suppression(finished, classes=[1])[0].shape == (0, 6)
    with pytest.raises(NotImplementedError, match="rotated"):
        non_max_suppression(raw_head(), rotated=True)
    with pytest.raises(TypeError, match="prediction"):
        non_max_suppression("nothing")
    with pytest.raises(TypeError, match="max_det: expected an integer, got tuple: labels"):
        non_max_suppression(raw_head(), 0.25, 0.45, None, False, False, ())  # type: ignore[arg-type]


# one class: four boxes apart, of confidence .9, .8, .7, .6
FOUR = torch.tensor([[[10.0, 30, 50, 70], [10, 10, 10, 10], [8, 8, 8, 8], [8, 8, 8, 8], [0.7, 0.9, 0.6, 0.8]]])


def test_max_nms() -> None:
    """The best so many take part: a box that would go cannot be replaced by one that was cut off."""
    assert len(non_max_suppression(FOUR)[0]) == 4
    assert non_max_suppression(FOUR, max_nms=2)[0][:, 4].tolist() == pytest.approx([0.9, 0.8])
    stacked = FOUR.clone()
    stacked[0, :4] = stacked[0, :4, :1]
    stacked[0, 0, 2] = 90  # the worst lies apart
    assert non_max_suppression(stacked)[0][:, 4].tolist() == pytest.approx([0.9, 0.6])
    assert non_max_suppression(stacked, max_nms=3)[0][:, 4].tolist() == pytest.approx([0.9])
    with pytest.raises(ValueError, match="max_nms"):
        non_max_suppression(FOUR, max_nms=-1)


def test_labels() -> None:
    """Boxes known before take part with confidence 1, as in ultralytics up to 8.4.163."""
    head = torch.cat([raw_head()[:, :4], raw_head()[:, 4:] * 0.9], dim=1)
    head[1, 2:4] = 5
    known = torch.tensor([[2.0, *head[0, :4, 7].tolist()], [1, 500, 500, 8, 6]])
    for multi_label in (False, True):
        found, rows = non_max_suppression(
            head, 0.6, nc=3, multi_label=multi_label, labels=[known, torch.zeros(0, 5)], return_idxs=True
        )
        assert rows[0][:2].tolist() == [-1, -1] and (rows[0][2:] >= 0).all() and (rows[1] >= 0).all()
        assert found[0][1].tolist() == [496, 497, 504, 503, 1, 1, 0, 0]
        plain = non_max_suppression(head, 0.6, nc=3, multi_label=multi_label)
        assert torch.equal(found[1], plain[1])  # no label, no difference
        boxes = found[0][found[0][:, 5] == 2, :4]
        assert torch.equal(boxes[0, :2] + boxes[0, 2:], 2 * head[0, :2, 7])
    far = torch.tensor([[0, 1000.125, 1000, 8, 6]])  # not a number of half
    assert non_max_suppression(head.half(), 0.6, nc=3, labels=[far, far])[0][0, :2].tolist() == [996.125, 997]
    assert torch.equal(non_max_suppression(head, 0.6, nc=3, labels=None)[0], non_max_suppression(head, 0.6, nc=3)[0])
    for wrong, match in (
        ([known], "labels: expected one item for each of 2 images"),
        ([known, known[:, :4]], r"labels\[1\]: expected shape"),
        ([known, known + 2], r"labels\[1\]: expected classes in \[0, 3\)"),
    ):
        with pytest.raises(ValueError, match=match):
            non_max_suppression(head, nc=3, labels=wrong)


def in_old_order(
    prediction: Any, conf_thres: float = 0.25, iou_thres: float = 0.45, classes: Any = None, agnostic: bool = False,
    multi_label: bool = False, labels: Any = (), max_det: int = 300, nc: int = 0, rotated: bool = False,
    in_place: bool = True,
) -> Any:  # fmt: skip
    return prediction + 1000


def in_new_order(
    prediction: Any, conf_thres: float = 0.25, iou_thres: float = 0.45, classes: Any = None, agnostic: bool = False,
    multi_label: bool = False, max_det: int = 300, nc: int = 0, rotated: bool = False, in_place: bool = True,
) -> Any:  # fmt: skip
    return prediction + 1000


@pytest.fixture(params=[in_old_order, in_new_order])
def program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module that has taken the function of a stand-in for ultralytics."""
    package, utils, nms = (ModuleType(f"ultralytics{part}") for part in ("", ".utils", ".utils.nms"))
    package.utils, utils.nms = utils, nms  # type: ignore[attr-defined]
    nms.non_max_suppression = request.param  # type: ignore[attr-defined]
    for module in (package, utils, nms):
        module.__path__ = []
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(ultralytics, "find_spec", lambda name: sys.modules.get(name))
    client: Any = ModuleType("a_client_of_ultralytics")
    client.suppress = nms.non_max_suppression
    monkeypatch.setitem(sys.modules, client.__name__, client)
    yield client


def test_install(program: Any) -> None:
    original, head = program.suppress, FOUR
    has_labels = original is in_old_order  # asked now, since install() changes this module, too
    module = sys.modules["ultralytics.utils.nms"]
    with ultralytics.install() as installed:
        assert set(installed.replaced["non_max_suppression"]) >= {
            "a_client_of_ultralytics.suppress", "ultralytics.utils.nms.non_max_suppression"
        }  # fmt: skip
        assert program.suppress is module.non_max_suppression is not original  # type: ignore[attr-defined]
        assert torch.equal(program.suppress(head, 0.65)[0], non_max_suppression(head, 0.65)[0])
        # their own order of arguments
        sixth = (head, 0.25, 0.45, None, False, False)
        by_place = (*sixth, (), 2) if has_labels else (*sixth, 2)
        assert len(program.suppress(*by_place)[0]) == 2
        # what ours cannot do: rotated boxes, arguments that are not known
        for more in ({"rotated": True}, {"in_place": False}):
            assert torch.equal(program.suppress(head, **more), head + 1000)
        assert installed.calls["non_max_suppression"] == 4 and installed.passed_on == 2
        assert "in force" in repr(installed) and "2 calls passed on" in repr(installed)
        with pytest.raises(RuntimeError, match="installed already"):
            ultralytics.install()
    assert program.suppress is original is module.non_max_suppression  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match="undone already"):
        installed.undo()
    with pytest.raises(RuntimeError, match="nothing is installed"):
        ultralytics.uninstall()
    ultralytics.install()
    ultralytics.uninstall()
    assert program.suppress is original


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore:`torch.jit:DeprecationWarning")
def test_what_records_gets_the_original(program: Any) -> None:
    class Model(torch.nn.Module):
        def forward(self, head: Tensor) -> Any:
            return program.suppress(head)

    with ultralytics.install():
        traced = torch.jit.trace(Model(), FOUR)
        exported = torch.export.export(Model(), (FOUR,))
        assert isinstance(program.suppress(FOUR), list)  # ours, again
    assert "ptdet" not in str(traced.inlined_graph) and "ptdet" not in str(exported.graph)
    assert torch.equal(traced(FOUR + 1), FOUR + 1001) and torch.equal(exported.module()(FOUR + 1), FOUR + 1001)


def test_install_without_ultralytics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(ImportError, match="ultralytics cannot be imported"):
        ultralytics.install()
    empty = ModuleType("ultralytics")
    empty.__path__ = []
    monkeypatch.setitem(sys.modules, "ultralytics", empty)
    monkeypatch.setattr(ultralytics, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="no non_max_suppression in"):
        ultralytics.install()


def test_install_in_itself() -> None:
    nms = pytest.importorskip("ultralytics.utils.nms")
    original = nms.non_max_suppression
    turned = torch.cat([raw_head(), torch.rand(2, 1, 300)], dim=1)
    expected = original(turned, nc=3, rotated=True)
    with ultralytics.install() as installed:
        assert "ultralytics.utils.nms.non_max_suppression" in installed.replaced["non_max_suppression"]
        for one, other in zip(nms.non_max_suppression(turned, nc=3, rotated=True), expected, strict=True):
            assert torch.equal(one, other)
        assert nms.non_max_suppression(raw_head(), 0.6, nc=3)[0].shape[1] == 8
    assert nms.non_max_suppression is original
