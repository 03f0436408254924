"""The kernels of the browser page answer as those of ptdet.numpy, bit for bit."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ptdet.numpy
from ptdet._shared.dataset import Detections, Truth
from ptdet._shared.methods import FUSIONS, METHODS, SUPPRESSIONS
from ptdet._shared.parameters import METRICS, ROTATED_METRICS
from ptdet.evaluation.matches import match

from ..detections import DATA
from ..tools import wasm

NODE = shutil.which("node")
# An option of kernels.js by its name in Python.
IN_PYTHON = {"iou": "iou_threshold", "minScore": "min_score", "overlap": "overlap_threshold", "decay": "kind"}

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: the page's kernels were not run")


def sent(array: np.ndarray) -> dict[str, str]:
    return {"type": array.dtype.name, "bits": base64.b64encode(array.tobytes()).decode()}


def received(answer: dict[str, str], name: str, dtype: Any) -> np.ndarray:
    return np.frombuffer(base64.b64decode(answer[name]), dtype)


def packed(value: Any) -> Any:
    """With arrays as they are sent, however deep."""
    if isinstance(value, dict):
        return {name: packed(each) for name, each in value.items()}
    return sent(value) if isinstance(value, np.ndarray) else value


def answers(calls: list[dict[str, Any]], folder: Path, module: Path = wasm.MODULE) -> list[dict[str, str]]:
    assert NODE is not None
    cases = folder / "cases.json"
    cases.write_text(json.dumps([packed(call) for call in calls]), encoding="utf-8")
    script = Path(__file__).with_name("wasm_answers.mjs")
    done = subprocess.run([NODE, str(script), str(cases), str(module)], capture_output=True, text=True, check=True)
    told: list[dict[str, str]] = json.loads(done.stdout)
    return told


def expected(call: dict[str, Any]) -> dict[str, np.ndarray | None]:
    """The same of ptdet.numpy."""
    boxes, scores, groups, method = call["boxes"], call["scores"], call["groups"], METHODS[call["method"]]
    room = ptdet.numpy.rotated if call["rotated"] else ptdet.numpy
    function = getattr(room, method.function)
    options = {IN_PYTHON.get(name, name): value for name, value in call["options"].items()}
    if call["method"] in FUSIONS:
        threshold = options.pop("iou_threshold")
        confidence = {"conf_type": options["confidence"]} if "confidence" in options else {}
        labels = np.zeros(len(scores), np.int64) if groups is None else groups.astype(np.int64)
        moved, lowered, _, owner = function(
            [boxes], [scores], [labels], iou_thr=threshold, return_owner=True, **confidence
        )
        keep = np.flatnonzero(owner == np.arange(len(owner)))
        scores_left = lowered if method.scores else None  # nmw leaves those of one model as they are
        return {"keep": keep, "owner": owner, "boxes": moved, "scores": scores_left}
    if "nmm" in call["method"]:
        options["match_threshold"] = options.pop("iou_threshold")
    if call["method"] == "hard" and groups is not None:
        *changed, keep, owner = room.batched_nms(boxes, scores, groups, return_owner=True, **options)
    else:
        idxs = {} if call["method"] == "hard" else {"idxs": groups}
        *changed, keep, owner = function(boxes, scores, **idxs, return_owner=True, **options)
    moved, lowered = (changed[0] if changed and has else None for has in (method.boxes, method.scores))
    return {"keep": keep, "owner": owner, "boxes": moved, "scores": lowered}


def draw(seed: int) -> dict[str, Any]:
    """A call of any method, of up to 400 boxes: clustered, some equal, thin, empty, with equal scores."""
    rng = np.random.default_rng(seed)
    count = int(rng.choice([0, 1, 2, 30, 130, 400]))
    rotated = bool(rng.random() < 0.3)
    floats = rng.choice([np.float32, np.float64], 2)
    centres = rng.uniform(0, 300, (max(1, count // 8), 2))[rng.integers(max(1, count // 8), size=count)]
    centres = centres + rng.normal(0, 5, (count, 2))
    sides = rng.uniform(5, 60, (count, 2)) * rng.choice([1.0, 0.02, 0.0], (count, 1), p=[0.9, 0.08, 0.02])
    boxes = np.hstack([centres - sides / 2, centres + sides / 2])
    if rotated:
        boxes = np.hstack([centres, sides, rng.uniform(-4, 4, (count, 1))])
    if count:
        boxes[rng.integers(count, size=count // 10)] = boxes[0]
    scores = np.round(rng.random(count), int(rng.choice([1, 7])))
    method = str(rng.choice([name for name in METHODS if not METHODS[name].numbers]))
    options: dict[str, Any] = {"iou": float(rng.choice([0.5, 0.3, 0.0, 0.85]))}
    if method not in (*FUSIONS, "diou") and rng.random() < 0.5:
        options["metric"] = str(rng.choice(ROTATED_METRICS if rotated else METRICS))
    if method == "diou":
        options["beta"] = float(rng.choice([1.0, 0.6]))
    if method == "and":
        options["overlap"] = float(rng.choice([0.5, 0.2]))
    if method in ("soft", "matrix"):
        options |= {"sigma": float(rng.choice([0.5, 0.1])), "decay": str(rng.choice(["gaussian", "linear"]))}
    if method == "matrix":
        del options["iou"]
    if method == "wbf":
        options["confidence"] = str(rng.choice(["avg", "max"]))
    groups = rng.integers(0, 3, count).astype(np.int32) if rng.random() < 0.6 else None
    return {
        "method": method,
        "rotated": rotated,
        "boxes": boxes.astype(floats[0]),
        "scores": scores.astype(floats[1]),
        "groups": groups,
        "options": options,
    }


def check(calls: list[dict[str, Any]], told: list[dict[str, str]]) -> None:
    for call, answer in zip(calls, told, strict=True):
        assert "error" not in answer, (call["method"], answer)
        for name, value in expected(call).items():
            dtype = np.int32 if name in ("keep", "owner") else call[name].dtype
            if value is None:
                assert answer[name] is None
            else:
                ours = received(answer, name, dtype)
                if call["method"] in FUSIONS and name == "keep":
                    ours = np.sort(ours)  # Python gives no places: which boxes found a fused one
                wanted = np.asarray(value).astype(dtype)
                assert ours.tobytes() == wanted.tobytes(), (call["method"], call["options"], name)


@needs_node
def test_the_page_answers_as_python(tmp_path: Path) -> None:
    calls = [draw(seed) for seed in range(500)]
    assert {call["method"] for call in calls} == {*SUPPRESSIONS, *FUSIONS}
    check(calls, answers(calls, tmp_path))


@needs_node
def test_the_page_answers_as_python_on_real_files(tmp_path: Path) -> None:
    with np.load(DATA / "yolox_nano_sliced/raw_small_vehicles1.npz", allow_pickle=False) as stored:
        boxes, scores, groups = (stored[name] for name in ("boxes", "scores", "labels"))
    calls = [
        {"method": name, "rotated": False, "boxes": boxes, "scores": scores, "groups": groups.astype(np.int32)}
        | {"options": {} if name == "matrix" else {"iou": 0.5}}
        for name in ("hard", "soft", "merge", "matrix", "greedy_nmm")
    ]
    check(calls, answers(calls, tmp_path))


def draw_match(seed: int) -> dict[str, Any]:
    """A picture and its truth: boxes on a coarse grid, so that overlaps and scores are equal, some without area."""
    rng = np.random.default_rng(seed)
    numbers = int(rng.choice([4, 5]))

    def boxes(count: int) -> np.ndarray:
        places, sides = rng.integers(0, 8, (count, 2)) * 4.0, rng.integers(0, 5, (count, 2)) * 5.0
        turn = rng.choice([0.0, 0.3, -1.2], (count, numbers - 4))
        return np.hstack([places, sides, turn])

    found, objects = int(rng.choice([0, 1, 40])), int(rng.choice([0, 1, 25]))
    labels = [rng.integers(0, 3, count).astype(np.int32) for count in (found, objects)]
    return {
        "numbers": numbers,
        "classes": 3,
        "found": {"boxes": boxes(found), "labels": labels[0], "scores": rng.integers(1, 9, found) / 8},
        "truth": {
            "boxes": boxes(objects),
            "labels": labels[1],
            "skipped": rng.choice([0, 1, 2], objects, p=[0.7, 0.15, 0.15]).astype(np.int32),
        },
        "how": {
            "iou": float(rng.choice([0.0, 0.3, 0.5, 1.0])),
            "most": int(rng.choice([100, 3])),
            "largest": float(rng.choice([1e10, 200.0])),
        },
    }


@needs_node
def test_the_page_matches_as_python(tmp_path: Path) -> None:
    calls = [draw_match(seed) for seed in range(300)]
    seen = set()
    for call, answer in zip(calls, answers(calls, tmp_path), strict=True):
        assert "error" not in answer, answer
        found, objects, how = call["found"], call["truth"], call["how"]
        images = [np.zeros(len(of["labels"]), np.int64) for of in (found, objects)]
        truth = Truth(
            objects["boxes"],
            objects["labels"].astype(np.int64),
            images[1],
            (0,),
            ("a", "b", "c"),
            crowd=objects["skipped"] == 2,
            ignore=objects["skipped"] > 0,
            area=np.zeros(len(images[1])),
            fmt="xywh",
        )
        detections = Detections(
            found["boxes"], found["scores"], found["labels"].astype(np.int64), images[0], fmt="xywh"
        )
        expected = match(
            detections,
            truth,
            iou_thresholds=[how["iou"]],
            area_ranges={"all": (0, how["largest"])},
            max_detections=[how["most"]],
        )
        outcome = received(answer, "outcome", np.uint8)
        assert np.array_equal(outcome, expected.outcome[:, 0, 0]), how
        assert np.array_equal(received(answer, "taken", np.int32), expected.taken.reshape(-1)), how
        seen |= set(outcome.tolist())
    assert seen == {0, 1, 2, 3}


def test_the_module_is_made_of_these_sources() -> None:
    stored = json.loads(wasm.RECORD.read_text(encoding="utf-8"))
    assert stored == wasm.record(stored["files"], wasm.MODULE, stored["compiler"]), "run: make wasm"


@pytest.mark.slow
@needs_node
@pytest.mark.skipif(find_spec("ziglang") is None, reason="ziglang is not installed: pip install ziglang")
def test_the_module_can_be_built_again(tmp_path: Path) -> None:
    again = tmp_path / "again.wasm"
    assert wasm.build(again) == json.loads(wasm.RECORD.read_text(encoding="utf-8"))["files"]
    calls = [draw(seed) for seed in range(500, 600)]
    check(calls, answers(calls, tmp_path, again))
