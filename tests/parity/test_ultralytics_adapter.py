"""ultralytics' non_max_suppression: ours beside theirs where it is installed, by hand, and put in its place."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from ptdet import yolo
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


def beside_theirs(head: Tensor, options: dict[str, Any]) -> None:
    nms = pytest.importorskip("ultralytics.utils.nms")
    theirs, ours = nms.non_max_suppression(head, **options), non_max_suppression(head, **options)
    if not options.get("return_idxs"):
        theirs, ours = (theirs,), (ours,)
    for one, other in zip(ours, theirs, strict=True):
        for got, expected in zip(one, other, strict=True):
            assert torch.equal(got, expected.view(got.shape).to(got.dtype))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_itself(options: dict[str, Any]) -> None:
    beside_theirs(raw_head(), {"conf_thres": 0.6, **options})


def test_by_hand() -> None:
    found, rows = non_max_suppression([raw_head()], 0.6, nc=3, return_idxs=True)
    assert len(found) == len(rows) == 2 and found[0].shape[1] == 8
    column = raw_head()[0, :, rows[0][0]]
    assert found[0][0, 4] == column[4:7].max() and torch.equal(found[0][0, 6:], column[7:])
    finished = torch.tensor([[[0.0, 0, 1, 1, 0.9, 2], [0, 0, 1, 1, 0.1, 2]]])
    assert non_max_suppression(finished)[0].tolist() == finished[0, :1].tolist()
    assert non_max_suppression(finished, classes=[1])[0].shape == (0, 6)
    with pytest.raises(TypeError, match="prediction"):
        non_max_suppression("nothing")
    with pytest.raises(TypeError, match="max_det: expected an integer, got tuple: labels"):
        non_max_suppression(raw_head(), 0.25, 0.45, None, False, False, ())  # type: ignore[arg-type]


def turned_head(images: int = 2, rows: int = 300, seed: int = 0) -> Tensor:
    """Of 3 classes, with 2 extra rows and the angle of `raw_head`'s boxes, which are closer here."""
    random = torch.Generator().manual_seed(seed)
    head = torch.rand(images, 4 + 3 + 2 + 1, rows, generator=random)
    head[:, :2] *= 100
    head[:, 2:4] = head[:, 2:4] ** 3 * 60 + 2
    head[:, -1] = (head[:, -1] - 0.25) * math.pi  # the range of the head of ultralytics
    return head


TURNED: list[dict[str, Any]] = [
    {}, {"multi_label": True}, {"agnostic": True, "max_det": 9}, {"classes": [0, 2]}, {"conf_thres": 0.999},
    {"iou_thres": 0.05, "return_idxs": True}, {"iou_thres": 0.9}, {"max_nms": 20}, {"max_nms": 0},
    {"max_nms": 20, "multi_label": True, "return_idxs": True},
]  # fmt: skip


def by_definition(head: Tensor, options: dict[str, Any]) -> tuple[list[Tensor], list[Tensor], float]:
    """Fast NMS by ProbIoU in float64, and how near to the threshold a pair comes that counts."""
    given = {"conf_thres": 0.25, "iou_thres": 0.45, "max_nms": 30000, "max_det": 300, **options}
    found, rows, nearest = [], [], 1.0
    for image in head.double():
        confidence = image[4:7]
        at = torch.arange(image.shape[1])
        if given.get("multi_label"):
            at, label = torch.nonzero(given["conf_thres"] < confidence.T).unbind(1)
        else:
            label = confidence.argmax(0)
        score = confidence[label, at]
        taking = (score > given["conf_thres"]) & torch.isin(label, torch.tensor(given.get("classes", [0, 1, 2])))
        at, label, score = at[taking], label[taking], score[taking]
        order = score.argsort(descending=True)[: given["max_nms"]]
        at, label, score = at[order], label[order], score[order]
        boxes = image[[0, 1, 2, 3, -1]].T[at]
        met = torch.tensor([[gaussian_overlap(a, b) for b in boxes.tolist()] for a in boxes.tolist()]).view(
            len(at), len(at)
        )
        if not given.get("agnostic"):
            met = met * (label[:, None] == label)
        met = torch.triu(met, 1)
        nearest = min([nearest, *(met - given["iou_thres"]).abs().flatten().tolist()])
        keep = torch.nonzero(~(met > given["iou_thres"]).any(0))[:, 0][: given["max_det"]]
        rest = image[7:].T[at]
        found.append(torch.cat([boxes[:, :4], score[:, None], label[:, None].double(), rest], 1)[keep])
        rows.append(at[keep])
    return found, rows, nearest


def gaussian_overlap(a: list[float], b: list[float]) -> float:
    """ProbIoU by the matrices of its paper, in plain floats."""

    def covariance(box: list[float]) -> tuple[float, float, float]:
        c, s, along, across = math.cos(box[4]), math.sin(box[4]), box[2] ** 2 / 12, box[3] ** 2 / 12
        return c * c * along + s * s * across, s * s * along + c * c * across, c * s * (along - across)

    (xx, yy, xy), (x2, y2, xy2) = covariance(a), covariance(b)
    sxx, syy, sxy = xx + x2, yy + y2, xy + xy2
    dx, dy, det = b[0] - a[0], b[1] - a[1], sxx * syy - sxy * sxy
    apart = (syy * dx * dx - 2 * sxy * dx * dy + sxx * dy * dy) / det / 4
    shape = math.log(det / 4 / math.sqrt((xx * yy - xy * xy) * (x2 * y2 - xy2 * xy2))) / 2
    return 1 - math.sqrt(max(-math.expm1(-apart - shape), 0.0))


@pytest.mark.parametrize("options", TURNED, ids=str)
def test_rotated(options: dict[str, Any]) -> None:
    """By the definition of Fast NMS and of ProbIoU."""
    head = turned_head(rows=150)
    chosen = {"conf_thres": 0.6, **options}
    expected, expected_rows, nearest = by_definition(head, chosen)
    assert nearest > 1e-6 and (max(map(len, expected)) > 3 or options.get("conf_thres") or options.get("max_nms") == 0)
    found, rows = non_max_suppression(head, **{**chosen, "nc": 3, "rotated": True, "return_idxs": True})
    for one, row, other, other_row in zip(found, rows, expected, expected_rows, strict=True):
        assert torch.equal(one, other.float()) and torch.equal(row, other_row)
    plain = {name: value for name, value in chosen.items() if name != "return_idxs"}
    for one, other in zip(non_max_suppression(head, nc=3, rotated=True, **plain), found, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("options", TURNED, ids=str)
def test_rotated_itself(options: dict[str, Any]) -> None:
    beside_theirs(turned_head(rows=150), {"nc": 3, "rotated": True, "conf_thres": 0.6, **options})


def test_rotated_at_the_edges() -> None:
    head = turned_head()
    found = non_max_suppression(head, nc=3, rotated=True)
    # without a number of classes all but the angle; extra rows would be classes
    bare = torch.cat([head[:, :7], head[:, -1:]], dim=1)
    for one, other in zip(non_max_suppression(bare, rotated=True), found, strict=True):
        assert torch.equal(one, torch.cat([other[:, :6], other[:, -1:]], dim=1))
    # labels are for boxes that are not rotated, there too
    known = [torch.zeros(1, 5)] * 2
    assert torch.equal(non_max_suppression(head, nc=3, rotated=True, labels=known)[0], found[0])
    assert non_max_suppression(head[:, :, :0], nc=3, rotated=True)[1].shape == (0, 9)
    assert non_max_suppression(head.half(), nc=3, rotated=True)[0].dtype == torch.float32
    assert non_max_suppression(head.double(), nc=3, rotated=True)[0].dtype == torch.float64
    # what is removed removes: of a row of three the last is gone, where greedy NMS has it
    row = torch.tensor([[[10.0, 16, 22], [10, 10, 10], [20, 20, 20], [8, 8, 8], [0.9, 0.8, 0.7], [1, 1, 1]]])
    row[0, 0], row[0, 1] = 10 + torch.arange(3) * 6 * math.cos(1), 10 + torch.arange(3) * 6 * math.sin(1)
    assert len(non_max_suppression(row, iou_thres=0.5, rotated=True)[0]) == 1
    assert len(yolo.postprocess(row, iou_thres=0.5, rotated=True, metric="probiou")[0]) == 2
    # one that an end-to-end head has chosen is filtered only
    chosen = torch.rand(2, 5, 7)
    chosen[..., 4] = torch.linspace(0.9, 0.1, 5)
    assert torch.equal(non_max_suppression(chosen, 0.4, rotated=True, end2end=True)[0], chosen[0, :3])
    with pytest.raises(ValueError, match="columns or more"):
        non_max_suppression(head[:, :7], nc=3, rotated=True)


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
        turned = torch.cat([head, torch.ones(1, 1, 4)], dim=1)
        assert program.suppress(turned, nc=1, rotated=True)[0].shape == (4, 7)
        # what ours cannot do: arguments that are not known
        assert torch.equal(program.suppress(head, in_place=False), head + 1000)
        assert installed.calls["non_max_suppression"] == 4 and installed.passed_on == 1
        assert "in force" in repr(installed) and "1 calls passed on" in repr(installed)
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
    turned = turned_head()
    expected = original(turned, nc=3, rotated=True)
    with ultralytics.install() as installed:
        assert "ultralytics.utils.nms.non_max_suppression" in installed.replaced["non_max_suppression"]
        for one, other in zip(nms.non_max_suppression(turned, nc=3, rotated=True), expected, strict=True):
            assert torch.equal(one, other)
        assert nms.non_max_suppression(raw_head(), 0.6, nc=3)[0].shape[1] == 8
    assert nms.non_max_suppression is original
