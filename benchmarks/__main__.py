"""The command line: `python -m benchmarks`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ptdet.info import build_info

from . import compare, memory, peers, plots, table, targets
from .cases import OURS, Options
from .groups import GROUPS
from .machine import describe, in_one_line
from .measure import QUICK, Effort
from .progress import Progress
from .results import FLOOR, Results, load_json, save_csv, save_json
from .suite import plan, run_series

DATA = Path(__file__).parents[1] / "tests/data"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Times ptdet and the other libraries that are installed, in turn, after comparing their results.",
        epilog="Example: python -m benchmarks nms batched --quick --save results.json",
    )
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="all, if none is named; --list shows them")
    parser.add_argument("--list", action="store_true", help="show the groups, their floor, and the peers found")
    parser.add_argument("--peers", default="all", help="all (default), none, or names: torchvision,lsnms")
    parser.add_argument(
        "--sizes", type=_sizes, default=(), metavar="N,N", help="instead of the sizes of the group: 100,1e4"
    )
    parser.add_argument(
        "--quick", action="store_true", help="sizes up to 10,000 and few rounds: a first look, not a measurement"
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="seconds of timing a size (3; 0.25 if --quick)")
    parser.add_argument("--threads", type=int, metavar="T", help="of torch and of the peers that have such a setting")
    parser.add_argument(
        "--cpu-time", action="store_true", help="on one thread, in seconds of CPU time: for a busy machine"
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda", "all"), default="all", help="all that this machine has (default)"
    )
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="real detections, as in tests/data")
    parser.add_argument("--no-memory", action="store_true", help="do not start processes to measure memory")
    parser.add_argument("--save", type=Path, metavar="FILE", help="FILE.json, FILE.csv, and a plot a group")
    parser.add_argument(
        "--compare", type=Path, metavar="OLD", help="an earlier JSON: mark what became slower; exit 1 if anything did"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, 1 if --compare found something slower, 2 if it cannot be done."""
    asked = build_parser().parse_args(arguments)
    try:
        unknown = [name for name in asked.groups if name not in GROUPS]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: expected some of {', '.join(GROUPS)}")
        chosen = {"all": list(peers.PEERS), "none": []}.get(asked.peers, asked.peers.split(","))
        peers.choose(chosen)
        if asked.list:
            return _list()
        old = load_json(asked.compare) if asked.compare else None
        options = _options(asked)  # before the peers are imported: their thread pools read the environment
        results = _run(asked, options)
    except ValueError as error:
        print(f"benchmarks: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nbenchmarks: interrupted", file=sys.stderr)
        return 130
    return _report(results, asked, old)


def _run(asked: argparse.Namespace, options: Options) -> Results:
    effort = replace(QUICK if asked.quick else Effort(), cpu_time=asked.cpu_time)
    if asked.seconds is not None:
        if not asked.seconds > 0:
            raise ValueError(f"--seconds: expected a number above 0, got {asked.seconds}")
        effort = replace(effort, seconds=asked.seconds, longest_call=asked.seconds, fewest=min(effort.fewest, 5))
    groups = [GROUPS[name] for name in asked.groups or GROUPS]
    peers.same_threads()
    results = Results(
        describe(asked.cpu_time), {**vars(effort), "quick": asked.quick, "groups": [one.name for one in groups]}
    )
    results.absent = peers.absent()
    print(in_one_line(results.machine))
    series = plan(groups, options)
    if not series:
        raise ValueError("nothing to time: no group has such sizes on such a device")
    jobs = [] if asked.quick or asked.no_memory or not memory.possible() else groups
    progress = Progress(sum(len(one.sizes) for _, one in series) + sum(len(one.memory) for one in jobs))
    for group, one in series:
        rows = run_series(group, one, effort, results, progress.say)
        progress.clear()
        print("\n" + "\n".join(table.series_table(group, rows)), flush=True)
    for group in jobs:
        for scene, sizes in group.memory.items():
            for n in sizes:
                progress.say(f"memory of {group.name}, {scene}, {n}")
                at = (group.name, scene, n)
                timed = [row.library for row in results.rows if (row.group, row.scene, row.n) == at]
                for library in [name for name in dict.fromkeys(timed) if name != FLOOR] or [OURS]:
                    found = memory.measure(group.name, scene, n, library)
                    results.memory += [found] if found else []
    progress.clear()
    return results


def _report(results: Results, asked: argparse.Namespace, old: Results | None) -> int:
    blocks = [
        table.memory_table(results.memory),
        targets.target_table(results),
        table.slowest_table(results),
        table.left_out_lines(results),
    ]
    changes: list[compare.Change] = []
    if old:
        changes, by = compare.compare(old, results)
        blocks.append(table.change_table(changes, by))
    for lines in blocks:
        if lines:
            print("\n" + "\n".join(lines))
    if asked.save:
        stem = asked.save.with_suffix("") if asked.save.suffix in (".json", ".csv", ".png") else asked.save
        tables = [stem.with_name(f"{stem.name}{suffix}") for suffix in (".json", ".csv")]
        try:
            stem.parent.mkdir(parents=True, exist_ok=True)
            save_json(tables[0], results)
            save_csv(tables[1], results)
            pictures = plots.draw(results, GROUPS, stem)
        except OSError as error:
            print(f"benchmarks: error: {error}", file=sys.stderr)
            return 2
        for path in (*tables, *pictures):
            print(f"wrote {path}")
        if not pictures:
            print("no plots: they need Matplotlib (pip install matplotlib)")
    return int(any(one.verdict == "slower" for one in changes))


def _options(asked: argparse.Namespace) -> Options:
    threads = 1 if asked.cpu_time else asked.threads
    if threads is not None:
        if threads < 1 or asked.threads not in (None, threads):
            expected = "1 with --cpu-time" if asked.cpu_time else "a number from 1 on"
            raise ValueError(f"--threads: expected {expected}, got {asked.threads}")
        torch.set_num_threads(threads)
        os.environ["NUMBA_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = str(threads)
    cuda = torch.cuda.is_available() and bool(build_info()["cuda"])
    if asked.device == "cuda" and not cuda:
        raise ValueError("--device cuda: there is no GPU here, or ptdet was built without CUDA (ptdet info)")
    devices = {"cpu": ("cpu",), "cuda": ("cuda",), "all": ("cpu", "cuda") if cuda else ("cpu",)}[asked.device]
    return Options(asked.sizes, asked.quick, devices, asked.data if asked.data.is_dir() else None)


def _list() -> int:
    for group in GROUPS.values():
        print(f"{group.name:14} {group.what}; floor: {group.floor}")
    absent = peers.absent()
    print("peers: " + ", ".join(name for name in peers.PEERS if peers.find(name)))
    for name, why in absent.items():
        print(f"  {name}: {why}")
    return 0


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(float(part)) for part in text.split(","))
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"expected numbers like 100,1e4, got {text!r}") from error
    if any(n < 0 or n > 10_000_000 for n in sizes):
        raise argparse.ArgumentTypeError(f"expected sizes from 0 to 10,000,000, got {text!r}")
    return tuple(sorted(set(sizes)))


if __name__ == "__main__":
    sys.exit(main())
