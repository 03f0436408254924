"""The two examples of an ONNX model, picture in, picture out, on models that say what the real ones once said."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ..detections import DATA, load
from .test_examples import ROOT, run

Array = NDArray[Any]


def says(outputs: dict[str, Array], takes: str, shape: tuple[int, ...], path: Path) -> Path:
    """An ONNX model with an input of this name and shape, and outputs that never change."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("PIL")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = make.make_graph(
        [make.make_node("Identity", [f"{name}_said"], [name]) for name in outputs],
        "said",
        [make.make_tensor_value_info(takes, kind, shape)],
        [make.make_tensor_value_info(name, kind, each.shape) for name, each in outputs.items()],
        [onnx.numpy_helper.from_array(each, f"{name}_said") for name, each in outputs.items()],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def framed(picture: Path, boxes: Array) -> None:
    """Each box is drawn, in lines of three pixels, of which the middle one is looked at."""
    from PIL import Image

    with Image.open(picture) as opened:
        pixels = np.asarray(opened)
    height, width = pixels.shape[:2]
    for x1, y1, x2, y2 in boxes:
        x, y = int((x1 + x2) / 2), int((y1 + y2) / 2)
        for column, row in ((x1 + 1, y), (x2 - 1, y), (x, y1 + 1), (x, y2 - 1)):
            if 0 <= column < width and 0 <= row < height:
                assert pixels[int(row), int(column)].tolist() == [255, 0, 0], (x1, y1, x2, y2)


def test_yolox(tmp_path: Path) -> None:
    """The survivors are those of YOLOX's own code, in pixels of the picture."""
    arrays, meta = load(DATA / "yolox_nano_coco/raw_000000000885.npz")
    cells = [(x, y, s) for s in (8, 16, 32) for y in range(416 // s) for x in range(416 // s)]
    grid = np.array(cells)[arrays["row_index"]]
    raw = np.zeros((1, 3549, 85), np.float32)
    said = arrays["pred"].astype(np.float64)
    said[:, :2] = said[:, :2] / grid[:, 2:] - grid[:, :2]
    said[:, 2:4] = np.log(said[:, 2:4] / grid[:, 2:])
    raw[0, arrays["row_index"]] = said
    model = says({"output": raw}, "images", (1, 3, 416, 416), tmp_path / "yolox.onnx")
    photo, out = DATA / "images/000000000885.jpg", tmp_path / "out.png"
    done = run("examples/onnx_yolox.py", str(model), str(photo), str(out))
    assert done.returncode == 0, done.stderr
    expected = arrays["exp_aware"][:, :4] / arrays["ratio"]
    found = [ast.literal_eval(line.partition("box ")[2]) for line in done.stdout.splitlines()]
    np.testing.assert_allclose(found, expected.clip(0, [640, 427, 640, 427]), atol=0.01)
    assert [int(line.split()[1][:-1]) for line in done.stdout.splitlines()] == arrays["exp_aware"][:, 6].tolist()
    framed(out, np.array(found))


def test_faces(tmp_path: Path) -> None:
    """25 faces, those of UltraFace's own code. Its pictures were never passed on: the model looks at none."""
    from PIL import Image

    arrays, _ = load(DATA / "ultraface_rfb320/raw_img11.npz")
    steps = [(8, [10, 16, 24]), (16, [32, 48]), (32, [64, 96]), (64, [128, 192, 256])]
    priors = np.array([
        ((x + 0.5) * step / 320, min((y + 0.5) * step / 240, 1), side / 320, min(side / 240, 1))
        for step, sides in steps for y in range(-(-240 // step)) for x in range(-(-320 // step)) for side in sides
    ])  # fmt: skip
    boxes = arrays["boxes"].astype(np.float64)
    own = priors[arrays["row_index"]]
    offsets = np.zeros((1, 4420, 4), np.float32)
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    offsets[0, arrays["row_index"], :2] = (centres - own[:, :2]) / own[:, 2:] / 0.1
    offsets[0, arrays["row_index"], 2:] = np.log(sides / own[:, 2:]) / 0.2
    scores = np.zeros((1, 4420, 2), np.float32)
    scores[0, arrays["row_index"], 1] = arrays["scores"]
    scores[..., 0] = 1 - scores[..., 1]
    model = says({"scores": scores, "boxes": offsets}, "input", (1, 3, 240, 320), tmp_path / "faces.onnx")
    height, width = (int(side) for side in arrays["image_size_hw"])
    Image.new("RGB", (width, height)).save(tmp_path / "in.png")
    done = run("examples/onnx_face.py", str(model), str(tmp_path / "in.png"), str(tmp_path / "out.png"))
    assert done.returncode == 0, done.stderr
    expected = arrays["exp_detect_imgs"][:, :4] * np.array([width, height] * 2)
    assert len(expected) == 25
    framed(tmp_path / "out.png", expected)


@pytest.mark.parametrize("name", ["onnx_yolox.py", "onnx_face.py"])
def test_they_are_short(name: str) -> None:
    """Under 15 lines of code, the imports among them."""
    tree = ast.parse((ROOT / "examples" / name).read_text(encoding="utf-8"))
    lines = {node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt)}
    assert len(lines) - 1 < 15  # but for the docstring
