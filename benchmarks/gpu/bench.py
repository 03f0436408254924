"""Times on a GPU compared with torchvision, and the bandwidth of each kernel as a share of the GPU's copy bandwidth.

Times are medians of CUDA events after a warm-up, with the cache overwritten before each call. The peer's result is
compared before it is timed.
"""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

import ptdet
from ptdet.testing import clustered, scattered

from . import targets as gpu
from .timing import Clock, arguments, finish

Row = dict[str, Any]
SCENES = {"clustered": clustered, "scattered": scattered}

# Bytes a box of the kernels that are bound by memory, float32 boxes without ids (csrc/cuda/README.md).
BYTES_A_BOX = {"write_score_keys": 8, "prepare": 8, "count_kept": 16, "write_keep": 24, "write_owner": 24}


def torchvision_ops() -> Any:
    try:
        return importlib.import_module("torchvision").ops
    except (ImportError, RuntimeError):  # RuntimeError: built for another torch
        return None


def beside(
    clock: Clock,
    name: str,
    ours: Callable[[], Any],
    peer: Callable[[], Any] | None,
    most: int = 20,
    seconds: float = 2.0,
) -> Row:
    """One row: our time, the peer's or why it failed, and how many kept indices differ, if the results are indices."""
    times = clock.milliseconds(ours, most, seconds)
    row: Row = {"name": name, "ms": statistics.median(times), "spread": [min(times), max(times)]}
    if peer is None:
        return row
    try:
        theirs = peer()
        result = ours()
        if isinstance(theirs, torch.Tensor) and theirs.dtype == torch.int64:
            row["indices_that_differ"] = len(set(theirs.tolist()) ^ set(result.tolist()))
        del theirs, result
        row["peer_ms"] = statistics.median(clock.milliseconds(peer, min(most, 7), seconds))
        row["times_faster"] = row["peer_ms"] / row["ms"]
    except RuntimeError as error:  # the peer cannot do this size
        row["peer_failed"] = str(error).splitlines()[0][:160]
    return row


def suppression(clock: Clock, device: torch.device) -> list[Row]:
    peer = torchvision_ops()
    rows = []
    for n in gpu.SIZES:  # the largest last: a peer that fails may leave the device unusable
        for name in gpu.SCENES:
            boxes, scores = (part.to(device) for part in SCENES[name](n))
            theirs = (lambda b=boxes, s=scores: peer.nms(b, s, 0.5)) if peer else None
            call = partial(ptdet.nms, boxes, scores, 0.5)
            rows.append(beside(clock, f"nms, {name}, {n}", call, theirs))
            rows[-1] |= of_kernels(call, {kernel: each * n for kernel, each in BYTES_A_BOX.items()})
            if (name, n) == ("clustered", 100_000):
                few = partial(ptdet.nms, boxes, scores, 0.5, max_output=300)
                rows.append(beside(clock, f"nms, {name}, {n}, max_output 300", few, None))
    return rows


def batch(clock: Clock, device: torch.device, images: int = 64, anchors: int = 8400, classes: int = 80) -> list[Row]:
    """Raw outputs of a detector at confidence 0.001: one call for all images and classes, and a loop over images."""
    draw = torch.Generator(device=device).manual_seed(0)
    boxes = torch.stack([clustered(anchors, image)[0] for image in range(images)]).to(device)
    scores = torch.sigmoid(2.2 * torch.randn(images, anchors, classes, generator=draw, device=device) - 9.5)
    image, anchor, label = (scores > 0.001).nonzero(as_tuple=True)
    flat_boxes, flat_scores, ids = boxes[image, anchor], scores[image, anchor, label], image * classes + label
    starts = torch.searchsorted(image, torch.arange(images + 1, device=device)).tolist()
    peer = torchvision_ops()

    def loop() -> None:
        for first, end in zip(starts, starts[1:], strict=False):
            peer.batched_nms(flat_boxes[first:end], flat_scores[first:end], label[first:end], 0.5)

    call = partial(ptdet.batched_nms, flat_boxes, flat_scores, ids, 0.5)
    row = beside(clock, gpu.BATCH, call, loop if peer else None, 10, 4)
    return [{**row, "candidates": len(image), **of_kernels(call, {})}]


def soft(clock: Clock, device: torch.device) -> list[Row]:
    boxes, scores = (part.to(device) for part in clustered(10_000))
    call = partial(ptdet.soft_nms, boxes, scores)
    return [{**beside(clock, gpu.SOFT, call, None, 7), **of_kernels(call, {})}]


def kernel_times(call: Callable[[], Any]) -> dict[str, float]:
    """Microseconds of each kernel of ptdet in one call; empty if the profiler cannot see the device."""
    try:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            call()
            torch.cuda.synchronize()
        events = profile.key_averages()
    except (RuntimeError, AssertionError):  # AssertionError: this torch cannot profile a device
        return {}
    times: dict[str, float] = {}
    for event in events:
        if "ptdet::" in event.key:
            name = event.key.replace("(anonymous namespace)::", "").split("(")[0].split("<")[0].split("::")[-1]
            times[name] = round(times.get(name, 0.0) + float(event.device_time_total), 2)
    return times


def of_kernels(call: Callable[[], Any], moved: dict[str, int]) -> Row:
    """The time of each kernel, and the bytes that it must move."""
    return {"kernels_us": kernel_times(call), "kernel_bytes": moved}


def graphed(call: Callable[[], Any]) -> Callable[[], Any]:
    """The call as a CUDA graph: the work of the device without that of Python."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        call()
        call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def loss(clock: Clock, device: torch.device, n: int = 1_000_000, side: int = 20_000) -> list[Row]:
    draw = torch.Generator(device=device).manual_seed(1)
    peer = torchvision_ops()
    corner = torch.rand(n, 2, generator=draw, device=device) * 600
    boxes1 = torch.cat([corner, corner + 5 + 90 * torch.rand(n, 2, generator=draw, device=device)], 1)
    boxes2 = boxes1 + torch.randn(n, 4, generator=draw, device=device)

    def trained(function: Callable[..., Any]) -> Callable[[], Any]:
        leaves = boxes1.clone().requires_grad_(), boxes2.clone().requires_grad_()
        return lambda: torch.autograd.grad(function(*leaves, reduction="sum"), leaves)

    ours = trained(ptdet.complete_box_iou_loss)
    kernels = {"grade_pairs": 68 * n, "scale_slopes": 64 * n}
    rows = [beside(clock, gpu.LOSS, ours, trained(peer.complete_box_iou_loss) if peer else None)]
    rows[0] |= {"bytes": sum(kernels.values()), **of_kernels(ours, kernels)}
    rows.append({**beside(clock, gpu.LOSS_IN_GRAPH, graphed(ours), None), "bytes": sum(kernels.values())})
    first, second = boxes1[:side].contiguous(), boxes2[:side].contiguous()
    call = partial(ptdet.box_iou, first, second)
    row = beside(clock, f"box_iou, {side} x {side}", call, (lambda: peer.box_iou(first, second)) if peer else None, 10)
    moved = 4 * side**2
    return [*rows, {**row, "bytes": moved, **of_kernels(call, {"overlap_tiles": moved})}]


def peer_norm(x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    return result


def gradient(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, grad: torch.Tensor) -> Any:
    return torch.autograd.grad(function(x), x, grad)


def norm(clock: Clock, device: torch.device, size: tuple[int, ...] = (8, 64, 512, 512)) -> list[Row]:
    image = torch.randn(size, device=device)
    layouts = {"": image, ", channels_last": image.contiguous(memory_format=torch.channels_last)}
    forward, backward = 4 * image.numel() * 65 // 64, 4 * image.numel() * 130 // 64
    ours: Callable[[], Any]
    theirs: Callable[[], Any]
    rows = []
    for name in gpu.NORMS:
        given = next(each for ending, each in layouts.items() if name.endswith(f"512{ending}"))

        if "gradient" in name:
            leaf = given.detach().requires_grad_()
            once = torch.ones_like(ptdet.channel_norm(given))
            ours, theirs = (partial(gradient, f, leaf, once) for f in (ptdet.channel_norm, peer_norm))
            moved = {"norm": forward, "slope": backward}
        else:
            ours, theirs = (partial(f, given) for f in (ptdet.channel_norm, peer_norm))
            moved = {"norm": forward}
        kernels = {f"{what}_of_{which}": size for what, size in moved.items() for which in ("pixels", "rows")}
        row = beside(clock, name, ours, theirs, 10)
        rows.append({**row, "bytes": sum(moved.values()), **of_kernels(ours, kernels)})
    return rows


def line(row: Row) -> str:
    parts = [f"{row['name']:48} {row['ms']:10.4f} ms"]
    if "peer_ms" in row:
        parts.append(f"peer {row['peer_ms']:10.4f} ms  x{row['times_faster']:.1f}")
    if "peer_failed" in row:
        parts.append(f"peer: {row['peer_failed'][:60]}")
    if "share_of_copy" in row:
        parts.append(f"{100 * row['share_of_copy']:.0f} % of copy bandwidth")
    if row.get("indices_that_differ"):
        parts.append(f"{row['indices_that_differ']} indices differ")
    return "  ".join(parts)


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=80, help="families that would begin later are left out")
    asked = parser.parse_args()
    assert ptdet.build_info()["cuda"], ptdet.build_info()
    begin = time.perf_counter()
    clock = Clock(asked.device)
    copy = clock.copy_bandwidth()
    rows: list[Row] = []
    failures = []
    for family in (loss, norm, soft, batch, suppression):
        if time.perf_counter() - begin > asked.seconds:
            failures.append(f"{family.__name__}: not begun after {asked.seconds:.0f} s")
            continue
        try:
            rows += family(clock, asked.device)
        except Exception as error:  # the other families can still run
            failures.append(f"{family.__name__}: {type(error).__name__}: {error}")
        torch.cuda.empty_cache()
        for row in rows:
            if "bytes" in row:
                row["share_of_copy"] = row["bytes"] / (row["ms"] * 1e-3) / copy
            row["kernels_share_of_copy"] = {
                name: round(row["kernel_bytes"][name] / (us * 1e-6) / copy, 3)
                for name, us in row.get("kernels_us", {}).items()
                if name in row["kernel_bytes"] and us > 0
            }
        met = {True: "met", False: "missed", None: ""}
        targets = [
            f"target: {one.row}: {one.in_words}: {shown} {met[is_met]}" for one, shown, is_met in gpu.outcomes(rows)
        ]
        report: dict[str, Any] = {"copy_bytes_a_second": copy, "rows": rows, "failures": failures}
        report["table"] = [f"copy bandwidth {copy / 1e12:.2f} TB/s", *map(line, rows), *targets, *failures]
        if asked.out:  # so that these rows are there if the stage runs past its time
            finish(report, asked.out, False)
    return finish(report, asked.out, bool(failures))


if __name__ == "__main__":
    raise SystemExit(main())
