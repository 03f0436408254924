"""Every suppression beside hard NMS and its peers, interleaved round by round; writes benchmarks/results/methods.json.

A peer that is not installed is left out. The least time of a method's rounds counts: a machine that does something
else makes a round longer, never shorter.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import torch
from nms import ROOT, cpu_name, module  # benchmarks/nms.py
from torch import Tensor

import ptdet
from ptdet.testing import clustered, scattered

OUT = ROOT / "benchmarks/results/methods.json"
Call = Callable[[], Any]

# ratio asked for: of a method's time to nms's, at most; of a peer's time to the method's, at least
BESIDE_NMS = {"or_nms": 1.5, "and_nms": 1.5, "diou_nms": 1.5, "merge_nms": 1.5}
BESIDE_PEERS = {
    ("soft_nms", "ensemble-boxes"): 100,
    ("soft_nms", "OpenCV"): 10,
    ("merge_nms", "ensemble-boxes NMW"): 100,
    ("weighted_boxes_fusion", "ensemble-boxes"): 100,
    ("non_maximum_weighted", "ensemble-boxes"): 100,
}


def least(calls: dict[str, Call], rounds: int, repeats: int) -> dict[str, float]:
    """Milliseconds a call."""
    times: dict[str, float] = dict.fromkeys(calls, float("inf"))
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(repeats):
                call()
            times[name] = min(times[name], (time.perf_counter() - start) / repeats * 1e3)
    return times


def methods(boxes: Tensor, scores: Tensor) -> dict[str, Call]:
    labels = torch.zeros(len(scores), dtype=torch.int64)
    one = [boxes], [scores], [labels]
    return {
        "nms": lambda: ptdet.nms(boxes, scores, 0.5),
        "or_nms": lambda: ptdet.or_nms(boxes, scores, 0.5),
        "diou_nms": lambda: ptdet.diou_nms(boxes, scores, 0.5),
        "diou_nms, beta 0.6": lambda: ptdet.diou_nms(boxes, scores, 0.5, beta=0.6),
        "and_nms": lambda: ptdet.and_nms(boxes, scores, 0.5),
        "and_nms, overlap 0.3": lambda: ptdet.and_nms(boxes, scores, 0.5, overlap_threshold=0.3),
        "merge_nms": lambda: ptdet.merge_nms(boxes, scores, 0.5),
        "merge_nms, overlapping": lambda: ptdet.merge_nms(boxes, scores, 0.5, members="overlapping"),
        "cluster_nms, weighted": lambda: ptdet.cluster_nms(boxes, scores, 0.5, weighted=True),
        "soft_nms": lambda: ptdet.soft_nms(boxes, scores),
        "soft_nms, linear": lambda: ptdet.soft_nms(boxes, scores, kind="linear"),
        "soft_nms, given order": lambda: ptdet.soft_nms(boxes, scores, reselect=False),
        "weighted_boxes_fusion": lambda: ptdet.weighted_boxes_fusion(*one),
        "non_maximum_weighted": lambda: ptdet.non_maximum_weighted(*one),
        "fast_nms": lambda: ptdet.fast_nms(boxes, scores, 0.5),
        "matrix_nms": lambda: ptdet.matrix_nms(boxes, scores),
    }


def peers(boxes: Tensor, scores: Tensor) -> dict[tuple[str, str], Call]:
    """What stands beside a method, on coordinates from 0 to 1 where the peer asks for them."""
    calls: dict[tuple[str, str], Call] = {}
    shares = (boxes / boxes.max()).clamp(0, 1).double().numpy()
    values = scores.double().numpy()
    lists = [shares], [values], [values * 0]
    if ensemble := module("ensemble_boxes"):
        calls["soft_nms", "ensemble-boxes"] = lambda: ensemble.soft_nms(*lists, method=2, sigma=0.5, thresh=0.001)
        calls["weighted_boxes_fusion", "ensemble-boxes"] = lambda: ensemble.weighted_boxes_fusion(*lists)
        calls["non_maximum_weighted", "ensemble-boxes"] = lambda: ensemble.non_maximum_weighted(*lists)
        calls["merge_nms", "ensemble-boxes NMW"] = calls["non_maximum_weighted", "ensemble-boxes"]
    if cv2 := module("cv2"):
        sides = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).int().tolist()
        points = scores.tolist()
        calls["soft_nms", "OpenCV"] = lambda: cv2.dnn.softNMSBoxes(sides, points, 0.001, 0.3, 0, 0.5)
    return calls


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--threads", type=int, default=torch.get_num_threads())
    torch.set_num_threads(asked.parse_args().threads)
    rows: list[dict[str, Any]] = []
    for scene in (clustered, scattered):
        for n, rounds, repeats in ((100, 60, 30), (1000, 40, 3), (10_000, 9, 1)):
            calls = methods(*scene(n))
            if n > 1000:  # of N^2 / 2 overlaps
                calls = {name: call for name, call in calls.items() if name not in ("fast_nms", "matrix_nms")}
            times = least(calls, rounds, repeats)
            ratios = {name: value / times["nms"] for name, value in times.items()}
            met = {name: ratios[name] <= most for name, most in BESIDE_NMS.items()}
            rows.append({"scene": scene.__name__, "n": n, "ms": times, "of_nms": ratios, "targets_met": met})
            print(
                f"{scene.__name__:10} {n:6}  " + "  ".join(f"{k} {v:.4f} (x{ratios[k]:.2f})" for k, v in times.items())
            )
    boxes, scores = clustered(1000)
    others = peers(boxes, scores)
    calls = {name: call for name, call in methods(boxes, scores).items() if name in {ours for ours, _ in others}}
    times = least({**calls, **{f"{ours} | {peer}": call for (ours, peer), call in others.items()}}, 5, 1)
    beside = []
    for (ours, peer), most in BESIDE_PEERS.items():
        if (ours, peer) in others:
            ratio = times[f"{ours} | {peer}"] / times[ours]
            beside.append({"method": ours, "peer": peer, "times_faster": ratio, "target": most, "met": ratio >= most})
            print(f"{ours:24} {peer:20} x{ratio:.0f} (target {most})")
    machine = {"cpu": cpu_name(), "threads": torch.get_num_threads(), "date": str(date.today()),
               "python": platform.python_version(), "torch": torch.__version__, **ptdet.build_info()}  # fmt: skip
    result = {"machine": machine, "rows": rows, "peers": {"n": 1000, "ms": times, "targets": beside}}
    OUT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
