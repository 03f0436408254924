"""The truth as YOLO has it: label files, data.yaml, sizes of pictures; each error names the file and the line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ptdet.io import FileProblem, TruthOptions, read_truth

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("yaml")

SIZED = TruthOptions(image_size=(100, 50))


def picture(path: Path, size: tuple[int, int] = (100, 50)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size).save(path)


def labels(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def data_set(root: Path, yaml: str = "val: images/val\nnames: [cat, dog]\n") -> Path:
    """Two pictures with labels and one without."""
    picture(root / "images/val/a.png")
    picture(root / "images/val/b.jpg", (200, 10))
    picture(root / "images/val/c.png")
    labels(root / "labels/val/a.txt", "1 0.5 0.5 0.25 0.5\n\n0 0.125 0.25 0.25 0.5\n")
    labels(root / "labels/val/b.txt", "0 0.5 0.5 1 1\n")
    (root / "data.yaml").write_text(yaml)
    return root


def test_by_hand(tmp_path: Path) -> None:
    truth = read_truth(data_set(tmp_path) / "data.yaml")
    assert truth.image_ids == ("a", "b", "c") and truth.image_names == ("a.png", "b.jpg", "c.png")
    assert truth.image_sizes == ((100, 50), (200, 10), (100, 50)) and truth.class_names == ("cat", "dog")
    assert truth.fmt == "xywh" and truth.labels.tolist() == [1, 0, 0] and truth.images.tolist() == [0, 0, 1]
    assert truth.boxes.tolist() == [[37.5, 12.5, 25, 25], [0, 0, 25, 25], [0, 0, 200, 10]]
    assert truth.area is None and truth.crowd is None and truth.ignore is None and truth.category_ids == ()
    assert truth.notes == ("1 of 3 pictures have no label file: they are pictures without objects",)


@pytest.mark.parametrize(
    "yaml",
    [
        "path: .\nval: images/val\nnc: 2\nnames:\n  0: cat\n  1: dog\n",
        "val: [images/val/]\nnames: ['cat', 'dog']\ntrain: nowhere\n",
        "val: ../images/val\nnames: [cat, dog]\n",  # Roboflow
        "val: val.txt\nnames: [cat, dog]\n",
        "val:\n  - val.txt\nnames: [cat, dog]\n",
        "path: .\\\nval: .\\images\\val\nnames: [cat, dog]\n",  # of Windows
        "val: lists\\windows.txt\nnames: [cat, dog]\n",
    ],
)
def test_ways_to_name_the_pictures(tmp_path: Path, yaml: str) -> None:
    root = data_set(tmp_path / "set", yaml)
    (root / "val.txt").write_text("./images/val/a.png\n\nimages/val/b.jpg\n./images/val/c.png\n")
    labels(root / "lists/windows.txt", "\r\n".join(f"..\\images\\val\\{name}" for name in ("a.png", "b.jpg", "c.png")))
    expected = read_truth(data_set(tmp_path / "plain"))
    found = read_truth(root)
    assert found.image_ids == expected.image_ids and found.boxes.tolist() == expected.boxes.tolist()


def test_splits_and_paths(tmp_path: Path) -> None:
    """`path` is below the folder of the data.yaml, and --split chooses; pictures of one stem keep their folders."""
    root = data_set(tmp_path / "set", "path: set\ntrain: [images/val, images/more]\nnames: [cat, dog]\n")
    picture(root / "images/more/a.png")
    (root / "data.yaml").rename(tmp_path / "x.yaml")
    truth = read_truth(tmp_path / "x.yaml", TruthOptions(split="train"))
    assert truth.image_ids == ("images/val/a", "b", "c", "images/more/a")
    with pytest.raises(FileProblem, match=r"has no val that names pictures \(of train, val and test it has train\)"):
        read_truth(tmp_path / "x.yaml")


def test_label_files_without_pictures_are_said(tmp_path: Path) -> None:
    root = data_set(tmp_path)
    labels(root / "labels/val/z.txt", "0 0.5 0.5 1 1\n")
    assert read_truth(root).notes[0] == "1 label files have no picture, and are not read: z.txt"


def test_label_folders(tmp_path: Path) -> None:
    """Pictures are looked for beside; else --images or --image-size says; names come from classes.txt or the caller."""
    root = data_set(tmp_path)
    truth = read_truth(root / "labels/val")
    assert (
        truth.image_ids == ("a", "b", "c")
        and truth.class_names == ("0", "1")
        and "has no class names" in truth.notes[0]
    )
    labels(root / "labels/val/classes.txt", "cat\ndog\n")
    assert read_truth(root / "labels/val").class_names == ("cat", "dog")
    assert read_truth(root / "labels/val", TruthOptions(classes=("x", "y"))).class_names == ("x", "y")
    (root / "images").rename(root / "elsewhere")
    with pytest.raises(FileProblem, match="a.txt is in shares of a picture that is not there: give --images FOLDER"):
        read_truth(root / "labels/val")
    found = read_truth(root / "labels/val", TruthOptions(images=root / "elsewhere"))
    assert found.boxes.tolist() == truth.boxes.tolist()
    sized = read_truth(root / "labels/val", SIZED)
    assert sized.image_ids == ("a", "b") and sized.boxes.tolist()[2] == [0, 0, 100, 50]
    with pytest.raises(FileProblem, match="wants pictures, and .*labels has none"):
        read_truth(root / "labels/val", TruthOptions(images=root / "labels"))


def test_turned_pictures(tmp_path: Path) -> None:
    """A telephone's picture is upright for people and detectors, whatever the order of its pixels."""
    root = data_set(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (10, 200)).save(root / "images/val/b.jpg", exif=exif)
    assert read_truth(root).boxes.tolist()[2] == [0, 0, 200, 10]


QUAD = "0 0.1 0.2 0.3 0.2 0.3 0.6 0.1 0.6\n"  # 10..30 x 10..30 of 100x50
DIAMOND = "1 0.5 0.2 0.6 0.4 0.5 0.6 0.4 0.4\n"  # corners 50,10 60,20 50,30 40,20


def test_rotated_boxes(tmp_path: Path) -> None:
    """Where all lines have four corners; they are turned in pixels, not in shares."""
    labels(tmp_path / "a.txt", QUAD + DIAMOND)
    truth = read_truth(tmp_path, SIZED)
    assert truth.boxes.shape == (2, 5) and truth.boxes[0].tolist() == [20, 20, 20, 20, 0]
    side = math.hypot(10, 10)
    assert truth.boxes[1].tolist() == pytest.approx([50, 20, side, side, math.pi / 4], abs=1e-12)
    assert "all lines have four corners: taken as rotated boxes" in truth.notes[1]
    upright = read_truth(tmp_path, TruthOptions(image_size=(100, 50), boxes="upright"))
    assert upright.boxes.ravel().tolist() == pytest.approx([10, 10, 20, 20, 40, 10, 20, 20])
    assert upright.notes[1] == "2 of 2 lines are outlines: each stands for the upright box around it"
    labels(tmp_path / "a.txt", QUAD + "0 0.5 0.5 1 1\n")
    assert read_truth(tmp_path, SIZED).boxes.tolist()[1] == [0, 0, 100, 50]
    with pytest.raises(FileProblem, match="has 1 of 2 lines without four corners"):
        read_truth(tmp_path, TruthOptions(image_size=(100, 50), boxes="rotated"))


def test_outlines_keypoints_and_doubles(tmp_path: Path) -> None:
    root = data_set(tmp_path, "val: images/val\nnames: [cat, dog]\nkpt_shape: [1, 3]\n")
    labels(root / "labels/val/b.txt", "0 0.5 0.5 1 1 0.5 0.5 2\n0 0.25 0 0.5 0.5 0.25 1\n0 0.25 0 0.5 0.5 0.25 1\n")
    truth = read_truth(root)
    assert truth.boxes.tolist()[2:] == [[0, 0, 200, 10], [50, 0, 50, 10], [50, 0, 50, 10]]
    assert truth.notes[1:] == (
        "1 lines stand twice in a label file: both count (ultralytics drops one)",
        "2 of 5 lines are outlines: each stands for the upright box around it",
    )


WRONG_LINES = {
    "x 0.5 0.5 1 1": "expected a class number, got 'x'",
    "0.5 0.5 0.5 1 1": "expected a class number, got '0.5'",
    "-1 0.5 0.5 1 1": "expected a class number",
    "2 0.5 0.5 1 1": "class 2, and there are 2 names",
    "0 0.5 0.5 1": "expected class centre-x centre-y width height, or class x1 y1 .*, got 4 words",
    "0 0.5 0.5 1 1 0.9": "has six numbers, as the results of a detector have",
    "0 0.5 0.5 1 1 0 0 0": ".*, got 8 words",
    "0 0.5 0.5 nan 1": "expected numbers, got '0 0.5 0.5 nan 1'",
    "0 0.5 0.5 one 1": "expected numbers",
    "0 0.5 0.5 0_1 1": "expected numbers",
    "1_0 0.5 0.5 1 1": "expected a class number",
    "0 0.5 0.5 -0.1 1": "a negative width or height",
    "0 320 240 64 64": "expected shares of the picture, 0..1, got '0 320 240 64 64'",
}


@pytest.mark.parametrize("line", WRONG_LINES)
def test_wrong_lines(tmp_path: Path, line: str) -> None:
    root = data_set(tmp_path)
    labels(root / "labels/val/b.txt", f"0 0.5 0.5 1 1\n\n{line}\n")
    with pytest.raises(FileProblem, match=f"^b.txt, line 3: {WRONG_LINES[line]}"):
        read_truth(root)


WRONG_YAML = {
    "names: [cat": "is no YAML",
    "val: images/val\nnames: [cat]\nnc: 2": "has nc: 2, and 1 names",
    "val: images/val": "expected names, a list or a dict",
    "names: [cat, dog]": "has no val that names pictures",
    "val: 7/8\nnames: [cat, dog]": "val: there is no folder and no list of pictures",
    "val: labels\nnames: [cat, dog]": "val: .*labels has no pictures",
    "val: {a: b}\nnames: [cat, dog]": "has no val that names pictures",
    "val: bare\nnames: [cat, dog]": "val: none of 1 pictures has labels, as .*bare.x.txt",
    "val: [images/val, images/val]\nnames: [cat, dog]": "names a picture twice",
    f"val: images/val\nnames: [cat, dog]\nkpt_shape: [{'9' * 5000}, 3]": "kpt_shape: expected a list of two whole",
    "val: images/val\nnames: [cat, dog]\nkpt_shape: 17": "kpt_shape: expected a list of two whole numbers",
}


@pytest.mark.parametrize("yaml", WRONG_YAML)
def test_wrong_yaml(tmp_path: Path, yaml: str) -> None:
    picture(tmp_path / "bare/x.png")
    with pytest.raises(FileProblem, match=WRONG_YAML[yaml]) as problem:
        read_truth(data_set(tmp_path, yaml))
    assert "\n" not in str(problem.value)


def test_a_bomb_of_anchors(tmp_path: Path) -> None:
    """A kilobyte of YAML that would be gigabytes of text: refused, and quickly."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(FileProblem, match="expected names, a list or a dict"):
        read_truth(data_set(tmp_path, "\n".join([*lines, "names: *a11", "val: *a11"])))
    with pytest.raises(FileProblem, match="has nc: .*, and 1 names"):
        read_truth(data_set(tmp_path, "\n".join([*lines, "names: [cat]", "nc: *a11"])))


def test_no_text_and_no_picture(tmp_path: Path) -> None:
    root = data_set(tmp_path)
    (root / "images/val/b.jpg").write_text("no picture")
    with pytest.raises(FileProblem, match="wants the sizes of its pictures: .*b.jpg cannot be read as a picture"):
        read_truth(root)
    (root / "labels/val/a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileProblem, match="a.txt is no text"):
        read_truth(root)
