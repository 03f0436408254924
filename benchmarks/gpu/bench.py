"""Times on a GPU compared with torchvision, and the bandwidth of a call as a share of the GPU's copy bandwidth.

Times are medians of CUDA events after a warm-up, with the cache overwritten before each call. The peer's result is
compared before it is timed.
"""

from __future__ import annotations

import statistics
from typing import Any

import torch

from . import expected, targets
from .device import Gpu, first_line, loaded
from .stage import Journal, arguments
from .timing import Clock
from .workloads import FAMILIES, Family, Sizes, Workload

Row = dict[str, Any]


def time_ours(clock: Clock, work: Workload) -> Row:
    times = clock.milliseconds(work.ours, work.most, work.seconds)
    row: Row = {"name": work.name, "ms": statistics.median(times), "spread": [min(times), max(times)], **work.facts}
    return row if work.bytes is None else {**row, "bytes": work.bytes}


def time_peer(clock: Clock, work: Workload, row: Row) -> None:
    """Adds its time or why it failed, and how many kept indices differ, if the results are indices."""
    assert work.peer is not None
    try:
        theirs, result = work.peer(), work.ours()
        if isinstance(theirs, torch.Tensor) and theirs.dtype == torch.int64:
            row["indices_that_differ"] = len(set(theirs.tolist()) ^ set(result.tolist()))
        del theirs, result
        row["peer_ms"] = statistics.median(clock.milliseconds(work.peer, min(work.most, 7), work.seconds))
        row["times_faster"] = row["peer_ms"] / row["ms"]
    except RuntimeError as error:  # the peer cannot do this size
        row["peer_failed"] = first_line(error)[:160]


def line(row: Row) -> str:
    parts = [f"{row['name']:48} {row['ms']:10.4f} ms"]
    if "expected_ms" in row:
        parts.append(f"by count {row['expected_ms']:.4g} ms")
    if "peer_ms" in row:
        parts.append(f"peer {row['peer_ms']:10.4f} ms  x{row['times_faster']:.1f}")
    if "peer_failed" in row:
        parts.append(f"peer: {row['peer_failed'][:60]}")
    if "share_of_copy" in row:
        parts.append(f"{100 * row['share_of_copy']:.0f} % of copy bandwidth")
    if row.get("indices_that_differ"):
        parts.append(f"{row['indices_that_differ']} indices differ")
    return "  ".join(parts)


class Bench:
    """The rows, and the journal that has them after each."""

    def __init__(self, gpu: Gpu, journal: Journal) -> None:
        self.gpu, self.journal, self.clock = gpu, journal, Clock(gpu)
        self.rows: dict[str, Row] = {}
        self.expected = expected.milliseconds(str(gpu.facts()["gpu"]))
        self.journal.begin("copy bandwidth")
        self.copy = self.journal.result["copy_bytes_a_second"] = self.clock.copy_bandwidth()

    def run(self, family: Family, sizes: Sizes) -> bool:
        """Times a family; False if nothing can be timed after it."""
        for work in family(self.gpu, sizes):
            if work.name not in self.rows:
                if not self.journal.begin(work.name):
                    return False
                row = self.rows[work.name] = time_ours(self.clock, work)
                if work.name in self.expected:
                    row["expected_ms"] = self.expected[work.name]
                if "bytes" in row:
                    row["share_of_copy"] = row["bytes"] / (row["ms"] * 1e-3) / self.copy
                self.save()
            if work.peer is not None:
                if not self.journal.begin(f"{work.name}, the peer"):
                    return False
                time_peer(self.clock, work, self.rows[work.name])
                self.save()
                if self.gpu.is_lost():
                    self.journal.fail(f"{work.name}: the peer lost the device: nothing more is timed")
                    return False
        self.gpu.free_memory()
        return True

    def save(self) -> None:
        """So that what is timed stays if the stage is killed."""
        rows = list(self.rows.values())
        met = {True: "met", False: "missed", None: ""}
        self.journal.result["rows"] = rows
        self.journal.result["table"] = [
            f"copy bandwidth {self.copy / 1e12:.2f} TB/s",
            *map(line, rows),
            *(
                f"target: {one.row}: {one.in_words}: {shown} {met[is_met]}".rstrip()
                for one, shown, is_met in ([] if self.gpu.is_fake else targets.outcomes(rows))
            ),
        ]
        self.journal.save()


def main() -> int:
    asked = arguments(__doc__).parse_args()
    gpu = loaded(asked)
    journal = Journal(asked, len(FAMILIES), "families")
    bench = Bench(gpu, journal)
    for family in FAMILIES:
        try:
            if not bench.run(family, Sizes.of(gpu)):
                break
        except Exception as error:  # the other families can still run, if the device does
            journal.fail(f"{family.__name__}: {first_line(error)}")
            if gpu.is_lost():
                return journal.finish(is_lost=True)
        journal.done()
    return journal.finish()


if __name__ == "__main__":
    raise SystemExit(main())
