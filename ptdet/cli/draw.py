"""Pictures of detections, before and after side by side. Needs Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._shared.rotated_boxes import corners_of
from ..io import Candidates, FileProblem, whole_file
from ..io.pictures import opened_picture, pillow_modules
from .label_places import Rectangle, place_labels

MAX_PIXELS = 178_956_970  # Pillow's own limit: a file of some kilobytes may claim to be a picture of any size
PANEL = (
    900,
    1500,
)  # the longer side of a panel: smaller pictures are enlarged, so that labels are sharp, larger shrunk
MARGIN, TITLE, CAPTION = 24, 56, 40
INK, GREY, PAPER = (28, 30, 33), (96, 100, 106), (250, 250, 248)
PALETTE = (  # strong on photographs and on paper, neighbours far apart
    (31, 119, 210), (214, 69, 20), (22, 140, 78), (155, 64, 190), (247, 181, 0), (0, 153, 168),
    (220, 30, 90), (116, 142, 0), (92, 78, 214), (168, 96, 44), (236, 120, 176), (70, 104, 128),
)  # fmt: skip
MOST_LABELS = 400  # beyond that a panel is a carpet; the boxes are all drawn


def draw_before_after(
    image: Path,
    out: Path,
    *,
    before: Candidates,
    after: Candidates,
    classes: Sequence[str] = (),
    title: str = "",
    captions: tuple[str, str] = ("before", "after"),
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Draws both sets of boxes on the picture, side by side, and writes it to `out`.

    Args:
        before, after: boxes in pixels of the picture.
        captions: one above each panel.

    The other arguments, and what raises, are those of `draw_panels`.
    """
    panels = list(zip(captions, (before, after), strict=True))
    draw_panels(image, out, panels, classes=classes, title=title, max_pixels=max_pixels)


def draw_panels(
    image: Path,
    out: Path,
    panels: Sequence[tuple[str, Candidates]],
    *,
    classes: Sequence[str] = (),
    title: str = "",
    columns: int = 2,
    sizes: tuple[int, int] = PANEL,
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Draws each set of boxes on a copy of the picture, row by row, and writes it all to `out`.

    Args:
        image: the picture.
        out: the file to write; its suffix says the format.
        panels: what stands above each, and its boxes in pixels of the picture.
        classes: names; a label without one is written as its number, an empty name not at all.
        title: above all.
        columns: panels in a row.
        sizes: the longer side of a panel is at least and at most so many pixels.
        max_pixels: a larger picture is not loaded.

    Raises:
        FileProblem: if Pillow is absent, or a file cannot be read or written.
    """
    pillow, pen_of, _ = pillow_modules()
    photo = _load(image, max_pixels)
    scale = min(max(sizes[0] / max(photo.size), 1.0), sizes[1] / max(photo.size))
    photo = photo.resize((round(photo.width * scale) or 1, round(photo.height * scale) or 1), pillow.Resampling.LANCZOS)
    wide, high = photo.size
    rows = -(-len(panels) // columns)
    step = high + CAPTION
    sheet = pillow.new("RGB", (columns * (wide + MARGIN) + MARGIN, rows * step + TITLE + MARGIN), PAPER)
    pen = pen_of.Draw(sheet)
    room = sheet.width - 2 * MARGIN
    pen.text((MARGIN, TITLE / 2 + 4), _fitting(title, _font(26), room), fill=INK, font=_font(26), anchor="lm")
    for panel, (caption, found) in enumerate(panels):
        left, top = MARGIN + panel % columns * (wide + MARGIN), TITLE + CAPTION + panel // columns * step
        drawn, labelled = _panel(photo, found, scale, classes)
        caption += f", {labelled} labelled" if labelled < len(found) else ""
        sheet.paste(drawn, (left, top))
        pen.rectangle((left - 1, top - 1, left + wide, top + high), outline=(205, 205, 200))
        said = _fitting(caption, _font(19), wide)
        pen.text((left, top - CAPTION / 2), said, fill=GREY, font=_font(19), anchor="lm")
    try:
        with whole_file(out) as part:
            sheet.save(part)
    except (OSError, ValueError) as error:
        raise FileProblem(f"{out} cannot be written: {error}") from error


def class_colour(label: int) -> tuple[int, int, int]:
    """The colour of a class; classes twelve apart share one."""
    return PALETTE[label % len(PALETTE)]


def _panel(photo: Any, found: Candidates, scale: float, classes: Sequence[str]) -> tuple[Any, int]:
    """The picture with the boxes, the weakest first, so that the best lie on top; labels over all boxes.

    And how many boxes have a label.
    """
    pillow, pen_of, _ = pillow_modules()
    drawn = photo.convert("RGBA")
    layer = pillow.new("RGBA", drawn.size, (0, 0, 0, 0))
    pen = pen_of.Draw(layer)
    order = found.by_score().tolist()
    labels = [0] * len(found) if found.labels is None else found.labels.tolist()
    scores = found.scores.tolist()
    boxes = [_within(box, scale, *photo.size) for box in found.upright.tolist()]
    corners = (corners_of(found.boxes) * scale).tolist() if found.rotated else None
    thick = 3 if len(order) <= 60 else 2
    for i in reversed(order):
        if corners is None:
            _outline(pen, boxes[i], class_colour(labels[i]), thick)
        else:
            _turned_outline(pen, corners[i], class_colour(labels[i]), thick)
    drawn = pillow.alpha_composite(drawn, layer)
    pen = pen_of.Draw(drawn)
    font = _font(17 if len(order) <= 25 else 13)
    labelled = order[:MOST_LABELS]
    texts = [_text(labels[i] if found.labels is not None else None, scores[i], classes) for i in labelled]
    sizes = [(font.getlength(text) + 8, font.size + 6.0) for text in texts]
    places = place_labels([boxes[i] for i in labelled], sizes, *photo.size)
    placed = [(i, text, at) for i, text, at in zip(labelled, texts, places, strict=True) if at is not None]
    for i, _, at in placed:  # all lines before all labels: none is struck through
        _leader(pen, boxes[i], at, class_colour(labels[i]))
    for i, text, at in placed:
        _label(pen, at, text, class_colour(labels[i]), font)
    return drawn.convert("RGB"), len(placed)


def _within(box: Sequence[float], scale: float, width: int, height: int) -> Rectangle:
    """In panel pixels, ordered and inside the panel, so that a box that leaves the picture still shows its edges."""
    x1, x2 = sorted(min(max(x * scale, 0.0), width - 1.0) for x in (box[0], box[2]))
    y1, y2 = sorted(min(max(y * scale, 0.0), height - 1.0) for y in (box[1], box[3]))
    return x1, y1, x2, y2


def _outline(pen: Any, box: Rectangle, colour: tuple[int, int, int], thick: int) -> None:
    x1, y1, x2, y2 = map(round, box)
    pen.rectangle((x1 - 1, y1 - 1, x2 + 1, y2 + 1), outline=(0, 0, 0, 110), width=1)
    pen.rectangle((x1, y1, x2, y2), outline=(*colour, 235), width=thick)


def _turned_outline(pen: Any, corners: Sequence[Sequence[float]], colour: tuple[int, int, int], thick: int) -> None:
    """Of a rotated box; what leaves the panel is not drawn."""
    around = [tuple(corner) for corner in (*corners, *corners[:2])]  # the first side twice: its start has a joint too
    pen.line(around, fill=(0, 0, 0, 110), width=thick + 2, joint="curve")
    pen.line(around, fill=(*colour, 235), width=thick, joint="curve")


def _leader(pen: Any, box: Rectangle, place: Rectangle, colour: tuple[int, int, int]) -> None:
    """A line from a label that stands apart to its box."""
    left, top, right, bottom = place
    near = (min(max((left + right) / 2, box[0]), box[2]), min(max((top + bottom) / 2, box[1]), box[3]))
    if not (left - 2 <= near[0] <= right + 2 and top - 2 <= near[1] <= bottom + 2):
        pen.line(((left + right) / 2, (top + bottom) / 2, *near), fill=colour, width=2)


def _label(pen: Any, place: Rectangle, text: str, colour: tuple[int, int, int], font: Any) -> None:
    left, top, right, bottom = place
    pen.rectangle((left, top, right - 1, bottom - 1), fill=colour, outline=(255, 255, 255, 255), width=1)
    bright = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    ink = (0, 0, 0) if bright > 140 else (255, 255, 255)
    pen.text((left + 4, (top + bottom) / 2), text, fill=ink, font=font, anchor="lm")


def _text(label: int | None, score: float, classes: Sequence[str]) -> str:
    if label is None:
        return f"{score:.2f}"
    return f"{classes[label] if 0 <= label < len(classes) else label} {score:.2f}".lstrip()


def _fitting(text: str, font: Any, width: float) -> str:
    """The text, cut with an ellipsis to what fits."""
    while text and font.getlength(text) > width:
        text = text[:-2] + "…" if len(text) > 2 else ""
    return text


def _font(size: int) -> Any:
    return pillow_modules()[2].load_default(size)


def _load(image: Path, max_pixels: int) -> Any:
    """The picture in RGB, turned as its EXIF orientation says: as people see it, and detectors."""
    from PIL import ImageOps

    with opened_picture(image) as opened:
        width, height = opened.size
        if width * height > max_pixels:
            said = f"{image} is {width}x{height} pixels, more than {max_pixels}"
            raise FileProblem(f"{said}: if it may take that much memory, say --max-pixels {width * height}")
        return _eight_bits(ImageOps.exif_transpose(opened)).convert("RGB")


def _eight_bits(photo: Any) -> Any:
    """Grey of 16 bits from 0..65535; of 32 bits, where no one knows the range, from what it has. RGB would be cut."""
    if not photo.mode.startswith(("I", "F")):
        return photo
    wide = photo if photo.mode == "F" else photo.convert("I")
    low, high = wide.getextrema()
    if photo.mode != "F" and low >= 0 and high <= 65535:  # older Pillow has 16 bits as "I"
        low, high = 0, 65535
    scale = 255 / (high - low) if high > low else 0.0
    return wide.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")
