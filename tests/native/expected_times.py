"""The time that each row of the GPU benchmark should take on an H100 and an H200, by count: nothing here was measured.

    python -m tests.native.expected_times          prints the table
    python -m tests.native.expected_times --write  writes it to csrc/cuda/README.md; found times from benchmarks/results

A row is a sum over its launches: LAUNCH each, the greater of the instructions that its warps issue and the bytes that
it moves, and what it must wait for one after the other. Instructions of a turn are read from the build's machine code
for sm_90; how many turns there are is counted for the benchmark's boxes (ptdet.testing), in float32. What the host does
is not in it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch

import ptdet
from benchmarks.gpu import targets
from benchmarks.gpu.expected import BEGIN, END, README, cards_in
from ptdet.testing import clustered, samples_rotated

from .gpu_model import BARRIER, CARDS, GAP, ISSUED_PER_SECOND, LAUNCH, MESSAGE, READ, SORT_BYTES, SORT_LAUNCHES, Card
from .nms_work import Chunk, Instructions, chunks
from .sass_turns import count, kernel, shortest_turn, smallest_loop

RESULTS = Path(__file__).parents[2] / "benchmarks/results"
TILE, SPATIAL_FROM, WARP = 256, 4096, 32
RESIDENT = 132 * 40  # warps of drop_removed and settle_chunk at once
SWEEPS = 10  # of a tile: ordinary detections need fewer
# Reads that follow one another: of drop_removed for a box, of the boxes of the first chunk that wait for others.
READS_OF_A_BOX, READS_OF_THE_FIRST = 8, 45
# 10 000 clustered boxes of one group, counted once (csrc/cuda/README.md): what follows one another.
SOFT_ROUNDS, SOFT_STEPS = 28, 429
FUSION_BATCHES, FUSION_ROUNDS, FUSED, HEARD = 42, 404, 1065, 25
OWNER_READS = 19  # of nmm's find_owner: the longest way of a box
# Rotated boxes, read once (csrc/cuda/README.md): an instruction in double takes the turn of two. For 32 pairs: those
# apart in a matrix and in the pass, those that are not; a box turned; a pair of its own, and its slopes by one box.
APART, APART_IN_PASS, EXACT, TURNED, OWN_PAIR, OWN_SLOPES = 25, 17, 570 + 260, 270 + 80, 1020 + 420, 1670 + 700
POWERED = 760 + 380  # DIoU's penalty with its power, for pairs in the pass
APART_IN_ROW = 12  # of the better boxes of Fast NMS


@dataclass(frozen=True)
class Step:
    """A kernel, or some of torch's; all numbers are of the whole call."""

    launches: int = 1
    issued: float = 0.0  # instructions of a warp
    bytes: float = 0.0
    waiting: float = 0.0  # seconds

    def seconds(self, card: Card) -> float:
        work = max(self.issued / ISSUED_PER_SECOND, self.bytes / card.copied_per_second)
        return LAUNCH * self.launches + work + self.waiting


@dataclass(frozen=True)
class Row:
    name: str  # in the benchmark
    operators: tuple[str, ...]
    steps: list[Step]

    def microseconds(self, card: Card) -> float:
        return 1e6 * sum(step.seconds(card) for step in self.steps)


def per_pair(stem: str, pattern: str) -> float:
    """A pair that is apart, in the dearest of the loops that take boxes from shared memory."""
    found = []
    for loop in kernel(stem, pattern).loops():
        boxes = count(loop, "LDS_128")
        if boxes and count(loop, "MUFU_RCP") and not count(loop, "BAR"):
            found.append(shortest_turn(loop) / boxes)
    return max(found)


def in_barriers(stem: str, pattern: str, barriers: int, **least: int) -> float:
    """Seconds of a block's shortest round through most of its barriers: eight warps, two to a scheduler, and a read."""
    loop, code = smallest_loop(stem, pattern, BAR=barriers, **least), kernel(stem, pattern)
    ways = ((code.round(loop, r"BAR\..*", met), met) for met in range(barriers, 0, -1))
    issued, met = next((issued, met) for issued, met in ways if issued > 0)
    return 2 * issued * GAP + met * BARRIER + READ


# What the torch room does around the kernels.


def sort(n: int, key: int) -> Step:
    return Step(SORT_LAUNCHES, bytes=SORT_BYTES[key] * n)


def sorted_boxes(n: int, groups: bool = False) -> list[Step]:
    """num_kept cleared, the keys, their sort; by group once more."""
    steps = [Step(), Step(bytes=8 * n), sort(n, 4)]
    return [*steps, Step(bytes=24 * n), sort(n, 8), Step(bytes=24 * n)] if groups else steps


def result(n: int, owner: bool) -> list[Step]:
    """count_kept, sum_counts, write_keep; write_owner, or the cut to what is kept."""
    return [Step(bytes=16 * n), Step(waiting=2 * READ), Step(bytes=24 * n), Step(bytes=24 * n if owner else 8 * n)]


def clusters(n: int) -> list[Step]:
    """write_places, write_clusters and their sort."""
    return [Step(bytes=20 * n), Step(bytes=32 * n), sort(n, 8)]


# Hard NMS.


@cache
def work_of(scene: str, n: int) -> tuple[int, list[Chunk]]:
    return chunks(scene, n)


def tiles(n: int, pairs_of_a_box: float, chain: float, kept_pairs: float = 0.0) -> list[Step]:
    """prepare and pass_over_tiles: `chain` tiles one after the other."""
    of_a_pair = per_pair("nms", "pass_over_tilesINS_3IouENS_3BoxIfEE")
    turn = MESSAGE + 2 * READ + 2 * SWEEPS * BARRIER
    issued = (n * pairs_of_a_box + kept_pairs) * of_a_pair / WARP
    return [Step(bytes=8 * n), Step(issued=issued, bytes=52 * n, waiting=chain * turn)]


def by_place(scene: str, n: int, measure: str) -> list[Step]:
    """The grid, two launches a chunk, and the pass over tiles that finds nothing to do."""
    steps = [Step(bytes=12 * n), Step(bytes=24 * n), Step(bytes=8 * n)]
    for each in work_of(scene, n)[1]:
        for issued, boxes in zip(
            each.issued(Instructions.of(measure)), (each.end - each.begin, each.open), strict=True
        ):
            steps.append(Step(issued=issued, waiting=-(-boxes // RESIDENT) * READS_OF_A_BOX * READ))
    return [*steps, Step(waiting=READS_OF_THE_FIRST * READ)]


def greedy(scene: str, n: int, owner: bool = True, measure: str = "3Iou") -> list[Step]:
    if n < SPATIAL_FROM:
        return [*sorted_boxes(n), *tiles(n, 1.5 * TILE, -(-n // TILE)), *result(n, owner)]
    return [*sorted_boxes(n), Step(bytes=8 * n), *by_place(scene, n, measure), *result(n, owner)]


def until_300(n: int) -> list[Step]:
    """Tiles in a row until 300 boxes are kept; the later ones look once."""
    boxes, scores = clustered(n)
    falling = scores.argsort(descending=True, stable=True)
    last = torch.nonzero(falling == ptdet.nms(boxes, scores, 0.5)[299]).item()
    chain = last // TILE + 1 + n / TILE / (4 * 132)
    return [*sorted_boxes(n), *tiles(int(last), 1.5 * TILE, chain), *result(n, False)]


def batch() -> list[Step]:
    """64 images as the first one, whose candidates are drawn here; a class of an image is a segment of some tiles."""
    draw = torch.Generator().manual_seed(0)
    anchor, label = (torch.sigmoid(2.2 * torch.randn(8400, 80, generator=draw) - 9.5) > 0.001).nonzero(as_tuple=True)
    boxes = clustered(8400, 0)[0][anchor]
    kept = ptdet.batched_nms(boxes, torch.rand(len(label), generator=draw), label, 0.5)
    of_class = torch.bincount(label[kept], minlength=80).double() * torch.bincount(label, minlength=80)
    n, chain = 64 * len(label), -(-len(label) // 80 // TILE) + 1
    return [*sorted_boxes(n, groups=True), *tiles(n, 1.5 * TILE, chain, 32 * float(of_class.sum())), *result(n, False)]


# The other methods, 10 000 clustered boxes.


def pairs_step(stem: str, pattern: str, n: int) -> Step:
    """All better boxes of each; the last row alone is the chain."""
    turn = per_pair(stem, pattern)
    return Step(issued=n * n / 2 / WARP * turn, bytes=48 * n, waiting=n / 8 * turn * GAP)


def fast_pass(n: int) -> list[Step]:
    return [Step(bytes=64 * n), pairs_step("fast_nms", "find_firstINS_3IouENS_3BoxIfEE", n)]


def soft(n: int) -> list[Step]:
    step = in_barriers("soft_nms", "pass_over_segmentsIff", 8, SHFL=20)
    sweeps = 5 * -(-n // 512 // 4) * READ  # four reads of a thread on their way at once
    round_ = sweeps + 3 * MESSAGE + 2 * READS_OF_A_BOX * READ  # fills the front; others take its pieces
    return [
        *sorted_boxes(n), Step(), Step(bytes=68 * n), Step(waiting=SOFT_ROUNDS * round_ + SOFT_STEPS * step),
        Step(bytes=24 * n), sort(n, 4), *[Step(bytes=32 * n)] * 3,
    ]  # fmt: skip


def fused(n: int) -> list[Step]:
    heard = smallest_loop("box_fusion", "fuse_segmentsIf", LDS_128=8, MUFU=12)
    of_round = in_barriers("box_fusion", "fuse_segmentsIf", 5, LDS_128=16) + HEARD * shortest_turn(heard) * GAP
    of_batch = 3 * MESSAGE + -(-FUSED // 512) * READ
    return [
        *sorted_boxes(n, groups=True), Step(), Step(bytes=76 * n),
        Step(bytes=150 * n, waiting=FUSION_BATCHES * of_batch + FUSION_ROUNDS * of_round),
        Step(bytes=40 * n), sort(n, 4), *[Step(bytes=40 * n)] * 2,
    ]  # fmt: skip


def members_mean(n: int) -> Step:
    """mean_of_cluster: four reads in a row, a member after the other."""
    kept = work_of("clustered", n)[0]
    loop = smallest_loop("merge_nms", "mean_of_clusterIf", SHFL=6)
    return Step(
        issued=(n + kept) * shortest_turn(loop), bytes=60 * n, waiting=4 * READ + n / kept * shortest_turn(loop) * GAP
    )


def grown(n: int) -> Step:
    kept = work_of("clustered", n)[0]
    loop = smallest_loop("nmm", "growIf", LDG=50, SHFL=6)
    return Step(issued=kept * len(loop), bytes=60 * n, waiting=4 * READ + len(loop) * GAP)


def methods(n: int) -> Iterator[tuple[str, tuple[str, ...], list[Step]]]:
    kept = work_of("clustered", n)[0]
    pass_ = greedy("clustered", n)
    select = Step(waiting=-(-n // 1024) * (2 * READ + 3 * BARRIER))
    join = shortest_turn(smallest_loop("merge_nms", "join_bestIf", LDG=50, MUFU=1))
    matrix = [pairs_step("matrix_nms", f"{name}E", n) for name in ("find_reliefINS_3IouEf", "find_leastINS_3IouEff")]
    # a selection: three reads, then a block's threads go through all later boxes
    of_density = shortest_turn(smallest_loop("nms_variants", "remove_by_densityIf", LDG=50, BAR=0))
    selection = 3 * READ + n / 2 / 256 * (READ / 4 + 2 * of_density * GAP)
    density = [Step(), Step(bytes=60 * n), Step(waiting=kept * selection), *result(n, False)]
    yield targets.SOFT.split(",")[0], ("soft_nms",), soft(n)
    yield "or_nms", ("nms",), greedy("clustered", n, False)
    yield "diou_nms", ("diou_nms",), greedy("clustered", n, False, "4Diou")
    yield "and_nms", ("and_nms",), [*pass_, Step(bytes=12 * n), Step(bytes=60 * n), select, Step(bytes=24 * n)]
    yield "adaptive_nms", ("adaptive_nms",), [*sorted_boxes(n), *density]
    yield "merge_nms", ("merge_nms",), [*pass_, *clusters(n), members_mean(n)]
    yield "cluster_nms", ("nms_walk",), [*pass_, Step(bytes=40 * n)]
    yield "fast_nms", ("fast_nms",), [*sorted_boxes(n), *fast_pass(n), *result(n, False)]
    yield "matrix_nms", ("matrix_nms",), [*sorted_boxes(n), Step(bytes=64 * n), *matrix, sort(n, 4), Step(bytes=50 * n)]
    yield "greedy_nmm", ("nmm",), [*pass_, *clusters(n), grown(n)]
    chain = Step(issued=2 * n, waiting=OWNER_READS * READ)
    yield "nmm", ("nmm",), [*sorted_boxes(n), *fast_pass(n), chain, *result(n, True), *clusters(n), grown(n)]
    yield "weighted_boxes_fusion", ("wbf",), fused(n)
    best = Step(issued=(n - kept) * kept / 2 / WARP * join, waiting=kept / 2 / WARP * (READ / 4))
    groups = sorted_boxes(n, groups=True)[3:]
    yield "non_maximum_weighted", ("merge_nms",), [
        *pass_, *groups, best, Step(bytes=24 * n), Step(bytes=24 * n), *clusters(n), members_mean(n),
    ]  # fmt: skip


# Losses, norms, YOLO.


def losses(n: int) -> Iterator[tuple[str, tuple[str, ...], list[Step]]]:
    def graded(name: str, bytes_: int) -> Step:
        code = kernel("losses", rf"{name}.*4CiouEf")
        return Step(issued=n / WARP * len(code.most_issued(LDG_E_128=4)), bytes=bytes_ * n)

    total = Step(4, bytes=4 * n)  # torch's sum, its bound, their gradient
    both = [graded("grade_pairsILb0", 36), total, graded("gradient_of_pairs", 64)]
    operators = ("graded_box_loss", "graded_box_loss_gradient")
    yield targets.LOSS, operators, both
    yield targets.LOSS_IN_GRAPH, operators, both
    one = [graded("grade_pairsILb1", 52), total, Step(bytes=32 * n)]
    yield targets.LOSS_OF_ONE, ("graded_box_loss", "graded_box_loss_backward"), one


def norms() -> Iterator[tuple[str, tuple[str, ...], list[Step]]]:
    pixels, channels = 8 * 512 * 512, 64

    def of(what: str, how: str, numbers: int, **through: int) -> Step:
        """`numbers`: moved for each of a pixel's; instructions for those read, 512 bytes at a time."""
        code = kernel("channel_norm", rf"{what}_of_{how}Iff(Li4|\w*Eucl)\w*uclidean")
        if how == "joined_rows":
            a_load = len(code.issued(**through)) / 4
        else:
            loop = min((each for each in code.loops() if count(each, "LDG_E_128")), key=len)
            a_load = len(loop) / count(loop, "LDG_E_128")
        return Step(issued=pixels * channels * 4 / 512 * a_load, bytes=4 * pixels * (numbers * channels + numbers))

    for name in targets.NORMS:
        is_last = name.endswith("channels_last")
        how = "joined_rows" if is_last else "pixels"
        steps = [of("norm", how, 1, LDG_E_128=4, SHFL=4, STG=1)]
        if "gradient" in name:
            steps.append(of("slope", how, 2, LDG_E_128=4, STG_E_128=4))
        yield name, ("channel_norm", "channel_norm_backward")[: len(steps)], steps


# Rotated boxes: how many pairs are not apart is counted.


def meeting(first: torch.Tensor, others: torch.Tensor) -> int:
    """Pairs of rotated boxes whose enclosing boxes meet."""
    a, b = (ptdet.rotated.box_convert(each, "cxcywhr", "xyxy") for each in (first[:, None], others))
    return int(((a[..., :2] < b[..., 2:]) & (b[..., :2] < a[..., 2:])).all(-1).sum())


def rotated_nms(n: int, method: Callable[..., torch.Tensor] = ptdet.rotated.nms, exact_pair: int = EXACT) -> list[Step]:
    """As the pass over tiles: pairs of a tile, with the tile before, and with what the earlier ones keep."""
    boxes, scores = samples_rotated.clustered(n)
    falling = boxes[scores.argsort(descending=True, stable=True)]
    kept = boxes[method(boxes, scores, 0.3)]
    tried = range(0, n, max(TILE, n // 16 // TILE * TILE))
    exact = sum(meeting(falling[at : at + TILE], falling[max(at - TILE, 0) : at + TILE]) / 1.5 for at in tried)
    exact += sum(meeting(falling[at : at + TILE], kept[: len(kept) * at // n]) / 2 for at in tried)
    a_box = exact / len(tried) / TILE * exact_pair + (1.5 * TILE + len(kept) / 2) * APART_IN_PASS
    turn = MESSAGE + 2 * READ + 2 * SWEEPS * BARRIER
    run = Step(issued=n / WARP * a_box, bytes=116 * n, waiting=-(-n // TILE) * turn)
    turned = Step(issued=n / WARP * TURNED, bytes=84 * n)
    return [*sorted_boxes(n), turned, Step(bytes=8 * n), run, *result(n, owner=False)]


def rotated() -> Iterator[tuple[str, tuple[str, ...], list[Step]]]:
    for n in targets.SIZES[:3]:
        yield f"rotated.nms, clustered, {n}", ("rotated_nms",), rotated_nms(n)
    n = 10_000
    powered = rotated_nms(n, partial(ptdet.rotated.diou_nms, beta=0.6), EXACT + POWERED)
    yield f"rotated.diou_nms, clustered, {n}", ("rotated_diou_nms",), powered
    boxes = samples_rotated.clustered(n)[0]
    exact = meeting(boxes[:500], boxes) / (500 * n)
    turned = Step(issued=n / WARP * TURNED, bytes=84 * n)
    pair = APART_IN_ROW + exact * EXACT  # all better boxes of each, as of boxes that are not rotated
    better = Step(issued=n * n / 2 / WARP * pair, bytes=64 * n, waiting=n / 8 * APART_IN_ROW * GAP)
    fast = [*sorted_boxes(n), turned, Step(bytes=136 * n), better, *result(n, False)]
    yield f"rotated.fast_nms, clustered, {n}", ("rotated_fast_nms",), fast
    pairs = Step(issued=n * n / WARP * (APART + exact * EXACT), bytes=4 * n * n)
    yield f"rotated.box_iou, {n} x {n}", ("rotated_pairwise_overlap",), [pairs]
    own, slopes = (Step(issued=n / WARP * each, bytes=44 * n) for each in (OWN_PAIR, OWN_SLOPES))
    torchs = Step(6, bytes=24 * n)  # 1 - IoU, its sum, their gradients
    operators = ("rotated_overlap", "rotated_overlap_backward")
    yield f"rotated.box_iou_loss and gradient, {n} pairs", operators, [own, torchs, slopes]


def others() -> Iterator[tuple[str, tuple[str, ...], list[Step]]]:
    side = 20_000
    tile = smallest_loop("overlap", "overlap_tilesINS_3IouEff", STG=4)
    iou = Step(issued=side * side / 4 / WARP * shortest_turn(tile), bytes=4 * side * side)
    yield f"box_iou, {side} x {side}", ("pairwise_overlap",), [iou]
    side = 5000
    steps = [
        Step(issued=side * side / 4 / WARP * shortest_turn(tile), bytes=4 * side * side),
        Step(bytes=8 * side * side),
    ]
    for of_a in (1, 0):  # one thread a box: its warps are too few to hide what they wait for
        loop = smallest_loop("overlap", f"sum_slopesILb{of_a}ENS_3IouEfE", LDG=1, MUFU=2)
        steps.append(Step(waiting=side * shortest_turn(loop) * GAP * 2))
    yield f"box_iou and gradients, {side} x {side}", ("pairwise_overlap", "pairwise_overlap_backward"), steps
    rows, columns = 32 * 8400, 84
    code = kernel("yolo", "count_candidatesI.*ColumnsFirstEff")
    loop = next(each for each in code.loops() if count(each, "LDG") >= 8)
    read = 4 * rows * columns
    filtered = Step(issued=read / 1024 * code.round(loop, r"LDG\.E", 8), bytes=read + 4 * rows)
    again = Step(bytes=0.3 * read + 4 * rows)  # those rows that have candidates
    yield targets.YOLO, ("yolo_filter",), [Step(2), filtered, Step(waiting=4 * READ), again]
    entries, keys = 10_000, 32 * 80
    run = Step(bytes=24 * entries + 16 * keys * entries / 256, waiting=4 * READ + 256 / 4 * 37 * GAP)
    add = Step(bytes=16 * keys * entries / 256, waiting=entries / 256 * READ)
    yield targets.SLOTS, ("image_slots",), [Step(4), run, add, run, run, add, run]


def rows() -> Iterator[Row]:
    for n in targets.SIZES:
        for scene in targets.SCENES:
            yield Row(f"nms, {scene}, {n}", ("nms",), greedy(scene, n, owner=False))
            if (scene, n) == ("clustered", 100_000):
                yield Row(f"nms, {scene}, {n}, max_output 300", ("nms",), until_300(n))
    yield Row(targets.BATCH, ("nms",), batch())
    for name, operators, steps in methods(10_000):
        yield Row(f"{name}, clustered, 10000", operators, steps)
    for part in (losses(1_000_000), norms(), others(), rotated()):
        for name, operators, steps in part:
            yield Row(name, operators, steps)


def found() -> dict[str, dict[str, float]]:
    """[card][row]: milliseconds of the reports of `make gpu`."""
    times: dict[str, dict[str, float]] = {}
    for report in targets.runs(RESULTS):
        for name in cards_in(str(report["machine"]["gpu"])):
            times[name] = {row["name"]: row["ms"] for row in targets.rows_of(report)}
    return times


def in_words(microseconds: float) -> str:
    """To two digits."""
    return f"{float(f'{microseconds:.2g}'):g}"


def table() -> list[str]:
    head = ["row of the benchmark", "operators", "launches", "instructions of a warp", "bytes", "waiting, us"]
    for card in CARDS:
        head += [f"{card.name}, us", "found"]
    lines = [head, ["---"] * len(head)]
    measured = found()
    for row in rows():
        total = [sum(getattr(step, name) for step in row.steps) for name in ("launches", "issued", "bytes", "waiting")]
        cells = [row.name, ", ".join(row.operators), str(total[0]), f"{total[1]:.2g}", f"{total[2]:.2g}"]
        cells.append(in_words(1e6 * total[3]))
        for card in CARDS:
            ms = measured.get(card.name, {}).get(row.name)
            cells += [in_words(row.microseconds(card)), "" if ms is None else in_words(1e3 * ms)]
        lines.append([cell.replace("e+0", "e").replace("e+", "e") for cell in cells])
    return [f"| {' | '.join(line)} |" for line in lines]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write it to csrc/cuda/README.md")
    text = "\n".join(["", *table(), ""])
    if not parser.parse_args().write:
        print(text)
        return 0
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    README.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
