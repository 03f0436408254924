"""ptdet.numpy beside what NumPy users have, interleaved round by round in one process; writes results/numpy_nms.json.

Each works on the float64 arrays that all of them take. The least of the rounds counts: others share the machine.
Run with PTDET_NUM_THREADS=1 for one thread.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import ptdet.numpy  # noqa: E402

OUT = ROOT / "benchmarks/results/numpy_nms.json"
Call = Callable[[], Any]


def scene(name: str, count: int) -> tuple[Any, Any]:
    """Boxes by the dozen around objects, or strewn about."""
    random = np.random.default_rng(0)
    objects = count if name == "scattered" else max(count // 20, 1)
    side = 40 * objects**0.5 * (3 if name == "scattered" else 1)
    centre = random.uniform(0, side, (objects, 2))
    size = random.uniform(10, 60, (objects, 2))
    of = np.arange(count) % objects
    centre = centre[of] + random.normal(0, 3, (count, 2))
    half = size[of] * random.uniform(0.9, 1.1, (count, 2)) / 2
    return np.concatenate([centre - half, centre + half], 1), random.uniform(0, 1, count)


def module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def calls(boxes: Any, scores: Any, count: int) -> dict[str, Call]:
    found: dict[str, Call] = {"ptdet.numpy": lambda: ptdet.numpy.nms(boxes, scores, 0.5)}
    if lsnms := module("lsnms"):
        found["lsnms"] = lambda: lsnms.nms(boxes, scores, 0.5)
    if (powerboxes := module("powerboxes")) and count <= 10_000:
        found["powerboxes"] = lambda: powerboxes.nms(boxes, scores, 0.5, 0.0)
    if (cv2 := module("cv2")) and count <= 10_000:
        sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
        found["opencv"] = lambda: cv2.dnn.NMSBoxes(sides, scores, 0.0, 0.5)
    return found


def least_times(given: dict[str, Call], rounds: int) -> dict[str, float]:
    """Milliseconds."""
    best = dict.fromkeys(given, float("inf"))
    for call in given.values():
        call()
    for _ in range(rounds):
        for name, call in given.items():
            start = time.perf_counter()
            call()
            best[name] = min(best[name], (time.perf_counter() - start) * 1e3)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    rows = []
    for name in ("clustered", "scattered"):
        for count, rounds in ((100, 3000), (1000, 300), (10_000, 15), (100_000, 7)):
            boxes, scores = scene(name, count)
            given = calls(boxes, scores, count)
            kept = {peer: set(np.asarray(call()).flatten().tolist()) for peer, call in given.items()}
            times = least_times(given, rounds)
            differ = {peer: len(found ^ kept["ptdet.numpy"]) for peer, found in kept.items() if peer != "ptdet.numpy"}
            rows.append({"scene": name, "n": count, "ms": times, "indices_that_differ": differ})
            others = "  ".join(f"{k} x{v / times['ptdet.numpy']:.1f}" for k, v in times.items() if k != "ptdet.numpy")
            print(f"{name:10} {count:7}  ptdet.numpy {times['ptdet.numpy']:8.4f} ms  {others}  {differ}", flush=True)
    machine = {"threads": ptdet.numpy.get_num_threads(), "date": str(date.today()), "numpy": np.__version__}
    out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
