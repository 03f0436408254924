"""Each profile against its package where that is installed, on boxes whose overlaps meet the threshold exactly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ptdet
from ptdet.compat import PROFILES
from ptdet.testing import clustered

# IoU of neighbours: 1/2 and 1/4, exactly
BOXES = torch.tensor([[0.0, 0, 8, 8], [0, 0, 8, 4], [0, 0, 8, 2], [20, 0, 28, 8], [20, 0, 28, 4]])
SCORES = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5])


def scenes() -> list[tuple[Tensor, Tensor, float]]:
    found = [(BOXES, SCORES, 0.5), (BOXES, SCORES, 0.25)]
    return found + [(*clustered(300, seed), threshold) for seed in range(3) for threshold in (0.3, 0.5, 0.7)]


@pytest.mark.parametrize("name", ["torchvision", "yolov5"])
def test_torchvision(name: str) -> None:
    ops = pytest.importorskip("torchvision").ops
    for boxes, scores, threshold in scenes():
        keep = ptdet.nms(boxes, scores, threshold, compat=name)
        assert torch.equal(keep, ops.nms(boxes, scores, threshold))


def test_opencv() -> None:
    cv2 = pytest.importorskip("cv2")
    for boxes, scores, threshold in scenes():
        sides = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).double().numpy()
        theirs = np.asarray(cv2.dnn.NMSBoxes(sides, scores.numpy(), 0.3, threshold)).flatten()
        ours = ptdet.nms(boxes, scores, threshold, compat="opencv", score_threshold=0.3)
        np.testing.assert_array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("kind", ["gaussian", "linear"])
def test_opencv_soft(kind: str) -> None:
    dnn = pytest.importorskip("cv2").dnn
    method = getattr(dnn, f"SOFT_NMSMETHOD_SOFTNMS_{kind.upper()}")
    for boxes, scores, threshold in ((BOXES, SCORES, 0.5), (BOXES, SCORES, 0.25), (*clustered(60, 1), 0.4)):
        corners = boxes.round()  # softNMSBoxes takes whole pixels
        sides = torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1).int().numpy()
        decayed, keep = dnn.softNMSBoxes(sides, scores.numpy(), 0.05, threshold, 0, 0.5, method)
        found, kept = ptdet.soft_nms(corners, scores, threshold, compat="opencv", sigma=0.5, min_score=0.05, kind=kind)
        np.testing.assert_array_equal(kept.numpy(), np.asarray(keep).flatten())
        np.testing.assert_allclose(found.numpy(), np.asarray(decayed).flatten(), rtol=1e-5)


def onnx_nms(boxes: Tensor, scores: Tensor, threshold: float, least: float) -> Any:
    helper, runtime = pytest.importorskip("onnx").helper, pytest.importorskip("onnxruntime")
    given = (("most", 7, 2**31 - 1), ("t", 1, threshold), ("least", 1, least))
    constants = [helper.make_tensor(name, kind, [1], [value]) for name, kind, value in given]
    graph = helper.make_graph(
        [helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "t", "least"], ["found"])], "g",
        [helper.make_tensor_value_info(name, 1, shape) for name, shape in
         (("boxes", [1, None, 4]), ("scores", [1, None, None]))],
        [helper.make_tensor_value_info("found", 7, [None, 3])], constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = runtime.InferenceSession(model.SerializeToString())
    return session.run(None, {"boxes": boxes[None, :, [1, 0, 3, 2]].numpy(), "scores": scores[None].numpy()})[0]


def turned(boxes: Tensor) -> Tensor:
    """The same boxes by other corners: each of the four ways to write them in turn."""
    ways = torch.tensor([[0, 1, 2, 3], [2, 1, 0, 3], [0, 3, 2, 1], [2, 3, 0, 1]])
    return boxes.gather(1, ways[torch.arange(len(boxes)) % 4])


def test_onnx() -> None:
    for boxes, scores, threshold in scenes() + [(turned(one), *others) for one, *others in scenes()]:
        ids = torch.arange(len(scores)) % 3
        of_classes = torch.where(ids == torch.arange(3)[:, None], scores, -1.0)
        theirs = onnx_nms(boxes, of_classes, threshold, 0.3)
        ours = ptdet.batched_nms(boxes, scores, ids, threshold, compat="onnx", score_threshold=float(np.float32(0.3)))
        np.testing.assert_array_equal(ours.numpy(), theirs[:, 2])
        np.testing.assert_array_equal(ids[ours].numpy(), theirs[:, 1])


@pytest.mark.filterwarnings("ignore")  # of its import
def test_tensorflow() -> None:
    image = pytest.importorskip("tensorflow").image
    for boxes, scores, threshold in scenes() + [(turned(one), *others) for one, *others in scenes()]:
        given = boxes[:, [1, 0, 3, 2]].numpy(), scores.numpy(), len(scores)
        theirs = image.non_max_suppression(*given, threshold, 0.3).numpy()
        ours = ptdet.nms(boxes, scores, threshold, compat="tensorflow", score_threshold=float(np.float32(0.3)))
        np.testing.assert_array_equal(ours.numpy(), theirs)
        kept, decayed = image.non_max_suppression_with_scores(*given, 1.0, 0.1, soft_nms_sigma=0.5)
        found, keep = ptdet.soft_nms(boxes, scores, compat="tensorflow", sigma=0.5, min_score=float(np.float32(0.1)))
        np.testing.assert_array_equal(keep.numpy(), kept.numpy())
        np.testing.assert_allclose(found.numpy(), decayed.numpy(), rtol=1e-5)  # exp of another library


def test_by_hand() -> None:
    """Those that are not installed, and what they say of a threshold that is met exactly."""
    for name, kept in (("yolov3", [0, 2, 3]), ("mmcv", [0, 1, 2, 3, 4]), ("tensorflow", [0, 1, 2, 3, 4])):
        assert ptdet.nms(BOXES, SCORES, 0.5, compat=name).tolist() == kept
    soft = {name: ptdet.soft_nms(BOXES[:2], SCORES[:2], 0.5, compat=name)[0][1].item() for name in
            ("mmcv", "tensorflow", "opencv")}  # fmt: skip
    assert soft["mmcv"] == soft["opencv"] == pytest.approx(0.8 * math.exp(-0.25 / 0.5))
    assert soft["tensorflow"] == pytest.approx(0.8 * math.exp(-0.5 * 0.25 / 0.5))
    linear = {name: ptdet.soft_nms(BOXES[:2], SCORES[:2], 0.5, compat=name, kind="linear")[0][1].item() for name
              in ("mmcv", "opencv")}  # fmt: skip
    assert linear == {"mmcv": pytest.approx(0.4), "opencv": pytest.approx(0.8)}
    assert ptdet.nms(BOXES[:2], SCORES[:2], 0.52, compat="mmcv_offset_1").tolist() == [0]  # 45/81 of pixels
    assert ptdet.nms(BOXES[:2].half(), SCORES[:2], 0.52, compat="mmcv_offset_1").tolist() == [0]


ANY_CORNERS = ("onnx", "tensorflow")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", PROFILES)
def test_corners_in_any_order(name: str, dtype: torch.dtype) -> None:
    """Two of IoU 1/2, given by any two opposite corners: the second goes, where the package takes them."""
    boxes = BOXES[:2].to(dtype)
    for ways in ([0, 1, 2, 3], [2, 1, 0, 3], [0, 3, 2, 1], [2, 3, 0, 1]):
        given = torch.stack([boxes[0, ways], boxes[1]])
        taken = name in ANY_CORNERS or ways == [0, 1, 2, 3]
        kept = [0] if taken else [0, 1]
        assert ptdet.nms(given, SCORES[:2], 0.45, compat=name).tolist() == kept
        assert ptdet.batched_nms(given, SCORES[:2], torch.zeros(2), 0.45, compat=name).tolist() == kept
        decayed = ptdet.soft_nms(given, SCORES[:2], 0.45, kind="linear", compat=name)[0]
        assert (decayed[1] < SCORES[1]) == taken


def test_gradient_goes_to_the_corner_that_was_given() -> None:
    ways = torch.tensor([[2, 1, 0, 3], [2, 3, 0, 1]])
    plain, given = BOXES[:2].clone().requires_grad_(), BOXES[:2].gather(1, ways).requires_grad_()
    ptdet.soft_nms(plain, SCORES[:2], compat="opencv")[0][1].backward()
    ptdet.soft_nms(given, SCORES[:2], compat="onnx")[0][1].backward()
    assert plain.grad is not None and given.grad is not None and plain.grad[0, 3] != 0
    assert torch.equal(given.grad, plain.grad.gather(1, ways))


def test_min_score() -> None:
    """mmcv keeps a score that is min_score exactly."""
    kept = {name: len(ptdet.soft_nms(BOXES[:1], SCORES[3:4], min_score=float(SCORES[3]), compat=name)[1]) for name in
            ("mmcv", "opencv")}  # fmt: skip
    assert kept == {"mmcv": 1, "opencv": 0}


@pytest.mark.parametrize("name", PROFILES)
def test_arrays(name: str) -> None:
    """ptdet.numpy does the same."""
    import ptdet.numpy

    for boxes, scores, threshold in scenes():
        ids = torch.arange(len(scores)) % 3
        boxes = turned(boxes) if name in ANY_CORNERS else boxes
        arrays = [each.numpy() for each in (boxes, scores, ids)]
        for owner in (False, True):
            options: dict[str, Any] = {"compat": name, "return_owner": owner}
            pairs = [
                (ptdet.nms(boxes, scores, threshold, **options), ptdet.numpy.nms(*arrays[:2], threshold, **options)),
                (ptdet.batched_nms(boxes, scores, ids, threshold, **options),
                 ptdet.numpy.batched_nms(*arrays, threshold, **options)),
            ]  # fmt: skip
            for kind in ("gaussian", "linear"):
                theirs = ptdet.soft_nms(boxes, scores, threshold, ids, kind=kind, **options)
                pairs.append((theirs, ptdet.numpy.soft_nms(*arrays[:2], threshold, arrays[2], kind=kind, **options)))
            for tensors, found in pairs:
                for one, other in zip(*((each if isinstance(each, tuple) else (each,)) for each in (tensors, found)),
                                      strict=True):  # fmt: skip
                    np.testing.assert_array_equal(one.numpy(), other)


def test_compiles() -> None:
    compiled = torch.compile(
        lambda *given: ptdet.batched_nms(*given, 0.5, compat="onnx"), fullgraph=True, backend="aot_eager"
    )
    given = turned(BOXES), SCORES, torch.tensor([1, 0, 1, 0, 1])
    assert torch.equal(compiled(*given), ptdet.batched_nms(*given, 0.5, compat="onnx"))


def test_bad_input() -> None:
    import ptdet.numpy

    arrays = BOXES.numpy(), SCORES.numpy()
    for nms, soft_nms, given in (
        (ptdet.nms, ptdet.soft_nms, (BOXES, SCORES)),
        (ptdet.numpy.nms, ptdet.numpy.soft_nms, arrays),
    ):
        with pytest.raises(ValueError, match="compat: expected one of torchvision"):
            nms(*given, 0.5, compat="caffe")
        with pytest.raises(ValueError, match="inclusive: expected False as compat='opencv' has it"):
            nms(*given, 0.5, compat="opencv", inclusive=True)
        with pytest.raises(ValueError, match="reselect: expected True as compat='mmcv' has it"):
            soft_nms(*given, compat="mmcv", reselect=False)
        with pytest.raises(ValueError, match="boxes: expected shape"):
            nms(given[0][:, :3], given[1], 0.5, compat="mmcv_offset_1")
