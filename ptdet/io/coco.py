"""COCO results JSON: a list of {"image_id", "category_id", "bbox": [x, y, w, h], "score"}."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from .predictions import Candidates, FileProblem, Predictions, ReadOptions
from .space import Space

# The ids of COCO's 80 classes: ten numbers of the original 90 are not used.
CATEGORY_IDS = tuple(i for i in range(1, 91) if i not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83))
EXPECTED = 'expected COCO results, a list of {"image_id", "category_id", "bbox": [x, y, w, h], "score"}'


def read_json(path: Path, options: ReadOptions) -> list[Predictions]:
    """One entry for each image of the file, in the order in which they first appear."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileProblem(f"is no JSON: {str(error).splitlines()[0]}") from error
    if not isinstance(stored, list):
        raise FileProblem(f"holds {_kind(stored)}; {EXPECTED}")
    images: dict[int | str, list[dict[str, Any]]] = {}
    for place, record in enumerate(stored):
        _check(place, record)
        images.setdefault(record["image_id"], []).append(record)
    return [_image(image_id, records, options) for image_id, records in images.items()]


def coco_results(found: Iterable[tuple[Predictions, Candidates]]) -> list[dict[str, Any]]:
    """Survivors in picture pixels as COCO results. What a COCO file said besides (a segmentation, ...) comes along."""
    results = []
    for of, kept in found:
        labels = [0] * len(kept) if kept.labels is None else kept.labels.tolist()
        for box, score, label, row in zip(
            kept.boxes.tolist(), kept.scores.tolist(), labels, kept.rows.tolist(), strict=True
        ):
            record = dict(of.records[row]) if of.records else {}
            x1, y1, x2, y2 = box
            bbox = [x1, y1, x2 - x1, y2 - y1]
            if of.records and of.boxes[row].tolist() == box:
                bbox = record["bbox"]  # x + w - w need not be x: a box that nobody moved stays to the last digit
            entry = {"image_id": of.image_id, "category_id": _category(of, label), "bbox": bbox, "score": score}
            results.append({**record, **entry})
    return results


def _category(of: Predictions, label: int) -> int:
    if not of.category_ids:
        return label
    if not 0 <= label < len(of.category_ids):
        raise FileProblem(f"{of.name}: class {label} has none of the {len(of.category_ids)} category_ids")
    return of.category_ids[label]


def _image(image_id: int | str, records: list[dict[str, Any]], options: ReadOptions) -> Predictions:
    boxes = torch.tensor([record["bbox"] for record in records], dtype=torch.float64).reshape(-1, 4)
    boxes = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    return Predictions(
        name=str(image_id),
        image_id=image_id,
        boxes=boxes,
        scores=torch.tensor([record["score"] for record in records], dtype=torch.float64),
        labels=torch.tensor([record["category_id"] for record in records], dtype=torch.int64),
        classes=options.classes,
        space=options.space or Space(),
        records=tuple(records),
    )


def _check(place: int, record: Any) -> None:
    def number(value: Any) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    if not isinstance(record, dict):
        raise FileProblem(f"entry {place} is {_kind(record)}; {EXPECTED}")
    for key in ("image_id", "category_id", "bbox", "score"):
        if key not in record:
            raise FileProblem(f"entry {place} has no {key!r}; {EXPECTED}")
    bbox, category = record["bbox"], record["category_id"]
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(map(number, bbox)):
        raise FileProblem(f"entry {place}: bbox: expected four numbers, got {str(bbox)[:60]}")
    if not number(record["score"]):
        raise FileProblem(f"entry {place}: score: expected a number, got {str(record['score'])[:60]}")
    if not isinstance(category, int) or isinstance(category, bool) or abs(category) >= 2**63:
        raise FileProblem(f"entry {place}: category_id: expected a whole number, got {str(category)[:60]}")
    if not isinstance(record["image_id"], (int, str)) or isinstance(record["image_id"], bool):
        raise FileProblem(f"entry {place}: image_id: expected a whole number or a name")


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        keys = ", ".join(map(str, list(value)[:5]))
        return f"an object with the keys {keys}" if value else "an empty object"
    return f"a {type(value).__name__}"
