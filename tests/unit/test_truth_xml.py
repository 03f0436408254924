"""The truth as Pascal VOC and DOTA have it, and how a format is told; each error names the file and the line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ptdet.io import FileProblem, TruthOptions, read_truth

VOC = """<?xml version="1.0"?>
<annotation>
  <folder>VOC2007</folder><filename>other.jpg</filename>
  <size><width>353</width><height>500</height><depth>3</depth></size>
  <object>
    <name>dog</name><difficult>0</difficult>
    <bndbox><xmin>48</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371.5</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
  </object>
  <object>
    <name> person </name><difficult>1</difficult>
    <bndbox><ymax>500</ymax><xmax>352</xmax><ymin>12</ymin><xmin>8</xmin></bndbox>
  </object>
  <object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>1</xmax><ymax>1</ymax></bndbox></object>
</annotation>
"""
EMPTY = "<annotation><filename>b.jpg</filename></annotation>"
DOTA = """imagesource:GoogleEarth
gsd:0.5
0 0 4 0 4 2 0 2 plane 0
10 0 20 10 10 20 0 10 ship 1
10 0 20 10 10 20 0 10 ship 2
"""


def test_voc(tmp_path: Path) -> None:
    """Boxes as they are written; difficult is ignore; parts are none; pictures are called like their files."""
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations/000001.xml").write_text(VOC)
    (tmp_path / "Annotations/b.xml").write_text(EMPTY)
    for place in (tmp_path, tmp_path / "Annotations"):
        truth = read_truth(place)
        assert truth.image_ids == ("000001", "b") and truth.image_sizes == ((353, 500), None)
        assert truth.fmt == "xyxy" and truth.class_names == ("cat", "dog", "person")
        assert truth.boxes.tolist() == [[48, 240, 195, 371.5], [8, 12, 352, 500], [1, 1, 1, 1]]
        assert truth.labels.tolist() == [1, 2, 0] and truth.images.tolist() == [0, 0, 0]
        assert truth.ignore is not None and truth.ignore.tolist() == [False, True, False] and truth.notes == ()
    named = read_truth(tmp_path, TruthOptions(classes=("person", "dog", "cat", "cow")))
    assert named.class_names == ("person", "dog", "cat", "cow") and named.labels.tolist() == [1, 0, 2]
    with pytest.raises(FileProblem, match="000001, line 5: class 'dog' is none of person, cat"):
        read_truth(tmp_path, TruthOptions(classes=("person", "cat")))
    assert read_truth(tmp_path / "Annotations/b.xml").boxes.shape == (0, 4)


def changed(old: str, new: str) -> str:
    assert old in VOC
    return VOC.replace(old, new, 1)


ENTITY = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
WRONG_XML = {
    "bomb": (ENTITY + "<annotation>&b;</annotation>", ", line 1: declares an entity, which is not read"),
    "file": (
        '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotation>&a;</annotation>',
        "declares an entity",
    ),
    "parameter": ('<!DOCTYPE a [<!ENTITY % p SYSTEM "http://x/y">%p;]><annotation/>', "declares an entity"),
    "undefined": ("<annotation>&a;</annotation>", " is no XML: undefined entity"),
    "deep": ("<a>" * 100_000, "line 1: more than 50 elements within each other"),
    "cut": (VOC[:300], " is no XML: .*line"),
    "empty": ("", " is no XML: no element found"),
    "encoding": ('<?xml version="1.0" encoding="nonsense"?><annotation/>', " is no XML"),
    "root": ("<html/>", ", line 1: expected <annotation>, got <html>"),
    "order": (changed("<xmin>48<", "<xmin>480<"), ", line 7: xmin to xmax or ymin to ymax is out of order"),
    "number": (changed("<ymin>240<", "<ymin>x<"), ", line 7: ymin: expected a number, got 'x'"),
    "endless": (changed("<ymin>240<", "<ymin>-inf<"), ", line 7: ymin: expected a number, got '-inf'"),
    "missing": (changed("<ymin>240</ymin>", ""), ", line 7: ymin: expected a number, got ''"),
    "no box": (
        changed("<bndbox><xmin>48", "<box><xmin>48").replace("</bndbox>", "</box>", 1),
        ", line 5: .* no <bndbox>",
    ),
    "no name": (changed("<name>dog</name>", ""), ", line 5: <object> has no <name>"),
    "difficult": (changed("<difficult>0", "<difficult>maybe"), ", line 5: difficult: expected 0 or 1, got 'maybe'"),
}


@pytest.mark.parametrize("name", WRONG_XML)
def test_wrong_xml(tmp_path: Path, name: str) -> None:
    """Malicious files are refused before they grow, broken ones named with the line."""
    text, expected = WRONG_XML[name]
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(FileProblem, match=f"^a.xml.*{expected}") as problem:
        read_truth(tmp_path)
    assert "\n" not in str(problem.value)


def test_dota(tmp_path: Path) -> None:
    (tmp_path / "P1.txt").write_text(DOTA)
    (tmp_path / "P2.txt").write_text("")
    truth = read_truth(tmp_path)
    assert truth.image_ids == ("P1", "P2") and truth.class_names == ("plane", "ship")
    assert truth.boxes[0].tolist() == [2, 1, 4, 2, 0]
    assert truth.boxes[1].tolist() == pytest.approx([10, 10, math.sqrt(200), math.sqrt(200), math.pi / 4], abs=1e-12)
    assert truth.ignore is not None and truth.ignore.tolist() == [False, True, True]  # DOTA has 2 for very difficult
    (tmp_path / "P2.txt").write_text("1 2 3 4 5 6 7 8\n")
    with pytest.raises(FileProblem, match="P2.txt, line 1: expected x1 y1"):
        read_truth(tmp_path)


def test_which_format(tmp_path: Path) -> None:
    """By content; what may be two is asked."""
    with pytest.raises(FileProblem, match="there is no such file"):
        read_truth(tmp_path / "nothing")
    with pytest.raises(FileProblem, match="is a folder without annotations; expected COCO's .json"):
        read_truth(tmp_path)
    (tmp_path / "gt.json").write_text("{}")
    with pytest.raises(FileProblem, match="is a folder: name the file of the truth in it, as gt.json"):
        read_truth(tmp_path)
    (tmp_path / "P1.txt").write_text(DOTA)
    with pytest.raises(FileProblem, match="holds .txt and .json files: say --truth-format"):
        read_truth(tmp_path)
    assert read_truth(tmp_path, TruthOptions(format="dota")).boxes.shape == (3, 5)
    assert read_truth(tmp_path / "P1.txt").boxes.shape == (3, 5)
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(FileProblem, match="ends in '.csv'; expected"):
        read_truth(tmp_path / "a.csv")
    with pytest.raises(FileProblem, match="cannot be read as 'kitti': expected coco, yolo, voc, dota"):
        read_truth(tmp_path, TruthOptions(format="kitti"))
    with pytest.raises(FileProblem, match="has no .xml files"):
        read_truth(tmp_path, TruthOptions(format="voc"))
