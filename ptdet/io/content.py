"""What a file of arrays holds, whatever its container: one tensor, named arrays, or a list of either."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from .._shared.arrays import Array
from .corners import ROTATED
from .facts import FACTS, Facts, facts_of
from .layouts import LISTED, read_tensor
from .named import Part, carried, read_boxes, with_count
from .predictions import FileProblem, Predictions, ReadOptions
from .quads import on_quads, with_quads
from .roles import Words, by_name, by_shape, described, role_of
from .scored import joined, odd_rows
from .space import Space

EXPECTED = f"expected boxes and scores (and labels), pred, m0_boxes and m0_scores, or one tensor: {LISTED}"


def predictions_of(name: str, content: Any, meta: Mapping[str, Any], options: ReadOptions) -> list[Predictions]:
    """The pictures of a file called `name`; what its reader should know is in the notes of the first."""
    parts = _parts(content, meta, options)
    found, every = [], []
    for number, part in enumerate(parts):
        called = part.key and f"{name}_{part.key}" if part.key else name if len(parts) == 1 else f"{name}_{number}"
        one = part.scored
        fields: dict[str, Any] = {"image_id": _image_id(part.key or called), **part.facts}
        fields.setdefault("classes", options.classes)
        fields.setdefault("category_ids", options.category_ids)
        fields.setdefault("space", options.space or Space())
        padding = 0 if one.padding is None else int(one.padding.sum())
        found.append(
            Predictions(
                name=called,
                boxes=one.boxes,
                scores=one.scores,
                labels=one.labels,
                objectness=one.objectness,
                extra=one.extra,
                left_out=one.left_out,
                padding=padding,
                **fields,
            )
        )
        if one.boxes.shape[1] == ROTATED["xyxyxyxy"]:
            found[-1], quads = with_quads(found[-1], one.boxes, options)
            every.append((quads.reshape(-1, 4, 2), found[-1].boxes))
    if found:
        notes = [odd_rows([part.scored for part in parts]), *(note for part in parts for note in part.notes)]
        if every:
            notes += on_quads(*map(np.concatenate, zip(*every, strict=True)))
        found[0] = replace(found[0], notes=tuple(dict.fromkeys(filter(None, notes))))
    return found


def _image_id(name: str) -> int | str:
    """COCO's files are called 000000000885; other names are ids as they are."""
    digits = re.search(r"(?:^|_)(\d{12})$", name)
    return int(digits[1]) if digits else name


def _parts(content: Any, meta: Mapping[str, Any], options: ReadOptions) -> list[Part]:
    if isinstance(content, np.ndarray):
        return _of_tensor(content, options)
    if isinstance(content, Mapping):
        return _of_names(content, meta, options)
    if isinstance(content, (list, tuple)):
        return _of_list(content, options)
    raise FileProblem(f"holds a {type(content).__name__}; {EXPECTED}")


def _of_tensor(tensor: Array, options: ReadOptions) -> list[Part]:
    read = read_tensor(tensor, options)
    pictures = read.pictures
    tails = {f"{name} {tuple(value.shape[1:])} a box" for one in pictures[:1] for name, value in one.extra.items()}
    told = [f"carried along into .npz: {', '.join(sorted(tails))}"] if tails else []
    if pictures and pictures[0].scores.ndim == 2 and not options.layout and not options.class_count:
        count = pictures[0].scores.shape[1]
        told.insert(0, f"{count} class{'es' if count != 1 else ''}, unless --num-classes or --layout says else")
    if read.doubt:
        told.append(f"if not so, say --layout {read.doubt}")
    notes = [f"read as {read.layout}; {'; '.join(told)}"] if told else []
    return [Part(one, notes=tuple(notes)) for one in pictures]


def _of_list(content: Sequence[Any], options: ReadOptions) -> list[Part]:
    """A list of pictures or of batches, or what a network returns: (boxes, scores, ...), (prediction, features)."""
    if not content:
        raise FileProblem(f"holds an empty list; {EXPECTED}")
    content = _none_for_empty(content)
    tensors = [each for each in content if isinstance(each, np.ndarray)]
    if len(tensors) + sum(each is None for each in content) < len(content):
        if tensors and isinstance(content[0], np.ndarray) and not any(isinstance(each, Mapping) for each in content):
            return _noted(_parts(content[0], {}, options), _beside(content))
        if any(not isinstance(each, (Mapping, list, tuple)) for each in content):
            raise FileProblem(f"holds a list of {described(_numbered(content))}; {EXPECTED}")
        if _is_made_of_the_rest(content):
            return _noted(_parts(content[0], {}, options), _beside(content))
        by_class = _of_classes(content)
        parts = []
        for each in content if by_class is None else by_class:
            parts += _parts(each, {}, options)
        return parts
    if any(each is None for each in content) or _is_of_pictures(tensors):
        return _of_pictures(content, options)
    roles = by_shape(tensors)
    if roles is not None:
        named = {role: f"array {place}" for role, place in roles.items()}
        return read_boxes(_numbered(tensors), named, options, Facts({"classes": options.classes}))
    wide = [each for each in tensors if each.ndim in (2, 3)]
    if len(wide) == 1 and wide[0] is tensors[0]:
        return _noted(_of_tensor(wide[0], options), _beside(content))
    raise FileProblem(f"holds {described(_numbered(content))}, which do not belong together; {EXPECTED}")


def _none_for_empty(content: Sequence[Any]) -> Sequence[Any]:
    """An empty list or array beside arrays of boxes is a picture without boxes."""
    if not any(isinstance(each, np.ndarray) and each.ndim > 1 and each.size for each in content):
        return content
    return [None if _is_empty(each) else each for each in content]


def _is_empty(value: Any) -> bool:
    return (value.shape == (0,)) if isinstance(value, np.ndarray) else isinstance(value, (list, tuple)) and not value


def _is_made_of_the_rest(content: Sequence[Any]) -> bool:
    """Whether the first is a prediction, and the rest what it was made of, as YOLO-NAS returns them: other arrays."""
    first = content[0]
    if not isinstance(first, (list, tuple)) or not all(isinstance(each, np.ndarray) for each in first):
        return False
    return by_shape(first) is not None and any(_forms(each) != _forms(first) for each in content[1:])


def _forms(content: Any) -> list[Any]:
    """Of arrays how many dimensions they have, and how many numbers a row."""
    if not isinstance(content, (list, tuple)):
        return [type(content)]
    return [(each.ndim, each.shape[2:]) if isinstance(each, np.ndarray) else type(each) for each in content]


def _numbered(content: Sequence[Any]) -> dict[str, Any]:
    return {f"array {place}": each for place, each in enumerate(content)}


def _beside(content: Sequence[Any]) -> str:
    rest = {name: each for place, (name, each) in enumerate(_numbered(content).items()) if place}
    return f"not used: {described(rest)}" if rest else ""


def _noted(parts: list[Part], note: str) -> list[Part]:
    return [replace(part, notes=(*part.notes, note)) for part in parts]


def _of_classes(content: Sequence[Any]) -> list[Array] | None:
    """mmdetection's lists: for each picture an (N, 5) for each class; as (N, 6)."""
    for classes in content:
        if not isinstance(classes, (list, tuple)) or len(classes) != len(content[0]) or not classes:
            return None
        if not all(isinstance(each, np.ndarray) and each.ndim == 2 and each.shape[1] == 5 for each in classes):
            return None
    return [np.concatenate([np.insert(each, 5, n, axis=1) for n, each in enumerate(classes)]) for classes in content]


def _is_of_pictures(tensors: Sequence[Array]) -> bool:
    """Whether each array can be a picture (or a batch) of its own: of one kind, wide enough for a box and a score."""
    first = tensors[0]
    if first.ndim not in (2, 3) or any(each.ndim != first.ndim for each in tensors):
        return False
    widths, heights = ({each.shape[-axis] for each in tensors} for axis in (1, 2))
    return min(widths) >= 5 and (len(widths) == 1 or (len(heights) == 1 and min(heights) >= 5))


def _of_pictures(content: Sequence[Array | None], options: ReadOptions) -> list[Part]:
    """Each array is a picture or a batch, None a picture without boxes; all together tell the layout."""
    tensors = [each for each in content if each is not None and each.size]
    if not tensors:
        shape = next((each.shape for each in content if each is not None), (0, 6))
        empty = np.zeros((0, max(shape[-1], 6)), np.float32)
        return [part for _ in content for part in _of_tensor(empty, options)]
    if len({each.shape[1:] if each.ndim == 3 else each.shape for each in tensors}) == 1:
        read = _of_tensor(np.concatenate([each if each.ndim == 3 else each[None] for each in tensors]), options)
    elif all(each.ndim == 2 for each in tensors) and len({each.shape[1] for each in tensors}) == 1:
        read = _cut(_of_tensor(np.concatenate(tensors), options), [len(each) for each in tensors])
    else:
        sizes = sorted({prod(each.shape[1:]) for each in tensors}, reverse=True)
        if (
            len(tensors) == len(sizes)
            and len(sizes) > 1
            and all(a == 4 * b for a, b in zip(sizes, sizes[1:], strict=False))
        ):
            raise FileProblem("holds arrays that shrink by four, as the levels of one picture do: join them")
        layouts = {read_tensor(each, options).layout for each in tensors}
        if len(layouts) > 1:
            raise FileProblem(f"holds arrays that fit different layouts, {' and '.join(sorted(layouts))}: say --layout")
        read = [part for each in tensors for part in _of_tensor(each, options)]
    pictures = iter(read)
    none = replace(read[0], scored=read[0].scored.rows(slice(0, 0)))
    parts: list[Part] = []
    for each in content:
        if each is None or not each.size:
            parts += [none] * (1 if each is None or each.ndim == 2 else each.shape[0])
        else:
            parts += [next(pictures) for _ in range(1 if each.ndim == 2 else each.shape[0])]
    return parts


def _cut(parts: list[Part], counts: Sequence[int]) -> list[Part]:
    """Pictures that were read one after the other."""
    if len(parts) != 1:
        raise FileProblem("holds a list whose arrays number their pictures: join them")
    at, cut = 0, []
    for count in counts:
        cut.append(replace(parts[0], scored=parts[0].scored.rows(slice(at, at + count))))
        at += count
    return cut


def _of_names(stored: Mapping[Any, Any], meta: Mapping[str, Any], options: ReadOptions) -> list[Part]:
    nothing = np.zeros(0, np.float32)
    values = {str(name): nothing if isinstance(each, list) and not each else each for name, each in stored.items()}
    if isinstance(values.get(by_name(values).get("boxes", "")), list):
        return _of_lists(values, options)
    containers = {name: value for name, value in values.items() if isinstance(value, (Mapping, list)) and value}
    if containers and len(containers) == len(values):
        return _of_containers(values, options)
    if len(containers) == 1 and not {"boxes", "pred"} & set(by_name(values)):
        return _around(containers, values, options)
    models = sorted({int(found[1]) for name in values if (found := re.match(r"m(\d+)_", name))})
    if models and "m0_boxes" in values:
        return _ensemble(values, len(models), meta, options)
    arrays = {name: value for name, value in values.items() if name not in FACTS}
    roles = by_name(arrays)
    options = replace(options, classes=options.classes or facts_of(values, roles, meta, options).fields["classes"])
    facts = facts_of(values, roles, meta, options)
    if "category_ids" in values and "labels" not in roles and _is_labels(values, roles):
        arrays["category_ids"], roles["labels"] = values["category_ids"], "category_ids"
        facts = replace(facts, fields={**facts.fields, "category_ids": options.category_ids})
    parts = _of_roles(arrays, roles, facts, options)
    if facts.offsets is not None:
        parts = _split(parts, facts)
    elif facts.image_ids is not None:
        if len(facts.image_ids) != len(parts):
            raise FileProblem(f"image_ids: expected {len(parts)}, got {len(facts.image_ids)}")
        parts = [
            replace(part, facts={**part.facts, "image_id": own})
            for part, own in zip(parts, facts.image_ids, strict=True)
        ]
    return parts


def _is_labels(values: Mapping[str, Any], roles: Mapping[str, str]) -> bool:
    """Whether category_ids are those of the boxes: else they say which id a label has."""
    scores, ids = values.get(roles.get("scores", "")), values["category_ids"]
    return (
        isinstance(scores, np.ndarray) and isinstance(ids, np.ndarray) and scores.ndim < 3 and ids.shape == scores.shape
    )


def _of_roles(arrays: Mapping[str, Any], roles: dict[str, str], facts: Facts, options: ReadOptions) -> list[Part]:
    roles = {role: name for role, name in roles.items() if role not in ("image_id", "names")}
    used = [
        name
        for name, value in arrays.items()
        if role_of(name) == "image_id" or _are_classes(value, name, roles, arrays)
    ]
    rest = {name: value for name, value in arrays.items() if name not in used}
    width = _width(arrays.get(roles.get("boxes", "")))
    if "boxes" not in roles and _width(arrays.get(roles.get("pred", ""))) in (4, 5) and len(roles) > 1:
        roles["boxes"] = roles.pop("pred")  # boxes, or boxes and score, beside labels
        width = _width(arrays[roles["boxes"]])
    if "boxes" in roles and ({"scores", "logits"} & set(roles) or (width == 5 and "labels" in roles)):
        return read_boxes(rest, {role: name for role, name in roles.items() if role != "pred"}, options, facts)
    tensor = roles.get("pred") or (roles.get("boxes") if width and width >= 5 else None)
    if tensor is None and not set(roles) - {"count"}:
        sequence = {
            name: value
            for name, value in rest.items()
            if isinstance(value, np.ndarray) and not facts.explain(name) and role_of(name) is None
        }
        wide = [name for name, value in sequence.items() if value.dtype.kind == "f" and value.ndim in (2, 3)]
        together = len(sequence) == len(rest) and by_shape(list(sequence.values())) is not None
        pictures = len(wide) + sum(map(_is_empty, sequence.values())) if wide else 0
        if together or (pictures > 1 and len(sequence) == len(rest)):
            return _of_keys(sequence, facts, options)
        tensor = wide[0] if len(wide) == 1 else None
    if tensor is None:
        raise FileProblem(f"holds {described(rest) if rest else 'no array of numbers'}; {EXPECTED}")
    return _of_pred(rest, tensor, roles, facts, options)


def _are_classes(value: Any, name: str, roles: Mapping[str, str], arrays: Mapping[str, Any]) -> bool:
    """Whether these are the names of the classes: as many words as boxes without a class may be those of the boxes."""
    if role_of(name) not in ("names", "labels") or not isinstance(value, Words) or name == roles.get("labels"):
        return False
    scores = arrays.get(roles.get("scores", ""))
    of_boxes = "labels" not in roles and isinstance(scores, np.ndarray) and value.shape == scores.shape
    return not (of_boxes and len(value.values) > 1)


def _width(value: Any) -> int | None:
    return int(value.shape[-1]) if isinstance(value, np.ndarray) and value.ndim in (2, 3, 4) else None


def _of_pred(
    arrays: Mapping[str, Any], name: str, roles: Mapping[str, str], facts: Facts, options: ReadOptions
) -> list[Part]:
    """One tensor, and what lies beside it."""
    if not isinstance(arrays[name], np.ndarray):
        raise FileProblem(f"{name}: expected numbers; the file has {described(arrays)}")
    parts = _of_tensor(arrays[name], options)
    lost = [own for role, own in roles.items() if own != name and role != "count"]
    if lost:
        raise FileProblem(f"has {' and '.join(lost)}, which {name} has no place for; the file has {described(arrays)}")
    if "count" in roles:
        parts = with_count(parts, arrays[roles["count"]])
    rows = len(parts[0].scored.boxes) if parts else 0
    alike = all(len(part.scored.boxes) == rows for part in parts)
    labels = parts[0].scored.labels if parts else None
    known = np.zeros(0) if labels is None else labels  # a head has class scores: nothing beside it is a label
    used = {name, roles.get("count")}
    extra, told = carried(arrays, used, len(parts), rows if alike else -1, known, facts)
    return [
        replace(
            part,
            scored=replace(part.scored, extra={**part.scored.extra, **{key: value[n] for key, value in extra.items()}}),
            facts=facts.fields,
            notes=(*part.notes, *told),
        )
        for n, part in enumerate(parts)
    ]


def _of_keys(arrays: Mapping[str, Array], facts: Facts, options: ReadOptions) -> list[Part]:
    """Arrays whose names have no known meaning: what a network returned, or one for each picture, called like it."""
    tensors = list(arrays.values())
    parts = _of_list(tensors, options)
    keys = [key for key, value in arrays.items() for _ in range(1 if value.ndim < 3 else value.shape[0])]
    named = _is_of_pictures([each for each in tensors if not _is_empty(each)]) and len(set(keys)) == len(parts)
    if named and not all(re.fullmatch(r"arr_\d+", key) for key in keys):
        parts = [replace(part, key=key) for part, key in zip(parts, keys, strict=True)]
    return [replace(part, facts={**facts.fields, **part.facts}) for part in parts]


def _of_lists(values: Mapping[str, Any], options: ReadOptions) -> list[Part]:
    """Under each name a list with one entry for each picture."""
    entries = {name: value.apart() if isinstance(value, Words) else value for name, value in values.items()}
    lengths = {len(value) if isinstance(value, list) or _rank(value) else -1 for value in entries.values()}
    if len(lengths) != 1 or -1 in lengths:
        raise FileProblem(f"holds {described(values)}: expected as many entries in each")
    pictures = ({name: value[n] for name, value in entries.items()} for n in range(lengths.pop()))
    return [part for picture in pictures for part in _of_names(picture, {}, options)]


def _rank(value: Any) -> int:
    return value.ndim if isinstance(value, np.ndarray) else 0


def _of_containers(values: Mapping[str, Any], options: ReadOptions) -> list[Part]:
    """One name that holds all, or a picture under each name."""
    if len(values) == 1:
        return _parts(next(iter(values.values())), {}, options)
    parts = []
    for key, value in values.items():
        read = _parts(value, {}, options)
        parts += [replace(part, key=key if len(read) == 1 else f"{key}_{n}") for n, part in enumerate(read)]
    return parts


def _around(containers: Mapping[str, Any], values: Mapping[str, Any], options: ReadOptions) -> list[Part]:
    """One name holds the boxes; the others say which picture it is."""
    (inner,) = containers.values()
    parts = _parts(inner, {}, options)
    roles = by_name(values)
    ids = facts_of(values, roles, {}, options).image_ids
    if ids is not None and len(ids) == len(parts):
        parts = [replace(part, facts={**part.facts, "image_id": own}) for part, own in zip(parts, ids, strict=True)]
    rest = {k: v for k, v in values.items() if k not in containers and (k != roles.get("image_id") or ids is None)}
    return _noted(parts, f"not used: {described(rest)}" if rest else "")


def _split(parts: list[Part], facts: Facts) -> list[Part]:
    """Picture n owns the rows offsets[n]:offsets[n + 1]."""
    offsets = facts.offsets or ()
    if len(parts) != 1:
        raise FileProblem(f"has offsets and {len(parts)} pictures in its arrays: expected one of the two")
    count = len(parts[0].scored.boxes)
    if not offsets or offsets[0] != 0 or offsets[-1] != count or list(offsets) != sorted(offsets):
        raise FileProblem(f"offsets: expected numbers that rise from 0 to {count}")
    ids = facts.image_ids if facts.image_ids is not None else tuple(range(len(offsets) - 1))
    if len(ids) != len(offsets) - 1:
        raise FileProblem(f"image_ids: expected {len(offsets) - 1}, got {len(ids)}")
    return [
        replace(
            parts[0],
            scored=parts[0].scored.rows(slice(first, last)),
            key=str(own),
            facts={**parts[0].facts, "image_id": own},
        )
        for own, first, last in zip(ids, offsets, offsets[1:], strict=False)
    ]


def _ensemble(values: Mapping[str, Any], models: int, meta: Mapping[str, Any], options: ReadOptions) -> list[Part]:
    """What several models said of one picture, one after the other."""
    facts = facts_of(values, by_name({k: v for k, v in values.items() if not re.match(r"m\d+_", k)}), meta, options)
    read: list[Part] = []
    for number in range(models):
        stem = f"m{number}_"
        own = {name: value for name, value in values.items() if name.startswith(stem)}
        roles = {role: stem + name for role, name in by_name({k.removeprefix(stem): v for k, v in own.items()}).items()}
        if "boxes" not in roles or "scores" not in roles:
            raise FileProblem(
                f"has {described(own) if own else f'nothing of model {number}'}: expected {stem}boxes and {stem}scores"
            )
        read += read_boxes(own, roles, options, facts)
    parts = [part.scored for part in read]
    if len(parts) != models or any(one.scores.ndim != 1 for one in parts):
        raise FileProblem("expected boxes (N, 4) and scores (N,) of each model")
    if len({one.labels is None for one in parts}) > 1:
        raise FileProblem("expected labels of each model or of none")
    rest = {k: v for k, v in values.items() if not re.match(r"m\d+_", k) and k not in FACTS and not facts.explain(k)}
    notes = [note for part in read for note in part.notes] + ([f"not used: {described(rest)}"] if rest else [])
    return [Part(joined(parts), facts=facts.fields, notes=tuple(notes))]
