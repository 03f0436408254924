"""An ONNX detector head in onnxruntime, its boxes suppressed by ptdet.numpy: no torch in the process.

The head is made here: matched filters of three sizes over a drawn picture, a sigmoid, and a box for every place and
size. It fires several times on every block; the suppression leaves one box for each.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ptdet.numpy  # noqa: E402

SIDE, SIZES = 160, (9, 15, 25)
Floats = NDArray[np.float32]


def filters() -> Floats:
    """For each size the mean of the inside less the mean of a rim around it."""
    widest = max(SIZES) + 4
    kernels = np.zeros((len(SIZES), 1, widest, widest), np.float32)
    for kernel, size in zip(kernels[:, 0], SIZES, strict=True):
        inner, outer = (slice((widest - side) // 2, (widest + side) // 2) for side in (size, size + 4))
        kernel[outer, outer] = -1 / ((size + 4) ** 2 - size**2)
        kernel[inner, inner] = 1 / size**2
    return kernels


def anchors() -> Floats:
    """x1, y1, x2, y2 for every size, row and column."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) + 0.5
    return np.stack([np.stack([x - s / 2, y - s / 2, x + s / 2, y + s / 2], -1) for s in SIZES]).reshape(-1, 4)


def head() -> bytes:
    """picture (1, 1, SIDE, SIDE) to boxes (N, 4), scores (N,) and classes (N,), the class being the size."""
    pad = (max(SIZES) + 4) // 2
    classes = np.repeat(np.arange(len(SIZES)), SIDE * SIDE)
    constants = {"kernels": filters(), "gain": np.float32(12), "bias": np.float32(-8), "flat": np.array([-1]),
                 "anchors": anchors(), "sizes": classes}  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["picture", "kernels"], ["contrast"], pads=[pad] * 4),
        helper.make_node("Mul", ["contrast", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["confidence"]),
        helper.make_node("Reshape", ["confidence", "flat"], ["scores"]),
        helper.make_node("Identity", ["anchors"], ["boxes"]),
        helper.make_node("Identity", ["sizes"], ["classes"]),
    ]
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 1, SIDE, SIDE])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [len(classes), 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [len(classes)]),
            helper.make_tensor_value_info("classes", TensorProto.INT64, [len(classes)]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def picture() -> tuple[Floats, Floats]:
    """Bright blocks on noise, and where they are."""
    random = np.random.default_rng(0)
    drawn = random.uniform(0, 0.1, (SIDE, SIDE)).astype(np.float32)
    places = []
    for row in range(4):
        for column in range(4):
            size = SIZES[(row + column) % len(SIZES)]
            x, y = (40 * at + int(random.integers(2, 38 - size)) for at in (column, row))
            drawn[y : y + size, x : x + size] = random.uniform(0.8, 1.0)
            places.append((x, y, x + size, y + size))
    return drawn[None, None], np.array(places, np.float32)


def main() -> int:
    drawn, places = picture()
    session = onnxruntime.InferenceSession(head(), providers=["CPUExecutionProvider"])
    boxes, scores, classes = session.run(None, {"picture": drawn})
    candidates = int((scores > 0.3).sum())
    keep = ptdet.numpy.nms(boxes, scores, 0.1, score_threshold=0.3)
    found = {(tuple(boxes[i].tolist()), SIZES[classes[i]]) for i in keep}
    right = {(tuple(place.tolist()), int(place[2] - place[0])) for place in places}
    print(
        f"{candidates} candidates, {len(keep)} detections, {len(found & right)} of {len(places)} blocks found exactly"
    )
    print("torch was not imported" if "torch" not in sys.modules else "torch was imported")
    return 0 if found == right else 1


if __name__ == "__main__":
    raise SystemExit(main())
