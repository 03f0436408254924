"""One profile of each workload: the time of each kernel, and its share of the copy bandwidth where memory bounds it."""

from __future__ import annotations

from typing import Any

from .device import first_line, loaded
from .stage import Journal, arguments
from .timing import Clock
from .workloads import FAMILIES, Sizes, large_peers


def main() -> int:
    asked = arguments(__doc__).parse_args()
    gpu = loaded(asked)
    sizes, copy = Sizes.of(gpu), Clock(gpu).copy_bandwidth()
    families = [family for family in FAMILIES if family is not large_peers]
    journal = Journal(asked, len(families), "families")
    rows: list[dict[str, Any]] = []
    journal.result["rows"] = rows
    for family in families:
        if not journal.begin(family.__name__):
            break
        try:
            for work in family(gpu, sizes):
                if not journal.begin(work.name):
                    break
                work.ours()
                times = gpu.microseconds_of_kernels(work.ours)
                shares = {
                    name: round(work.kernel_bytes[name] / (us * 1e-6) / copy, 3)
                    for name, us in times.items()
                    if name in work.kernel_bytes and us > 0
                }
                rows.append({"name": work.name, "kernels_us": times, "share_of_copy": shares})
        except Exception as error:  # the other families can still run, if the device does
            journal.fail(f"{family.__name__}: {first_line(error)}")
            if gpu.is_lost():
                return journal.finish(is_lost=True)
        gpu.free_memory()
        journal.done()
    seen = sum(len(row["kernels_us"]) for row in rows)
    if not seen and not gpu.is_fake:
        journal.fail("the profiler saw no kernel of ptdet")
    journal.result["table"] = [
        f"{row['name']}: " + ", ".join(f"{name} {us:g} us" for name, us in row["kernels_us"].items())
        for row in rows
        if row["kernels_us"]
    ]
    return journal.finish()


if __name__ == "__main__":
    raise SystemExit(main())
