"""What is timed and profiled on a GPU: the calls, those of torchvision beside them, and the bytes that they move."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

import ptdet
from ptdet._shared.methods import FUSIONS, METHODS, PLAIN, SUPPRESSIONS
from ptdet.testing import clustered, head_output, samples_rotated, scattered

from . import targets
from .device import Call, Gpu

SCENES = {"clustered": clustered, "scattered": scattered}
# Bytes a box of the kernels that are bound by memory, float32 boxes without ids (csrc/cuda/README.md).
BYTES_A_BOX = {"write_score_keys": 8, "prepare": 8, "count_kept": 16, "write_keep": 24, "write_owner": 24}
LARGEST_WITH_PEER = 100_000  # beyond it torchvision takes as much memory as there is: last, when all else is known


@dataclass(frozen=True)
class Workload:
    name: str
    ours: Call
    peer: Call | None = None
    bytes: int | None = None  # the least that must be moved
    kernel_bytes: dict[str, int] = field(default_factory=dict)
    most: int = 20  # times
    seconds: float = 2.0  # no more once they took so long
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sizes:
    """What the emulator stands is small."""

    boxes: tuple[int, ...] = targets.SIZES
    batch: tuple[int, int, int] = (64, 8400, 80)
    methods: int = 10_000
    pairs: int = 1_000_000
    side: int = 20_000
    image: tuple[int, int, int, int] = (8, 64, 512, 512)
    head: tuple[int, int, int] = (32, 84, 8400)
    repeats: int = 200_000

    @staticmethod
    def of(gpu: Gpu) -> Sizes:
        return Sizes((20, 50), (2, 20, 3), 40, 40, 20, (2, 4, 3, 3), (2, 7, 20), 60) if gpu.is_fake else Sizes()


def torchvision_ops() -> Any:
    try:
        return importlib.import_module("torchvision").ops
    except (ImportError, RuntimeError):  # RuntimeError: built for another torch
        return None


def suppression(gpu: Gpu, sizes: Sizes) -> Iterator[Workload]:
    peer = torchvision_ops()
    for n in sizes.boxes:
        for name, scene in SCENES.items():
            boxes, scores = (part.to(gpu.device) for part in scene(n))
            theirs = partial(peer.nms, boxes, scores, 0.5) if peer and n <= LARGEST_WITH_PEER else None
            kernels = {kernel: each * n for kernel, each in BYTES_A_BOX.items()}
            ours = partial(ptdet.nms, boxes, scores, 0.5)
            yield Workload(f"nms, {name}, {n}", ours, theirs, kernel_bytes=kernels)
            if (name, n) == ("clustered", 100_000):
                yield Workload(f"nms, {name}, {n}, max_output 300", partial(ours, max_output=300))


def large_peers(gpu: Gpu, sizes: Sizes) -> Iterator[Workload]:
    """Those that `suppression` left out."""
    peer = torchvision_ops()
    for n in sizes.boxes if peer else ():
        for name, scene in SCENES.items() if n > LARGEST_WITH_PEER else ():
            boxes, scores = (part.to(gpu.device) for part in scene(n))
            arguments = boxes, scores, 0.5
            yield Workload(f"nms, {name}, {n}", partial(ptdet.nms, *arguments), partial(peer.nms, *arguments))


def batch(gpu: Gpu, sizes: Sizes) -> Iterator[Workload]:
    """Raw outputs of a detector at confidence 0.001: one call for all images and classes, and a loop over images."""
    images, anchors, classes = sizes.batch
    draw = torch.Generator(device=gpu.device).manual_seed(0)
    boxes = torch.stack([clustered(anchors, image)[0] for image in range(images)]).to(gpu.device)
    scores = torch.sigmoid(2.2 * torch.randn(images, anchors, classes, generator=draw, device=gpu.device) - 9.5)
    image, anchor, label = (scores > 0.001).nonzero(as_tuple=True)
    flat_boxes, flat_scores, ids = boxes[image, anchor], scores[image, anchor, label], image * classes + label
    starts = torch.searchsorted(image, torch.arange(images + 1, device=gpu.device)).tolist()
    peer = torchvision_ops()

    def loop() -> None:
        for first, end in zip(starts, starts[1:], strict=False):
            peer.batched_nms(flat_boxes[first:end], flat_scores[first:end], label[first:end], 0.5)

    call = partial(ptdet.batched_nms, flat_boxes, flat_scores, ids, 0.5)
    facts = {"candidates": len(image)}
    yield Workload(targets.BATCH, call, loop if peer else None, most=10, seconds=4, facts=facts)


def methods(gpu: Gpu, sizes: Sizes) -> Iterator[Workload]:
    """Soft-NMS, then each other method once, in one group."""
    boxes, scores = (part.to(gpu.device) for part in clustered(sizes.methods))
    yield Workload(targets.SOFT, partial(ptdet.soft_nms, boxes, scores), most=7)
    for name in SUPPRESSIONS:
        if name in ("hard", "soft"):
            continue
        row = METHODS[name]
        threshold = (0.5,) if row.has_threshold else ()
        call = partial(getattr(ptdet, row.function), boxes, scores, *threshold)
        yield Workload(f"{row.function}, clustered, {sizes.methods}", call, most=7, seconds=1)
    for row in (METHODS[name] for name in METHODS if name not in PLAIN):
        numbers = [torch.linspace(0, 0.9, len(scores), device=gpu.device) for _ in row.numbers]
        call = partial(getattr(ptdet, row.function), boxes, scores, *numbers, 0.5)
        yield Workload(f"{row.function}, clustered, {sizes.methods}", call, most=7, seconds=1)
    # fusions take coordinates from 0 to 1
    lists = [boxes / boxes.max()], [scores], [torch.zeros_like(scores, dtype=torch.int64)]
    for name in FUSIONS:
        call = partial(getattr(ptdet, METHODS[name].function), *lists)
        yield Workload(f"{METHODS[name].function}, clustered, {sizes.methods}", call, most=7, seconds=1)


def losses(gpu: Gpu, sizes: Sizes) -> Iterator[Workload]:
    n = sizes.pairs
    draw = torch.Generator(device=gpu.device).manual_seed(1)
    corner = torch.rand(n, 2, generator=draw, device=gpu.device) * 600
    boxes1 = torch.cat([corner, corner + 5 + 90 * torch.rand(n, 2, generator=draw, device=gpu.device)], 1)
    boxes2 = boxes1 + torch.randn(n, 4, generator=draw, device=gpu.device)
    peer = torchvision_ops()

    def trained(function: Callable[..., Any], both: bool = True) -> Call:
        leaves = boxes1.clone().requires_grad_(), boxes2.clone().requires_grad_(both)
        return lambda: torch.autograd.grad(function(*leaves, reduction="sum"), leaves[: 1 + both])

    ours = trained(ptdet.complete_box_iou_loss)
    moved = {"grade_pairs": 36 * n, "gradient_of_pairs": 64 * n}  # they work the slopes out again
    yield Workload(
        *(targets.LOSS, ours, trained(peer.complete_box_iou_loss) if peer else None), bytes=sum(moved.values()),
        kernel_bytes=moved,
    )  # fmt: skip
    yield Workload(targets.LOSS_OF_ONE, trained(ptdet.complete_box_iou_loss, both=False), bytes=84 * n)
    # the work of the device without that of Python
    yield Workload(targets.LOSS_IN_GRAPH, gpu.captured(ours)[1], bytes=sum(moved.values()))


def pairwise(gpu: Gpu, sizes: Sizes) -> Iterator[Workload]:
    boxes = clustered(sizes.side)[0].to(gpu.device)
    peer = torchvision_ops()
    moved = 4 * sizes.side**2
    yield Workload(
        f"box_iou, {sizes.side} x {sizes.side}", partial(ptdet.box_iou, boxes, boxes),
        partial(peer.box_iou, boxes, boxes) if peer else None, moved, {"overlap_tiles": moved}, most=10,
    )  # fmt: skip

    few = sizes.side // 4
    a, b = (boxes[:few].clone().requires_grad_() for _ in range(2))
    once = torch.ones(few, few, device=gpu.device)
    yield Workload(
        f"box_iou and gradients, {few} x {few}",
        lambda: torch.autograd.grad(ptdet.box_iou(a, b), (a, b), once), most=10,
    )  # fmt: skip


def yolo(gpu: Gpu, sizes: Sizes) -> Iterator[Workload]:
    """What a head of (B, columns, N) yields at confidence 0.25; and the slots of the boxes of a batch."""
    images, columns, anchors = sizes.head
    head = head_output(images, anchors, columns - 4, objectness=False).transpose(1, 2).contiguous().to(gpu.device)
    moved = 4 * head.numel()
    call = partial(
        torch.ops.ptdet.yolo_filter, head.transpose(1, 2), columns - 4, False, False, True, 0.0, 0.25,
        -math.inf, math.inf,
    )  # fmt: skip
    yield Workload(targets.YOLO, call, bytes=moved, kernel_bytes={"count_candidates": moved}, most=10)
    count, classes = sizes.methods, columns - 4
    keep = torch.arange(count, device=gpu.device)
    groups = keep * 7919 % (images * classes)
    yield Workload(targets.SLOTS, partial(torch.ops.ptdet.image_slots, keep, groups, images, classes, 300, 100))


def rotated(gpu: Gpu, sizes: Sizes) -> Iterator[Workload]:
    for n in (size for size in sizes.boxes if size <= LARGEST_WITH_PEER):
        boxes, scores = (part.to(gpu.device) for part in samples_rotated.clustered(n))
        yield Workload(f"rotated.nms, clustered, {n}", partial(ptdet.rotated.nms, boxes, scores, 0.3))
    boxes, scores = (part.to(gpu.device) for part in samples_rotated.clustered(sizes.methods))
    yield Workload(
        f"rotated.diou_nms, clustered, {len(boxes)}", partial(ptdet.rotated.diou_nms, boxes, scores, 0.3, beta=0.6)
    )
    yield Workload(f"rotated.fast_nms, clustered, {len(boxes)}", partial(ptdet.rotated.fast_nms, boxes, scores, 0.3))
    kernels = {"overlap_rotated_tiles": 4 * len(boxes) ** 2}
    call = partial(ptdet.rotated.box_iou, boxes, boxes)
    yield Workload(f"rotated.box_iou, {len(boxes)} x {len(boxes)}", call, None, 4 * len(boxes) ** 2, kernels, most=10)
    near = (boxes + torch.randn(boxes.shape, device=gpu.device) * 0.1).requires_grad_()
    loss = partial(ptdet.rotated.box_iou_loss, near, boxes, reduction="sum")
    yield Workload(
        f"rotated.box_iou_loss and gradient, {len(boxes)} pairs", lambda: torch.autograd.grad(loss(), near), most=10
    )


def peer_norm(x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    return result


def gradient(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, grad: torch.Tensor) -> Any:
    return torch.autograd.grad(function(x), x, grad)


def norms(gpu: Gpu, sizes: Sizes) -> Iterator[Workload]:
    channels = sizes.image[1]
    image = torch.randn(sizes.image, device=gpu.device)
    layouts = {"": image, ", channels_last": image.contiguous(memory_format=torch.channels_last)}
    # a norm reads the image and writes one number a pixel; a gradient writes an image and reads both
    pixels = 4 * image.numel() // channels
    forward, backward = pixels * (channels + 1), pixels * (2 * channels + 2)
    for name in targets.NORMS:
        given = next(each for ending, each in layouts.items() if name.endswith(f"512{ending}"))
        ours: Call
        theirs: Call
        if "gradient" in name:
            leaf = given.detach().requires_grad_()
            once = torch.ones_like(ptdet.channel_norm(given))
            ours, theirs = (partial(gradient, f, leaf, once) for f in (ptdet.channel_norm, peer_norm))
            moved = {"norm": forward, "slope": backward}
        else:
            ours, theirs = (partial(f, given) for f in (ptdet.channel_norm, peer_norm))
            moved = {"norm": forward}
        kernels = {f"{what}_of_{which}": size for what, size in moved.items() for which in ("pixels", "rows")}
        yield Workload(name, ours, theirs, sum(moved.values()), kernels, most=10)


Family = Callable[[Gpu, Sizes], Iterator[Workload]]
# In the order of what is wanted first.
FAMILIES: tuple[Family, ...] = (
    suppression, batch, methods, losses, norms, pairwise, yolo, rotated, large_peers,
)  # fmt: skip
