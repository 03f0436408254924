"""How many parallel regions of OpenMP each public function enters on large inputs, as JSON: run with counter.cpp
preloaded."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import torch

import ptdet
from ptdet._shared.methods import BATCH_METHODS, FUSIONS, METHODS, SUPPRESSIONS
from ptdet.compat import PROFILES
from ptdet.testing import clustered, head_output

COUNT, IMAGES = 100_000, 10
# What takes boxes, scores, a threshold and ids, in this order.
BY_CLASS = [METHODS[name].function for name in SUPPRESSIONS if name != "hard" and METHODS[name].has_threshold]


def calls() -> Iterator[tuple[str, Callable[[], Any]]]:
    """The name of a public function, a colon and what is special, with its call."""
    boxes, scores = clustered(COUNT, 1, image=20_000)
    random = torch.Generator().manual_seed(2)
    idxs = torch.randint(50, (COUNT,), generator=random).float()
    images = torch.randint(IMAGES, (COUNT,), generator=random, dtype=torch.int32)
    for compat, owner in product((None, *PROFILES), (False, True)):
        keywords = {"compat": compat, "return_owner": owner}
        yield f"nms:{keywords}", lambda keywords=keywords: ptdet.nms(boxes, scores, 0.5, **keywords)
        yield (
            f"batched_nms:{keywords}",
            lambda keywords=keywords: ptdet.batched_nms(boxes, scores, idxs, 0.5, **keywords),
        )
    for name, owner in product(BY_CLASS, (False, True)):
        f = getattr(ptdet, name)
        yield f"{name}:{owner}", lambda f=f, owner=owner: f(boxes, scores, 0.5, idxs, return_owner=owner)
    for name in [row.function for row in METHODS.values() if row.numbers]:
        f = getattr(ptdet, name)
        yield f"{name}:", lambda f=f: f(boxes, scores, scores, 0.5, idxs, return_owner=True)
    yield "cluster_nms:weighted", lambda: ptdet.cluster_nms(boxes, scores, 0.5, idxs, weighted=True)
    yield "soft_nms:pixels", lambda: ptdet.soft_nms(boxes, scores, 0.5, idxs, compat="mmcv_offset_1")
    yield "matrix_nms:", lambda: ptdet.matrix_nms(boxes, scores, idxs, return_owner=True)
    for method in BATCH_METHODS:
        threshold = 0.5 if METHODS[method].has_threshold else None
        for most, ids in product((None, 2000), (None, idxs)):
            keywords = {"num_images": IMAGES, "method": method, "max_per_image": most}
            yield (
                f"ragged_nms:{method}",
                lambda threshold=threshold, ids=ids, keywords=keywords: ptdet.ragged_nms(
                    boxes, scores, images, threshold, ids, **keywords
                ),
            )
        padded, of_classes = boxes.view(IMAGES, -1, 4), torch.stack([scores, scores * 0.9], 1).view(IMAGES, -1, 2)
        for agnostic, least in product((False, True), (None, 0.2)):
            keywords = {"method": method, "agnostic": agnostic, "score_threshold": least}
            yield (
                f"combined_nms:{method}",
                lambda threshold=threshold, padded=padded, of_classes=of_classes, keywords=keywords: ptdet.combined_nms(
                    padded, of_classes, threshold, **keywords
                ),
            )
    v5 = head_output(4, 20_000, 10, share=0.9)
    v8 = head_output(4, 20_000, 10, objectness=False, extra=3, share=0.9).transpose(1, 2).contiguous()
    yield "yolo:v5", lambda: ptdet.yolo.postprocess(v5, 0.001, head="v5", max_det=None)
    some: dict[str, Any] = {"num_classes": 10, "multi_label": True, "classes": range(9), "max_det": None}
    yield "yolo:v8", lambda: ptdet.yolo.postprocess(v8, 0.001, **some)
    for agnostic in (False, True):
        best: dict[str, Any] = {**some, "pre_topk": 30_000, "agnostic": agnostic}
        yield f"yolo:{agnostic}", lambda best=best: ptdet.yolo.postprocess(v8, 0.001, **best)
    logits = head_output(4, 20_000, 10, logits=True, share=0.9)
    for method, most in product(ptdet.yolo.METHODS, (None, 500)):
        yield (
            f"non_max_suppression:{method}",
            lambda method=method, most=most: ptdet.non_max_suppression(
                logits, 0.05, 0.5, method=method, max_per_class=most
            ),
        )
    lists = [list(each.split(COUNT // 2)) for each in (boxes, scores, idxs)]
    for least in (0.0, 0.2):
        keywords = {"weights": [1.0, 2.0], "skip_box_thr": least, "return_owner": True}
        for name in [METHODS[fusion].function for fusion in FUSIONS]:
            yield (
                f"{name}:{least}",
                lambda name=name, keywords=keywords: getattr(ptdet, name)(*lists, **keywords),
            )
    few = boxes[:1000]
    for name in ("box_iof", "box_ios", "box_iou", "complete_box_iou", "distance_box_iou", "generalized_box_iou"):
        yield f"{name}:", lambda name=name: getattr(ptdet, name)(few, few)
    yield "pairwise_overlap:", lambda: ptdet.pairwise_overlap(few, few)
    picture = torch.ones(1, 3, 300, 300)
    yield "channel_norm:", lambda: ptdet.channel_norm(picture)


def main() -> None:
    torch.set_num_threads(2)
    counter = ctypes.CDLL(None)
    counter.regions_entered.restype = ctypes.c_long

    def entered(call: Callable[[], Any]) -> int:
        before = counter.regions_entered()
        call()
        return int(counter.regions_entered() - before)

    found = {"torch": entered(lambda: torch.rand(COUNT) + 1)}
    for name, call in calls():
        found[name] = found.get(name, 0) + entered(call)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
