"""Rates of `ptdet run` over a data set, and what a million or a billion pictures cost at them.

`python -m benchmarks.dataset` measures (pyarrow must be installed) and writes benchmarks/results/dataset.json and the
tables of docs/datasets.md; with --page it only writes the tables again, with --ray N it measures Ray against the local
engine over so many pictures, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from .machine import busy, describe, in_one_line

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/dataset.json"
PAGE = ROOT / "docs/datasets.md"
BEGIN, END = "<!-- generated: {name} -->\n", "<!-- end of generated -->"
CANDIDATES, SHARD = 400, 1000  # of a picture; pictures of a shard
# A small process between: the largest child that a process had is at least as large as that process itself.
LAUNCH = (
    "import json, resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
    "print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss])); sys.exit(code)"
)
GROWTH = (10**6, 10**8, 10**9)
CORES = (2, 16, 256)


def write_parquet(path: Path, pictures: int, row_group: int = 2000) -> None:
    """A row a picture: twenty boxes around each of twenty objects, with scores of which two fifths are above .25."""
    import pyarrow
    import pyarrow.parquet

    random = np.random.default_rng(0)
    writer = None
    for first in range(0, pictures, row_group):
        count = min(row_group, pictures - first)
        objects = random.uniform(50, 590, (count, 20, 1, 2))
        centres = objects + random.normal(0, 5, (count, 20, 20, 2))
        halves = random.uniform(15, 60, (count, 20, 1, 2)) * random.uniform(0.9, 1.1, (count, 20, 20, 2))
        boxes = np.concatenate([centres - halves, centres + halves], -1).astype(np.float32).reshape(-1)
        labels = np.broadcast_to(random.integers(0, 80, (count, 20, 1)), (count, 20, 20)).reshape(-1)
        scores = random.beta(1, 3, count * CANDIDATES).astype(np.float32)
        ends = pyarrow.array(np.arange(count + 1, dtype=np.int32) * CANDIDATES)
        four = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(boxes), 4)
        lists = {"boxes": four, "scores": pyarrow.array(scores), "labels": pyarrow.array(labels.astype(np.int32))}
        columns = {name: pyarrow.ListArray.from_arrays(ends, each) for name, each in lists.items()}
        table = pyarrow.table({"image_id": np.arange(first, first + count), **columns})
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema, use_dictionary=False)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def write_coco(path: Path, pictures: int) -> None:
    """The same kind of boxes as COCO results, a hundred a picture."""
    random = np.random.default_rng(0)
    with path.open("w") as file:
        between = "["
        for picture in range(pictures):
            for x, y, w, h, score in random.uniform(1, 99, (100, 5)).round(2).tolist():
                entry = {"image_id": picture, "category_id": 1, "bbox": [x, y, w, h], "score": score / 100}
                file.write(between + json.dumps(entry))
                between = ",\n"
        file.write("]")


def run(source: Path, out: Path, *options: object) -> dict[str, float]:
    """Wall seconds, CPU seconds of all processes and of the shards alone, and the largest process."""
    log = out.with_suffix(".jsonl")
    command = [sys.executable, "-m", "ptdet", "run", source, "--out", out, "--log", log, *options]
    started = time.perf_counter()
    ran = subprocess.run([sys.executable, "-c", LAUNCH, *map(str, command)], cwd=ROOT, stdout=subprocess.PIPE)
    if ran.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with code {ran.returncode}")
    cpu, peak = json.loads(ran.stdout.splitlines()[-1])
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    whole = next(line for line in reversed(lines) if line["event"] == "sum")
    times = [line["time"] for line in lines if line["event"] == "shard"]
    return {
        "a_shard": (max(times, default=0) - min(times, default=0))
        / max(1, len(times) - 1),  # what a start takes left out
        "wall": time.perf_counter() - started,
        "cpu": cpu,
        "shards_cpu": whole["cpu_seconds"],
        "pictures": whole["pictures"],
        "seconds": whole["seconds"],
        "bytes_out": sum(file.stat().st_size for file in out.glob("shard-*")),
        "journal": (out / "_ptdet/done.jsonl").stat().st_size,
        "plan": (out / "_ptdet/plan.json").stat().st_size,
        "peak": peak * 1024,
    }


def measured(folder: Path, pictures: int, rounds: int) -> dict[str, Any]:
    """All rates; one worker and two in turn, so that a busy machine is as busy for both."""
    source, coco = folder / "x.parquet", folder / "x.json"
    write_parquet(source, pictures)
    write_coco(coco, 2000)
    turns: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    for turn in range(rounds):
        for workers, found in turns.items():
            found.append(run(source, folder / f"p{workers}-{turn}", "--workers", workers, "--shard-size", SHARD))
    best = {workers: min(found, key=lambda one: one["shards_cpu"]) for workers, found in turns.items()}
    walls = {workers: min(one["seconds"] for one in found) for workers, found in turns.items()}
    small = folder / "small.parquet"
    write_parquet(small, 1000)
    many = folder / "many"
    first = run(small, many, "--workers", 1, "--shard-size", 1)
    again = [run(small, many, "--workers", 1, "--shard-size", 1, "--resume") for _ in range(rounds)]
    of_coco = run(coco, folder / "coco", "--workers", 1, "--format", "coco", "--shard-size", 200)
    one = best[1]
    return {
        "machine": describe(),
        "pictures": pictures,
        "cpu_a_picture": one["shards_cpu"] / pictures,
        "two_workers_by_cpu": 2 * one["shards_cpu"] / best[2]["shards_cpu"],
        "two_workers_by_wall": walls[1] / walls[2],
        "parent_cpu_a_shard": max(0.0, one["cpu"] - one["shards_cpu"] - 1) / max(1, pictures / SHARD),
        "bytes_in": source.stat().st_size / pictures,
        "bytes_out": one["bytes_out"] / pictures,
        "bytes_a_shard": (first["journal"] + first["plan"]) / 1000,
        "peak": max(one["peak"] for found in turns.values() for one in found),
        "resume_1000": {"cpu": min(each["cpu"] for each in again), "wall": min(each["seconds"] for each in again)},
        "coco_results_a_cpu_second": 200_000 / of_coco["cpu"],
    }


def ray_against_local(folder: Path, pictures: int, rounds: int) -> dict[str, Any]:
    """What a shard takes on the local engine over what it takes on Ray, both with two workers, in turn."""
    source = folder / "x.parquet"
    write_parquet(source, pictures)
    found: dict[str, list[dict[str, float]]] = {"local": [], "ray": []}
    for turn in range(rounds):
        for engine, own in found.items():
            options = ("--workers", 2, "--shard-size", SHARD, "--engine", engine)
            own.append(run(source, folder / f"{engine}-{turn}", *options))
    by_clock, by_cpu = (
        median(one[name] for one in found["local"]) / median(one[name] for one in found["ray"])
        for name in ("a_shard", "shards_cpu")
    )
    return {"machine": describe(), "pictures": pictures, "by_clock": by_clock, "by_cpu": by_cpu}


def rates(found: dict[str, Any]) -> str:
    """What was measured."""
    per_second = 1 / found["cpu_a_picture"]
    resume = found["resume_1000"]
    by_clock = [("the same by the clock", f"{found['two_workers_by_wall']:.2f}x")]
    rows = (
        ("Parquet, pictures of 400 candidates a second of one core", f"{per_second:,.0f}"),
        ("two workers against one, by the CPU seconds that their shards took", f"{found['two_workers_by_cpu']:.2f}x"),
        *([] if busy(found["machine"]) else by_clock),
        ("COCO JSON, results a second of one core, sorting included", f"{found['coco_results_a_cpu_second']:,.0f}"),
        ("`--resume` of 1,000 finished shards", f"{resume['wall']:.2f} s, {resume['cpu']:.2f} s of CPU with the start"),
        ("the largest process", f"{found['peak'] / 1e6:,.0f} MB"),
        ("bytes a picture, in and out", f"{found['bytes_in']:,.0f} and {found['bytes_out']:,.0f}"),
    )
    text = "".join(f"| {name} | {value} |\n" for name, value in rows)
    said = f"On {in_one_line(found['machine'])}."
    if "ray" in found:
        ray = found["ray"]
        text += f"| Ray against the local engine, by the CPU seconds that the shards took | {ray['by_cpu']:.2f}x |\n"
        if not busy(ray["machine"]):
            text += f"| the same by the clock, once started | {ray['by_clock']:.2f}x |\n"
        said += f"\nRay with {ray['pictures']:,} pictures, at a load of {ray['machine']['load_at_start']:.2f}."
    return f"| rate | |\n| --- | ---: |\n{text}\n{said}\n"


def growth(found: dict[str, Any]) -> str:
    """What more pictures cost at these rates."""
    head = "| pictures | core hours | " + " | ".join(f"on {cores} cores" for cores in CORES)
    head += " | read | written | shards | plan and journal |\n| ---: |" + " ---: |" * (len(CORES) + 5) + "\n"
    rows = ""
    for pictures in GROWTH:
        seconds = pictures * found["cpu_a_picture"]
        shards = pictures / SHARD
        cells = [
            f"{pictures:,}",
            _rounded(seconds / 3600),
            *(_time(seconds / cores) for cores in CORES),
            _bytes(pictures * found["bytes_in"]),
            _bytes(pictures * found["bytes_out"]),
            f"{shards:,.0f}",
            _bytes(shards * found["bytes_a_shard"]),
        ]
        rows += "| " + " | ".join(cells) + " |\n"
    return head + rows


def _rounded(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def _time(seconds: float) -> str:
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{_rounded(seconds / unit)} {name}"
    return f"{_rounded(seconds)} s"


def _bytes(count: float) -> str:
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{_rounded(count / unit)} {name}"
    return f"{count / 1e3:,.0f} kB"


def refreshed(page: str, found: dict[str, Any]) -> str:
    """The page with these tables."""
    for name, table in (("rates", rates(found)), ("growth", growth(found))):
        begin = BEGIN.format(name=name)
        before, _, rest = page.partition(begin)
        page = before + begin + table + END + rest.partition(END)[2]
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="only write the tables of docs/datasets.md again")
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ray", type=int, default=0, metavar="N", help="measure Ray alone, over so many pictures")
    asked = parser.parse_args()
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        if asked.ray:
            found["ray"] = ray_against_local(Path(folder), asked.ray, asked.rounds)
        elif not asked.page:
            found |= measured(Path(folder), asked.pictures, asked.rounds)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    print(rates(found) + "\n" + growth(found))


if __name__ == "__main__":
    main()
