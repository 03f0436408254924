"""Bare tensors of detectors: which column is what, and how the layouts are told apart.

Shape alone cannot: (84, 300) is 300 boxes of 80 classes in columns or 84 rows of 295 classes. So a layout must also fit
the values of nearly all rows (probabilities lie in 0..1, corners are ordered) and, where known, the number of classes.
What still fits two layouts is an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from .._shared.arrays import Array
from .columns import (
    BEYOND,
    Columns,
    columns_of,
    computed,
    examined,
    padding_of,
    read_rows,
)
from .corners import UNORDERED
from .predictions import FileProblem, ReadOptions
from .scored import Scored, beyond_probability, joined, nearly_all

TAILS = (1, 32, 34, 51)  # an angle, mask coefficients, 17 keypoints in twos and threes
WITH_OBJECTNESS = 85  # COCO's 80 classes, and an objectness
MOST_EXTRA = 400  # 133 keypoints of a whole body in threes are 399
FEW = 10  # so few rows can look like another layout by chance


@dataclass(frozen=True)
class Layout:
    """One way to write boxes into a tensor (B, rows, columns)."""

    shape: str
    words: tuple[str, ...]  # what the columns of a row are; the first that has room in it is meant
    columns: bool = False  # one column a box
    kept: bool = True  # written after a suppression: one class a box
    rare: bool = False  # only if it is asked for, or the number of classes leaves nothing else

    def rows_of(self, tensor: Array) -> Array:
        return tensor.swapaxes(1, 2) if self.columns else tensor


def _kept(shape: str, *words: str) -> Layout:
    return Layout(f"{shape} {words[0]}", words)


def _head(shape: str, words: str, columns: bool = False, rare: bool = False) -> Layout:
    return Layout(f"{shape} {words.removesuffix(' extra')}", (words,), columns, False, rare)


LAYOUTS = {
    "detections": _kept("(N,6)", "x1 y1 x2 y2 score class", "x1 y1 x2 y2 score class extra", "x1 y1 x2 y2 score"),
    "yolox-kept": _kept("(N,7)", "x1 y1 x2 y2 objectness score class"),
    "yolov7-kept": _kept("(N,7)", "picture x1 y1 x2 y2 class score"),
    "tracked": _kept("(N,7)", "x1 y1 x2 y2 track score class"),
    "oriented": _kept("(N,7)", "cx cy w h score class angle"),
    "oriented-results": _kept("(N,7)", "cx cy w h angle score class"),
    "paddle": _kept("(N,6)", "class score x1 y1 x2 y2"),
    "ssd": _kept("(N,7)", "picture class score x1 y1 x2 y2"),
    "yolov5": _head("(B,N,5+C)", "cx cy w h objectness scores extra"),
    "yolov5-columns": _head("(B,5+C,N)", "cx cy w h objectness scores extra", columns=True, rare=True),
    "yolov8": _head("(B,4+C,N)", "cx cy w h scores extra", columns=True),
    "yolov8-rows": _head("(B,N,4+C)", "cx cy w h scores extra"),
    "oriented-head": _head("(B,4+C+1,N)", "cx cy w h scores angle", columns=True, rare=True),
}
LISTED = ", ".join(f"{name} {layout.shape}" for name, layout in LAYOUTS.items())


@dataclass(frozen=True)
class Fit:
    """How the rows of a tensor take a layout."""

    name: str
    rows: Array  # (B, N, W)
    columns: Columns
    count: int  # of the rows that say something: neither padding nor NaN
    padding: Array  # (B, N)
    masks: Mapping[str, Array]  # why a row is odd -> (B, N)
    odd: dict[str, int]  # why -> how many of them
    any_odd: int
    turned: bool  # the odd rows are the first four of each picture: coordinates, seen from the wrong side

    @property
    def padded(self) -> bool:
        return bool(self.padding.any())

    @property
    def good(self) -> bool:
        return self.count > 0 and not self.turned and nearly_all(self.any_odd, self.count)

    @property
    def good_if_asked(self) -> bool:
        """Half of the boxes may be odd then; scores outside 0..1 would be logits."""
        return self.any_odd * 2 <= self.count and nearly_all(self.odd.get(BEYOND, 0), self.count)

    @property
    def suspicious(self) -> bool:
        """Looks like boxes after a suppression, but for too many odd rows: the file must not pass for a head's."""
        if self.columns.box_form != "xyxy" or self.count == 0 or self.good:
            return False
        unordered = self.odd.get(UNORDERED, 0)
        other = max((many for why, many in self.odd.items() if why != UNORDERED), default=0)
        ordered = (self.count - unordered) / self.count
        rest = (self.count - other) / self.count
        if self.count < FEW and not {"class", "extra"} & set(self.columns.places):
            return True  # nothing but the order of corners tells these from centres
        if self.count < FEW and (self.padded or "extra" not in self.columns.places):
            # a head has no rows that only fill it up, and its numbers are whole by chance only
            return ordered == 1 or (rest == 1 and (self.padded or "class" in self.columns.places))
        return ordered >= 0.25 and rest >= 0.5


@dataclass(frozen=True)
class Reading:
    """The pictures of a tensor, its layout, and another that a few rows would fit as well."""

    layout: str
    pictures: list[Scored]
    doubt: str


def read_tensor(tensor: Array, options: ReadOptions) -> Reading:
    """The layout and the pictures of a tensor (B, rows, columns) or (rows, columns).

    Raises:
        FileProblem: the layout cannot be told, or the one asked for does not fit.
    """
    found = f"a tensor of shape {tuple(tensor.shape)}"
    if tensor.ndim == 4 and tensor.shape[1] == 1:
        tensor = tensor[:, 0]
    if tensor.ndim not in (2, 3):
        raise FileProblem(f"holds {found}; expected {LISTED}")
    if tensor.dtype.kind == "c" or tensor.dtype == np.bool_:
        raise FileProblem(f"holds {found} of {tensor.dtype}; expected numbers")
    if options.boxes:
        raise FileProblem(f"holds {found}, whose columns --layout names; --boxes is for arrays of boxes alone")
    if options.logits == "softmax":
        raise FileProblem(f"holds {found}; --logits softmax is for an array of logits beside one of boxes")
    tensor = computed(tensor[None] if tensor.ndim == 2 else tensor)
    fit, doubt = (_asked(tensor, options, found), "") if options.layout else _tell(tensor, options, found)
    pictures = []
    for n, rows in enumerate(fit.rows):
        odd = {why: mask[n] for why, mask in fit.masks.items()}
        pictures.append(read_rows(rows, fit.columns, options.logits, fit.padding[n], odd))
    if "picture" in fit.columns.places:
        number = fit.rows[..., fit.columns.places["picture"]].flatten()
        pictures = _by_picture(pictures, number)
    return Reading(fit.name, pictures, doubt)


def _by_picture(batch: Sequence[Scored], number: Array) -> list[Scored]:
    """The pictures that a column of numbers tells apart."""
    every = joined(batch)
    whole = np.where(np.isfinite(number), number, -1)
    return [every.rows(whole == each) for each in range(max(int(whole.max()) + 1 if len(whole) else 1, 1))]


def _fit(name: str, tensor: Array, options: ReadOptions) -> Fit | None:
    layout = LAYOUTS[name]
    rows = layout.rows_of(tensor)
    found = (columns_of(words, rows.shape[2], options.class_count) for words in layout.words)
    columns = next(filter(None, found), None)
    if columns is None:
        return None
    padding = padding_of(rows, columns)
    odd, finite = examined(rows, columns, options.logits)
    says = finite & ~padding
    any_odd = np.logical_or.reduce(list(odd.values())) & says
    counts = {why: int((mask & says).sum()) for why, mask in odd.items()}
    turned = not layout.kept and not _decided(tensor) and not bool(any_odd[:, 4:].any())
    turned = turned and int(any_odd[:, :4].sum()) >= 2 * len(rows) > 0
    return Fit(name, rows, columns, int(says.sum()), padding, odd, counts, int(any_odd.sum()), turned)


def _asked(tensor: Array, options: ReadOptions, found: str) -> Fit:
    name = options.layout or ""
    fit = _fit(name, tensor, options)
    if fit is not None:
        _refuse_other_side(fit, tensor, options, found)
    if fit is None or not fit.good_if_asked or (LAYOUTS[name].kept and options.logits != "none"):
        why = _why(LAYOUTS[name].rows_of(tensor), options, fit)
        raise FileProblem(f"holds {found} that cannot be {name} {LAYOUTS[name].shape}: {why}")
    _refuse_probabilities_as_logits(fit, options, found)
    _refuse_classes_without_a_name(fit, options, found)
    return fit


def _refuse_other_side(fit: Fit, tensor: Array, options: ReadOptions, found: str) -> None:
    """A layout was asked for that takes the numbers of boxes for boxes."""
    boxes, width = fit.rows.shape[1:]
    across = boxes > 0 and not _oriented(fit.name, tensor)
    scores = fit.columns.places.get("scores")
    too_wide = across and (fit.columns.extra > MOST_EXTRA or (scores is not None and options.class_count is None))
    if not too_wide and not (fit.turned and fit.odd.get(BEYOND) == 4 * len(fit.rows)):
        return
    others = (
        name for name, layout in LAYOUTS.items() if not layout.kept and layout.columns != LAYOUTS[fit.name].columns
    )
    or_else = f"; if not, say --num-classes {width - scores.start}" if scores and options.class_count is None else ""
    raise FileProblem(
        f"holds {found}, which as {fit.name} {LAYOUTS[fit.name].shape} is {boxes} boxes of {width} numbers each; the "
        f"boxes seem to lie along the other side: say --layout {' or '.join(others)}{or_else}"
    )


def _tell(tensor: Array, options: ReadOptions, found: str) -> tuple[Fit, str]:
    every = [fit for fit in (_fit(name, tensor, options) for name in LAYOUTS if _oriented(name, tensor)) if fit]
    longer = next((fit for fit in every if fit.name == "detections" and fit.columns.extra == 1), None)
    every = [fit for fit in every if not _rare(fit, options)]
    if options.logits != "none":
        every = [fit for fit in every if not LAYOUTS[fit.name].kept]
    silent = [fit for fit in every if fit.count == 0]
    if silent and len(silent) == len(every):
        return silent[0], ""  # padding and NaN in any layout: no boxes
    good = [fit for fit in every if fit.good]
    kept = [fit for fit in good if LAYOUTS[fit.name].kept]
    centred = [fit.name for fit in kept if fit.columns.box_form != "xyxy"]
    if len(centred) < len(kept):
        kept = [fit for fit in kept if fit.columns.box_form == "xyxy"]  # ordered corners seldom come by chance
    one_more = longer is not None and longer.good and bool(kept) and _are_longer_detections(kept, options)
    if longer is not None and one_more and longer.count >= FEW:
        kept = [longer, *kept]
    heads = _exact([fit for fit in good if not LAYOUTS[fit.name].kept])
    ordered = any(fit.columns.box_form == "xyxy" for fit in kept)
    suspicious = [fit for fit in every if fit.suspicious] if kept + heads and not ordered else []
    doubtful = suspicious or (kept and heads and _by_chance(kept))
    fits = suspicious + kept + heads if doubtful else kept or heads
    settled = fits[0] if len(fits) == 1 else _by_width(fits, options)
    if settled is not None:
        _refuse_probabilities_as_logits(settled, options, found)
        _refuse_classes_without_a_name(settled, options, found)
        by_chance = settled.count < FEW and settled.columns.box_form == "xyxy"
        others = [*(centred if by_chance else []), *(["detections"] if one_more else [])]
        return settled, " or ".join(others)
    if fits:
        names = " and ".join(fit.name for fit in fits)
        widths = [place.stop - place.start for fit in fits if (place := fit.columns.places.get("scores"))]
        classes = f" of {' or '.join(map(str, widths))} classes" if widths and not options.class_count else ""
        nearly = f", {suspicious[0].name} but for {_said(suspicious[0])}" if suspicious else ""
        raise FileProblem(f"holds {found} that fits {names}{classes}{nearly}; say --layout, --num-classes or --classes")
    why = _why(tensor, options, max(every, key=_promising, default=None))
    raise FileProblem(f"holds {found} that fits no layout: {why}; or say --layout; layouts: {LISTED}")


def _by_width(fits: Sequence[Fit], options: ReadOptions) -> Fit | None:
    """Of heads that differ in the objectness the one that is as wide as heads are."""
    if [fit.name for fit in fits] not in (["yolov5", "yolov8-rows"], ["yolov5-columns", "yolov8"]):
        return None
    if options.class_count is None:
        return fits[0] if fits[0].rows.shape[2] == WITH_OBJECTNESS and fits[0].name == "yolov5" else None
    known = [fit for fit in fits if fit.columns.extra in TAILS]
    return known[0] if len(known) == 1 and known[0].count >= FEW else None


def _promising(fit: Fit) -> tuple[bool, int]:
    """Which layout a refusal should speak of: a head that has class scores, though more besides; the best else."""
    is_head = "scores" in fit.columns.places
    return is_head and _leading_probabilities(fit.rows, 4) > 0 and not fit.turned, fit.count - fit.any_odd


def _oriented(name: str, tensor: Array) -> bool:
    """Whether the boxes can lie along this side: of a head there are far more than numbers a box."""
    return not _decided(tensor) or LAYOUTS[name].columns == (tensor.shape[2] > tensor.shape[1])


def _rare(fit: Fit, options: ReadOptions) -> bool:
    """Whether to read it so only if that is asked for."""
    if fit.name == "yolov5-columns" and options.class_count is None:
        return int(fit.rows.shape[2]) != WITH_OBJECTNESS
    if fit.name == "yolov5-columns" and fit.columns.extra in TAILS[1:]:
        return False
    if LAYOUTS[fit.name].rare:
        return options.class_count is None or fit.columns.extra > 0
    return fit.name == "detections" and fit.columns.extra == 1  # any row of seven with one odd number looks like it


def _are_longer_detections(kept: Sequence[Fit], options: ReadOptions) -> bool:
    """Of rows of seven that may be detections with a number more, whether nothing speaks for another layout.

    All centres of oriented boxes that are ordered as corners are, or all class scores that are whole, seldom come.
    """
    return options.logits == "none" and all(fit.name in ("oriented", "yolox-kept") for fit in kept)


def _decided(tensor: Array) -> bool:
    """Whether the shape alone says along which side the boxes lie."""
    few, many = sorted(tensor.shape[1:])
    return bool(many >= 300 and many >= 8 * few)


def _by_chance(kept: Sequence[Fit]) -> bool:
    """Whether rows of a head could look like this: without ordered corners, or few of them without a class."""
    first = kept[0]
    few = first.count < FEW and not first.padded
    return first.columns.box_form != "xyxy" or (
        few and ("class" not in first.columns.places or first.columns.extra > 0)
    )


def _exact(heads: list[Fit]) -> list[Fit]:
    """Those in which the classes that are known leave nothing over, if there are such."""
    exact = [fit for fit in heads if fit.columns.extra == 0]
    rare = [fit for fit in exact if LAYOUTS[fit.name].rare]  # the one number more may be the angle of oriented boxes
    return heads if rare == exact else exact


def _refuse_probabilities_as_logits(fit: Fit, options: ReadOptions, found: str) -> None:
    """Class logits whose first columns all lie in 0..1 are probabilities, and the rest is no class score."""
    scores = fit.columns.places.get("scores")
    if options.logits == "none" or options.class_count or scores is None or fit.count < FEW:
        return
    like = _leading_probabilities(fit.rows, scores.start)
    if 0 < like < scores.stop - scores.start:
        raise FileProblem(f"holds {found} whose scores are no logits: {_advice(like, fit.rows, scores.start)}")


def _refuse_classes_without_a_name(fit: Fit, options: ReadOptions, found: str) -> None:
    """Names for some classes of a head only: the numbers after their scores look like scores of classes too."""
    rest, scores = fit.columns.places.get("extra"), fit.columns.places.get("scores")
    if options.num_classes or not fit.count or not fit.columns.extra or rest is None or scores is None:
        return
    if options.logits == "none":
        odd = np.logical_or.reduce(list(fit.masks.values()))
        alike = not bool(beyond_probability(fit.rows[~fit.padding & ~odd][:, rest]).any())
    else:
        alike = fit.columns.extra not in TAILS
    if alike:
        named = scores.stop - scores.start
        raise FileProblem(
            f"holds {found}, but {named} classes have names, and the {fit.columns.extra} numbers after their scores "
            f"look like scores of classes too: name all {named + fit.columns.extra}, or, if they are something else, "
            f"say --num-classes {named} as well"
        )


def _leading_probabilities(rows: Array, start: int) -> int:
    """How many columns from `start` on lie in 0..1 in nearly all rows."""
    flat = rows.reshape(-1, rows.shape[2])
    flat = flat[~((flat == 0) | (flat == -1)).all(1)]
    beyond = beyond_probability(flat[:, start:]).sum(0)
    return sum(1 for _ in takewhile(lambda odd: nearly_all(odd, len(flat)), beyond.tolist()))


def _advice(like: int, rows: Array, start: int) -> str:
    rest = rows.shape[2] - start - like
    where = f"column {start} lies" if like == 1 else f"columns {start} to {start + like - 1} lie"
    return (
        f"{where} in 0..1 and the {rest} after do not: if these are mask coefficients or keypoints, say --num-classes "
        f"({like}, or {like - 1} and --layout yolov5 if one is the objectness)"
        if like > 1
        else f"{where} in 0..1 and the {rest} after do not: if these are keypoints, say --num-classes 1; if they are "
        "logits after the objectness, say --logits classes"
    )


def _said(fit: Fit) -> str:
    told = [f"{many} of {fit.count} rows with {why}" for why, many in fit.odd.items() if many]
    return ", ".join(told)


def _why(rows: Array, options: ReadOptions, fit: Fit | None) -> str:
    """The likely reason why rows do not fit."""
    width = rows.shape[2]
    if width < 5:
        return "too few numbers a box"
    if options.class_count and width < 4 + options.class_count:
        return f"{width} numbers a box are too few for {options.class_count} classes"
    if options.logits != "none" and fit is not None and LAYOUTS[fit.name].kept:
        return "boxes after a suppression have no logits: leave --logits out"
    if options.layout and fit is not None and LAYOUTS[fit.name].kept:
        return _said(fit)
    if fit is not None and not fit.odd.get(BEYOND):
        return _said(fit) or "another number of columns"
    if options.logits == "none" and fit is not None:
        like = _leading_probabilities(fit.rows, 4)
        if 0 < like < fit.rows.shape[2] - 4 and not options.class_count:
            return _advice(like, fit.rows, 4)
        last = 4 + options.class_count if options.class_count else None
        scores = np.nan_to_num(fit.rows[..., 4:last])
        low, high = scores.min(), scores.max()
        return f"its scores go from {low:.3g} to {high:.3g}: if they are logits, say --logits classes or --logits all"
    return f"{_said(fit)}" if fit is not None else "another number of columns"
