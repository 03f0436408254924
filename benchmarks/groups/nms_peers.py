"""Hard NMS of the peers, each with input in its fastest form; making that form is not timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ..cases import Contender
from ..peers import find, part, takes_arrays

LARGEST_ONNX = 30_000  # boxes times classes times 4 bytes of scores: more would be a gigabyte


def plain_peers(boxes: Tensor, scores: Tensor, threshold: float) -> Iterator[Contender]:
    """Class-agnostic NMS."""
    if torchvision := find("torchvision"):
        yield Contender("torchvision", lambda: torchvision.ops.nms(boxes, scores, threshold))
    if not takes_arrays(boxes):
        return
    numbers, weights = boxes.double().numpy(), scores.double().numpy()
    if lsnms := find("lsnms"):
        yield Contender("lsnms", lambda: lsnms.nms(numbers, weights, threshold))
    if powerboxes := find("powerboxes"):
        yield Contender("powerboxes", lambda: powerboxes.nms(numbers, weights, threshold, 0.0))
        yield Contender("powerboxes rtree", lambda: powerboxes.rtree_nms(numbers, weights, threshold, 0.0))
    if find("onnxruntime"):
        yield Contender("onnxruntime", _onnx(boxes, scores[None], threshold), lambda found: _column(found, 2))
    if cv2 := find("opencv"):
        sides = _sides(boxes)
        yield Contender("opencv", lambda: cv2.dnn.NMSBoxes(sides, weights, 0.0, threshold))
    if len(boxes) and (ensemble := find("ensemble-boxes")):
        yield _ensemble(ensemble, boxes, scores, torch.zeros(len(boxes)), threshold)
    if ultralytics := part("ultralytics", "utils.nms"):
        yield Contender("ultralytics", lambda: ultralytics.TorchNMS.nms(boxes, scores, threshold))
    yield from _rows_peers(boxes, scores, torch.zeros(len(boxes)), threshold, "nms")


def batched_peers(boxes: Tensor, scores: Tensor, idxs: Tensor, threshold: float) -> Iterator[Contender]:
    """NMS within each class."""
    if torchvision := find("torchvision"):
        yield Contender("torchvision", lambda: torchvision.ops.batched_nms(boxes, scores, idxs, threshold))
    if not takes_arrays(boxes):
        return
    numbers, weights, labels = boxes.double().numpy(), scores.double().numpy(), idxs.numpy()
    if lsnms := find("lsnms"):
        yield Contender("lsnms", lambda: lsnms.nms(numbers, weights, threshold, class_ids=labels))
    if find("onnxruntime") and 0 < len(boxes) <= LARGEST_ONNX:
        by_class = torch.zeros(int(idxs.max()) + 1, len(boxes)).scatter_(0, idxs[None], scores[None].float())
        note = "scores as (class, box), zero where the box is of another class"
        yield Contender("onnxruntime", _onnx(boxes, by_class, threshold), lambda found: _column(found, 2), note)
    if cv2 := find("opencv"):
        sides, ids = _sides(boxes), idxs.int().numpy()
        yield Contender("opencv", lambda: cv2.dnn.NMSBoxesBatched(sides, weights, ids, 0.0, threshold))
    if len(boxes) and (ensemble := find("ensemble-boxes")):
        yield _ensemble(ensemble, boxes, scores, idxs, threshold)
    yield from _rows_peers(boxes, scores, idxs, threshold, "batched_nms")


def _sides(boxes: Tensor) -> Any:
    """x, y, width, height."""
    return torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).double().numpy()


def _column(found: Any, column: int) -> Tensor:
    return torch.as_tensor(found[0])[:, column].long().sort().values


def _onnx(boxes: Tensor, scores: Tensor, threshold: float) -> Callable[[], Any]:
    """The operator NonMaxSuppression with free sizes."""
    feed = {
        "boxes": boxes[None].float().numpy(),
        "scores": scores[None].float().numpy(),
        "most": torch.tensor([len(boxes)]).numpy(),
        "iou": torch.tensor([threshold]).numpy(),
        "score": torch.tensor([0.0]).numpy(),
    }
    session = _onnx_session(torch.get_num_threads())
    return lambda: session.run(None, feed)


@cache
def _onnx_session(threads: int) -> Any:
    import onnx
    from onnx import TensorProto, helper

    runtime = find("onnxruntime")
    floats, whole = TensorProto.FLOAT, TensorProto.INT64
    inputs = [
        helper.make_tensor_value_info("boxes", floats, [1, "n", 4]),
        helper.make_tensor_value_info("scores", floats, [1, "c", "n"]),
        helper.make_tensor_value_info("most", whole, [1]),
        helper.make_tensor_value_info("iou", floats, [1]),
        helper.make_tensor_value_info("score", floats, [1]),
    ]
    outputs = [helper.make_tensor_value_info("kept", whole, ["k", 3])]
    node = helper.make_node("NonMaxSuppression", [one.name for one in inputs], ["kept"])
    graph = helper.make_graph([node], "nms", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    onnx.checker.check_model(model)
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = threads
    return runtime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])


def _ensemble(library: Any, boxes: Tensor, scores: Tensor, idxs: Tensor, threshold: float) -> Contender:
    """It needs boxes in 0..1 and returns boxes: their indices are found by their scores."""
    low, high = boxes.min(), boxes.max()
    unit = ((boxes - low) / (high - low)).numpy()
    weights, labels = scores.numpy(), idxs.numpy()
    order = scores.sort(stable=True)

    def answer(result: Any) -> Tensor:
        kept = torch.as_tensor(result[1]).to(scores.dtype).sort().values
        place = torch.searchsorted(order.values, kept)
        repeat = torch.arange(len(kept)) - torch.searchsorted(kept, kept)  # equal scores get successive indices
        return order.indices[(place + repeat).clamp(max=len(scores) - 1)].sort().values

    note = "boxes scaled to 0..1; kept boxes are recognised by their scores"
    return Contender("ensemble-boxes", lambda: library.nms([unit], [weights], [labels], threshold), answer, note)


def _rows_peers(boxes: Tensor, scores: Tensor, idxs: Tensor, threshold: float, name: str) -> Iterator[Contender]:
    """Peers that take rows of x1, y1, x2, y2, score, class."""
    rows = torch.cat([boxes, scores[:, None], idxs[:, None].to(boxes.dtype)], 1).numpy()
    if supervision := part("supervision", "detection.utils.iou_and_nms"):
        call = lambda: supervision.box_non_max_suppression(rows, threshold)  # noqa: E731
        yield Contender("supervision", call, lambda mask: torch.as_tensor(mask).nonzero().flatten())
    if sahi := part("sahi", "postprocess.combine"):
        function = getattr(sahi, name)
        note = "removes at an IoU equal to the threshold"
        yield Contender("sahi", lambda: function(rows, "IOU", threshold), note=note)
