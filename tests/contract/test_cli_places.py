"""`ptdet run`: results stay where they were asked for, none is written over, and long work is not lost."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy
import pytest

from ptdet import io
from ptdet.cli.outputs import one_name

from .test_cli_run import IMAGES, YOLOX, refused, run

ENTRY = {"category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.5}
IDS: list[Any] = [
    "../pics/a", "/a", "a", "sub/a", "sub_a", "A", 1, "1", "..", ".", "", "C:\\x", "a\n\0b", "x" * 300, "y" * 300 + "z",
    "\ud800", "CON?",
]  # fmt: skip


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def one_box(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    numpy.save(path, numpy.array([[1, 2, 30, 40, 0.9, 1]], numpy.float32))
    return path


@pytest.mark.parametrize("out", ["out", "out/all.json", "out/all.png", "out/all.npz"])
def test_ids_never_lead_elsewhere(tmp_path: Path, out: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every id has its picture, in the folder that was named, and no two have the same."""
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "here/pics").mkdir(parents=True)
    source = tmp_path / "here/x.json"
    source.write_text(json.dumps([{"image_id": image_id, **ENTRY} for image_id in IDS]))
    for name in ("a", "A", "sub_a", "1"):
        image.new("RGB", (60, 60)).save(tmp_path / f"here/pics/{name}.png")
    before = tree(tmp_path)
    run(source, "--image", tmp_path / "here/pics", "--out", tmp_path / "here" / out)
    new = tree(tmp_path) - before
    assert {Path(name).parent for name in new} == {Path("here/out")}
    pictures = [name for name in new if name.endswith(".png")]
    assert len({name.casefold() for name in pictures}) == len(pictures) == 6  # ../pics/a, a, A, sub_a, 1, "1"
    said = capsys.readouterr()
    assert said.out.count("wrote ") == len(new) == len(set(new))
    assert "Traceback" not in said.err


def test_every_id_has_a_name_of_its_own(tmp_path: Path) -> None:
    for image_id in IDS:
        name = one_name(str(image_id))
        assert Path(name).name == name and name not in ("", ".", "..") and len(os.fsencode(name)) <= 100
        (tmp_path / name).write_text("")
    assert (
        one_name("sub/a") == "sub_a" and one_name("../pics/a") == "_pics_a" and one_name("street 7.x") == "street 7.x"
    )


def test_a_picture_is_not_drawn_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The one that is drawn on, and one that another input is going to need."""
    image = pytest.importorskip("PIL.Image")
    for name in ("a.png", "a_before_after.png"):
        image.new("RGB", (60, 60)).save(tmp_path / name)
    first, second = one_box(tmp_path / "in/a.npy"), one_box(tmp_path / "in/a_before_after.npy")
    kept = {name: (tmp_path / name).read_bytes() for name in ("a.png", "a_before_after.png")}
    assert "is the picture itself" in refused(capsys, first, "--image", tmp_path, "--out", tmp_path / "a.png")
    assert run(first, second, "--image", tmp_path, "--out", tmp_path) == 0
    assert all((tmp_path / name).read_bytes() == stored for name, stored in kept.items())
    assert tree(tmp_path) - set(kept) - {"in/a.npy", "in/a_before_after.npy"} == {
        "a.json", "a_before_after.json", "a_before_after_2.png", "a_before_after_before_after.png",
    }  # fmt: skip


def test_results_never_overwrite_an_input_or_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "x.json"
    source.write_text(json.dumps([{"image_id": 1, **ENTRY}]))
    stored = source.read_text()
    assert "would overwrite the input" in refused(capsys, source, "--out", tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    assert "would overwrite the input" in refused(capsys, source, "--out", tmp_path / "link")
    assert "is an input" in refused(capsys, tmp_path, "--out", tmp_path / "link/x.json")
    assert source.read_text() == stored
    files = one_box(tmp_path / "a/x.npy"), one_box(tmp_path / "b/X.npy")
    assert "another input is called X too" in refused(capsys, *files, "--out", tmp_path / "c")


@pytest.mark.parametrize("out", ["file/x.json", "file/folder", "file/x.png"])
def test_an_unwritable_place_is_found_before_the_work(
    tmp_path: Path, out: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_late(*_: object) -> None:
        raise AssertionError("work was done")

    monkeypatch.setattr("ptdet.cli.run.read_predictions", too_late)
    (tmp_path / "file").write_text("no folder")
    image = ("--image", IMAGES / "000000000885.jpg")
    assert f"--out {tmp_path / out} cannot be written: " in refused(capsys, YOLOX, *image, "--out", tmp_path / out)


def test_a_folder_without_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forbidden(**_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.TemporaryFile", forbidden)  # root may write everywhere
    assert "x.json cannot be written: Permission denied" in refused(capsys, YOLOX, "--out", tmp_path / "x.json")
    monkeypatch.undo()
    (tmp_path / "x.json").write_text("[]")
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    assert "x.json cannot be written: is write-protected" in refused(capsys, YOLOX, "--out", tmp_path / "x.json")
    assert (tmp_path / "x.json").read_text() == "[]"


def test_an_interrupt_loses_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The third of four is being read when it comes: the results and the rows of two are there."""
    files = [one_box(tmp_path / f"in/{name}.npy") for name in "abcd"]

    def read(file: Path, options: io.ReadOptions) -> list[io.Predictions]:
        if file == files[2]:
            raise KeyboardInterrupt
        return io.read_predictions(file, options)

    monkeypatch.setattr("ptdet.cli.run.read_predictions", read)
    assert run(tmp_path / "in", "--out", tmp_path / "out") == 130
    assert tree(tmp_path / "out") == {"a.json", "b.json"}
    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines()] == ["file", "a.npy", "b.npy", "2", "wrote", "wrote"]
    assert "interrupted" in said.err


def test_half_a_file_is_never_there(tmp_path: Path) -> None:
    """What stood there stays, whatever is raised while the new one is written; a link stays a link."""
    target, link = tmp_path / "x.json", tmp_path / "link.json"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    with pytest.raises(KeyboardInterrupt), io.whole_file(link) as part:
        part.write_text("half")
        assert part.suffix == ".json" and part.parent == target.parent
        raise KeyboardInterrupt
    assert tree(tmp_path) == {"x.json", "link.json"} and target.read_text() == "old"
    with io.whole_file(link) as part:
        part.write_text("new")
        assert target.read_text() == "old"
    assert link.is_symlink() and target.read_text() == "new" and stat.S_IMODE(target.stat().st_mode) == 0o640
    assert tree(tmp_path) == {"x.json", "link.json"}


def test_a_device_or_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    """The file would take its place for everybody: of /dev/null, if root writes there."""
    pipe = tmp_path / "x.json"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="it is there, and no file"), io.whole_file(pipe):
        pass
    with pytest.raises(io.FileProblem, match="cannot be written: it is there, and no file"):
        io.check_writable(pipe, is_folder=False)
    assert pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_one_failure_does_not_stop_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Normalised boxes want a picture, and only one of the two has one."""
    numpy.save(tmp_path / "a.npy", numpy.array([[0, 0, 0.5, 0.5, 0.9]], numpy.float32))
    (tmp_path / "000000000885.npy").write_bytes((tmp_path / "a.npy").read_bytes())
    asked = ("--layout", "detections", "--space", "normalised", "--image", IMAGES, "--out", tmp_path / "out")
    assert run(tmp_path / "a.npy", tmp_path / "000000000885.npy", *asked) == 2
    assert tree(tmp_path / "out") == {"000000000885.json", "000000000885_before_after.png"}
    assert "picture's size is needed" in capsys.readouterr().err
