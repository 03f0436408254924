"""The truth as Pascal VOC has it: a folder of XML files, one a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ExpatError, ParserCreate

from .._shared.dataset import Truth
from .predictions import FileProblem
from .text_lines import finite_number
from .truth_named import Named, truth_of
from .truth_options import TruthOptions

CORNERS = ("xmin", "ymin", "xmax", "ymax")
DEEPEST = 50  # elements within elements; VOC has five
LINE = "line of the file"  # an attribute that no file can have: names of XML hold no blank


def read_voc(files: Sequence[Path], options: TruthOptions) -> Truth:
    """Boxes as the files have them: xmax and ymax are the last pixels inside, counted from 1, and stay as they are.

    Raises:
        FileProblem: naming the file and the line.
    """
    return truth_of([_picture(file) for file in files], options)


def _picture(file: Path) -> Named:
    try:
        root = _parsed(file)
        return _of_root(file.stem, root)
    except FileProblem as problem:
        raise FileProblem(f"{file.name}{problem}") from problem


def _of_root(image_id: str, root: Element) -> Named:
    if root.tag != "annotation":
        raise FileProblem(f", line {_line(root)}: expected <annotation>, got <{root.tag[:60]}>")
    boxes, classes, ignore, lines = [], [], [], []
    for each in root.findall("object"):
        box = each.find("bndbox")
        if box is None:
            raise FileProblem(f", line {_line(each)}: <object> has no <bndbox>")
        x1, y1, x2, y2 = (_number(box, corner) for corner in CORNERS)
        if x2 < x1 or y2 < y1:
            raise FileProblem(f", line {_line(box)}: xmin to xmax or ymin to ymax is out of order")
        name = (each.findtext("name") or "").strip()
        if not name:
            raise FileProblem(f", line {_line(each)}: <object> has no <name>")
        difficult = (each.findtext("difficult") or "0").strip()
        if difficult not in ("0", "1"):
            raise FileProblem(f", line {_line(each)}: difficult: expected 0 or 1, got {difficult[:60]!r}")
        boxes.append((x1, y1, x2, y2))
        classes.append(name)
        ignore.append(difficult == "1")
        lines.append(_line(each))
    size = root.find("size")
    sides = [0, 0] if size is None else [int(_number(size, side)) for side in ("width", "height")]
    return Named(image_id, boxes, classes, ignore, (sides[0], sides[1]) if min(sides) > 0 else None, lines)


def _number(element: Element, tag: str) -> float:
    text = (element.findtext(tag) or "").strip()
    value = finite_number(text)
    if value is None:
        raise FileProblem(f", line {_line(element)}: {tag}: expected a number, got {text[:60]!r}")
    return value


def _line(element: Element) -> int:
    return int(element.attrib[LINE])


def _parsed(file: Path) -> Element:
    """The tree. Entities are refused: a file of a kilobyte could stand for gigabytes, or for other files."""
    builder = TreeBuilder()
    parser = ParserCreate()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise FileProblem(f", line {parser.CurrentLineNumber}: more than {DEEPEST} elements within each other")
        builder.start(tag, {**attributes, LINE: str(parser.CurrentLineNumber)})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> NoReturn:
        raise FileProblem(f", line {parser.CurrentLineNumber}: declares an entity, which is not read")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(file.read_bytes(), True)
    except ExpatError as error:
        raise FileProblem(f" is no XML: {error}") from error
    except (ValueError, LookupError) as error:  # an encoding that there is not
        raise FileProblem(f" is no XML: {error}") from error
    except OSError as error:
        raise FileProblem(f" cannot be read: {error.strerror or error}") from error
    return builder.close()
