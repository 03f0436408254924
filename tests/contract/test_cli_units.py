"""`ptdet run` on boxes that cannot be in the unit they are taken for, on background classes, and on --pre-topk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ptdet import Letterbox, cli

from ..detections import DATA

PHOTO = DATA / "images/000000000885.jpg"  # 640x427
# The survivors of YOLOX on this picture, in its pixels.
PIXELS = np.array([[279.0, 84, 419, 395], [10, 20, 90, 110], [500, 300, 630, 420]], np.float32)
FITTED = Letterbox.fit((427, 640), 640)


def run(
    capsys: pytest.CaptureFixture[str], boxes: np.ndarray, tmp_path: Path, *options: object
) -> tuple[str, np.ndarray]:
    """What is said on stderr, and the boxes written, x1 y1 x2 y2 in pixels of the picture."""
    scores = np.linspace(0.9, 0.8, len(boxes), dtype=np.float32)
    np.savez(tmp_path / "x.npz", boxes=boxes.astype(np.float32), scores=scores)
    assert cli.main(["run", str(tmp_path / "x.npz"), "--out", str(tmp_path / "y.json"), *map(str, options)]) == 0
    said = capsys.readouterr().err
    assert said.count("\n") <= 1 and (not said or said.startswith("ptdet: note: x.npz: "))
    written = np.array([record["bbox"] for record in json.loads((tmp_path / "y.json").read_text())])
    written[:, 2:] += written[:, :2]
    return said.partition("x.npz: ")[2].strip(), written


def in_network(side: int, center: bool) -> np.ndarray:
    fitted = Letterbox.fit((427, 640), side, center)
    return PIXELS * fitted.ratio + np.array([fitted.left, fitted.top] * 2)


IMAGE = ("--image", PHOTO)
SHARES = PIXELS / np.array([640, 427] * 2)


def test_boxes_of_the_picture_are_taken_in_silence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for options in (IMAGE, (*IMAGE, "--space", "picture"), ()):
        said, written = run(capsys, PIXELS, tmp_path, *options)
        assert said == "" and np.allclose(written, PIXELS)


@pytest.mark.parametrize("space", ["letterbox:640x640", "letterbox:416x416", "letterbox:416x416:topleft", "416x416"])
def test_the_named_unit_is_taken_in_silence(space: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    side = 640 if "640" in space else 416
    boxes = in_network(side, "topleft" not in space) if "letterbox" in space else SHARES * 416
    said, written = run(capsys, boxes, tmp_path, *IMAGE, "--space", space)
    assert said == "" and np.allclose(written, PIXELS, atol=1e-3)


def test_network_pixels_that_leave_the_picture(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """106 pixels too low: the first two still end inside or just below, the third does not."""
    said, written = run(capsys, in_network(640, True), tmp_path, *IMAGE)
    assert "2 of the 3 best boxes leave the 640x427 picture, taken as --space picture" in said
    assert "--space letterbox:640x640 or 640x640 would fit" in said and "topleft" not in said
    assert np.allclose(written, PIXELS + np.array([0, 106, 0, 106]))  # obeyed, as the unit was not certain


def test_shares_are_understood_where_the_picture_is_known(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    said, written = run(capsys, SHARES, tmp_path, *IMAGE)
    assert said == "all 3 boxes lie within 0.0156 to 0.984: taken as --space normalised"
    assert np.allclose(written, PIXELS, atol=1e-3)
    said, written = run(capsys, SHARES, tmp_path)
    assert "taken as pixels of the picture: --space normalised would fit" in said and np.allclose(written, SHARES)
    said, written = run(capsys, SHARES, tmp_path, *IMAGE, "--space", "picture")
    assert "--space normalised would fit" in said and np.allclose(written, SHARES)
    said, _ = run(capsys, SHARES, tmp_path, *IMAGE, "--space", "letterbox:640x640")
    assert "taken as --space letterbox:640x640: --space normalised would fit" in said


def test_pixels_as_shares(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    said, _ = run(capsys, PIXELS, tmp_path, *IMAGE, "--space", "normalised")
    assert said == (
        "3 of the 3 best boxes leave the 640x427 picture, taken as --space normalised: --space picture or "
        "letterbox:640x640:topleft or 640x640 would fit"
    )
    np.savez(tmp_path / "z.npz", boxes=PIXELS, scores=np.full(3, 0.9, np.float32))
    assert cli.main(["run", str(tmp_path / "z.npz"), "--space", "normalised"]) == 0
    assert "3 of 3 boxes reach beyond 0..1, up to 630, taken as --space normalised" in capsys.readouterr().err


def test_a_whole_head_in_network_pixels(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A large picture hides it: all boxes of a 640x640 network lie inside 918x1188."""
    head = np.zeros((1, 84, 8400), np.float32)
    head[0, :4] = np.array([[300, 320, 90, 80]]).T
    head[0, 4, :3] = 0.9
    np.save(tmp_path / "x.npy", head)
    page = DATA / "images/dotguide_010.png"
    asked = ["run", str(tmp_path / "x.npy"), "--num-classes", "80", "--out", str(tmp_path / "y.json")]
    for more in ([], ["--image", str(page)]):
        assert cli.main([*asked, *more]) == 0
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and "8400 rows are the head of a 640x640 network" in said
        assert "--space letterbox:640x640 (ultralytics), letterbox:640x640:topleft (YOLOX)" in said
    for space in ("picture", "letterbox:640x640"):
        assert cli.main([*asked, "--image", str(page), "--space", space]) == 0
        assert capsys.readouterr().err == ""


def test_real_files_are_taken_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted(DATA.glob("*/raw_*.npz")):
        for confidence in ("0.25", "0.01"):
            assert cli.main(["run", str(path), "--conf", confidence]) == 0
            assert capsys.readouterr().err == "", path


def faces(tmp_path: Path) -> Path:
    """UltraFace's own two columns: the background, and a face."""
    with np.load(DATA / "ultraface_rfb320/raw_img11.npz", allow_pickle=False) as stored:
        face, arrays = stored["scores"], {name: stored[name] for name in ("boxes", "image_size_hw")}
    np.savez(
        tmp_path / "faces.npz", scores=np.stack([1 - face, face], 1), meta_json='{"layout": "normalised"}', **arrays
    )
    return tmp_path / "faces.npz"


@pytest.mark.parametrize("multi_label", [(), ("--multi-label",)], ids=str)
def test_a_background_class(multi_label: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """25 faces are what UltraFace's own code keeps; without --background its 4,000 empty priors are found too."""
    asked = [
        "run",
        str(faces(tmp_path)),
        "--iou",
        "0.3",
        "--conf",
        "0.6",
        "--out",
        str(tmp_path / "y.npz"),
        *multi_label,
    ]
    assert cli.main(asked) == 0
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "say --background 0" in said
    with np.load(tmp_path / "y.npz", allow_pickle=False) as kept:
        assert int((kept["labels"] == 0).sum()) > 500
    assert cli.main([*asked, "--background", "0"]) == 0
    assert capsys.readouterr().err == ""
    with (
        np.load(tmp_path / "y.npz", allow_pickle=False) as kept,
        np.load(DATA / "ultraface_rfb320/raw_img11.npz", allow_pickle=False) as stored,
    ):
        assert kept["rows"].tolist() == stored["exp_detect_imgs_index"].tolist() and set(kept["labels"]) == {1}


def test_a_background_among_labels_and_one_that_is_not_there(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    np.savez(tmp_path / "x.npz", boxes=PIXELS, scores=np.full(3, 0.9, np.float32), labels=np.array([0, 2, 1]))
    assert cli.main(["run", str(tmp_path / "x.npz"), "--background", "2", "--out", str(tmp_path / "y.npz")]) == 0
    with np.load(tmp_path / "y.npz", allow_pickle=False) as kept:
        assert kept["rows"].tolist() == [0, 2]
    assert cli.main(["run", str(faces(tmp_path)), "--background", "2"]) == 2
    assert "has 2 classes, and --background 2 is none of them" in capsys.readouterr().err
    np.savez(tmp_path / "z.npz", boxes=PIXELS, scores=np.full(3, 0.9, np.float32))
    assert cli.main(["run", str(tmp_path / "z.npz"), "--background", "0"]) == 2
    assert "has no classes, so --background 0 is none of them" in capsys.readouterr().err


def test_only_the_best_take_part(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The second overlaps the first; the third is alone, and left out where two take part. The table tells of all."""
    boxes = np.array([[0, 0, 100, 100], [0, 5, 100, 105], [300, 300, 400, 400]], np.float32)
    np.savez(tmp_path / "x.npz", boxes=boxes, scores=np.array([0.9, 0.8, 0.7], np.float32))
    for most, kept, note in (
        (1, 1, "left 2 of 3"),
        (2, 1, "left 1 of 3"),
        (3, 2, ""),
        (9, 2, ""),
        (0, 0, "left 3 of 3"),
    ):
        assert cli.main(["run", str(tmp_path / "x.npz"), "--pre-topk", str(most)]) == 0
        said = capsys.readouterr()
        assert said.out.splitlines()[1].split()[1:5] == ["1", "3", "3", str(kept)]
        assert (f"--pre-topk {most} {note} candidates out" in said.err) if note else said.err == ""
    for wrong in ("-1", "many", "1.5"):
        with pytest.raises(SystemExit):
            cli.main(["run", str(tmp_path / "x.npz"), "--pre-topk", wrong])
