"""The native CPU kernels answer as the reference does, box for box."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import ptdet
from ptdet.reference import METRICS
from ptdet.testing import NAMED, class_ids, clustered, crossing, dense, grid, scattered
from ptdet.testing.scenes import CLASS_KINDS

from ..native.digest import digest
from ..oracles import assert_same_walk, reference_walk

pytestmark = pytest.mark.usefixtures("native")

Scene = Callable[[int, int], tuple[torch.Tensor, torch.Tensor]]
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
SMALL = [name for name in NAMED if len(NAMED[name]()[1]) <= 300]
LARGE = [name for name in NAMED if name not in SMALL]


def agree(boxes: torch.Tensor, scores: torch.Tensor, *rest: object, **keywords: object) -> None:
    what = (tuple(boxes.shape), boxes.dtype, scores.dtype, rest[1:], keywords)
    expected = reference_walk(boxes, scores, *rest, **keywords)
    assert_same_walk(torch.ops.ptdet.nms_walk(boxes, scores, *rest, **keywords), expected, what)
    keep = torch.ops.ptdet.nms(boxes, scores, *rest, **keywords)
    assert torch.equal(keep, expected[0][: int(expected[2])]), what


@pytest.mark.grid("dtype")
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_named_sets(name: str, dtype: torch.dtype) -> None:
    boxes, scores = (tensor.to(dtype) for tensor in NAMED[name]())
    for metric in METRICS:
        for threshold in (-0.5, 0.0, 0.3, 0.6, 1.0):
            for inclusive in (False, True):
                agree(boxes, scores, None, threshold, metric=metric, inclusive=inclusive)


@pytest.mark.grid("name")
@pytest.mark.parametrize("name", LARGE)
def test_large_named_sets(name: str, threads: int) -> None:
    boxes, scores = NAMED[name]()
    for threshold in (0.0, 0.5, 0.9):
        agree(boxes, scores, None, threshold)


@pytest.mark.parametrize("scene", [scattered, crossing, clustered], ids=lambda scene: scene.__name__)
@pytest.mark.parametrize("n", [4096, 4097, 8192, 16_385, 40_000])
def test_tiles(scene: Scene, n: int, threads: int) -> None:
    """More than 4096 boxes are cut into 2 tiles, more than 16384 into 4, ..., where few boxes meet the cuts."""
    for threshold in (0.1, 0.5, 0.8):
        boxes, scores = scene(n, n)
        whole, _, kept = torch.ops.ptdet.nms_walk(boxes, scores, None, threshold)  # one that names owners has no tiles
        assert torch.equal(ptdet.nms(boxes, scores, threshold), whole[: int(kept)])
        assert torch.equal(ptdet.nms(boxes, scores, threshold, max_output=n * 2 // 3), whole[: int(kept)][: n * 2 // 3])
        ids = torch.full((n,), 7)
        assert torch.equal(ptdet.batched_nms(boxes, scores, ids, threshold), whole[: int(kept)])
        some, _, few = torch.ops.ptdet.nms_walk(boxes, scores, None, threshold, score_threshold=0.3)
        assert torch.equal(ptdet.nms(boxes, scores, threshold, score_threshold=0.3), some[: int(few)])


@pytest.mark.grid("dtype")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tiles_of_any_dtype_against_the_reference(dtype: torch.dtype, threads: int) -> None:
    boxes, scores = crossing(6000, 1)
    boxes[::50, 2:] = boxes[::50, :2] - 1  # inverted
    boxes[7::300, 0] = math.nan
    boxes[11::300, 2] = math.inf
    agree(boxes.to(dtype), scores.to(dtype), None, 0.45)
    agree(boxes.to(dtype).t().contiguous().t(), scores.to(dtype), None, 0.3, metric="giou", inclusive=True)


@pytest.mark.parametrize("n", [380, 383, 384, 385, 1023, 1025, 2047, 2049, 4095, 4097, 5000])
def test_around_internal_switches(n: int, threads: int) -> None:
    """More than 384 boxes are indexed; sorts and threads have switches of their own further up."""
    agree(*clustered(n, n), None, 0.5)
    agree(*clustered(n, n), class_ids(n, "few", n), 0.5)


@pytest.mark.slow
def test_far_above_internal_switches(threads: int) -> None:
    n = 60_000
    boxes, scores = clustered(n, n)
    agree(boxes, scores, None, 0.5)
    agree(boxes, scores, class_ids(n, "few", n), 0.3)


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("inclusive", [False, True], ids=["above", "at least"])
def test_large_metrics(metric: str, inclusive: bool) -> None:
    for boxes, scores in (clustered(1500, 1), scattered(1500, 2), dense(1200, 3), grid(1500, 4)):
        for threshold in (0.01, 0.5, 0.6, 0.75):
            agree(boxes, scores, None, threshold, metric=metric, inclusive=inclusive)


def test_large_dtypes() -> None:
    boxes, scores = clustered(2000, 5)
    for boxes_dtype in DTYPES:
        for scores_dtype in DTYPES:
            agree(boxes.to(boxes_dtype), scores.to(scores_dtype), None, 0.5)


@pytest.mark.parametrize("kind", CLASS_KINDS)
@pytest.mark.parametrize("n", [1, 65, 1500])
def test_groups(kind: str, n: int, threads: int) -> None:
    boxes, scores = clustered(n, n)
    agree(boxes, scores, class_ids(n, kind, n), 0.4)
    agree(boxes, scores, class_ids(n, kind, n), 0.4, score_threshold=0.3, max_output=n // 3)


INTEGERS = [torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.uint16, torch.uint32, torch.uint64]


@pytest.mark.parametrize("dtype", [*INTEGERS, torch.bool, *DTYPES], ids=str)
def test_every_dtype_of_ids(dtype: torch.dtype) -> None:
    boxes, scores = clustered(90, 1)
    agree(boxes, scores, (torch.arange(90) % 7).to(dtype), 0.4)


def test_ids_beyond_int64() -> None:
    ids = torch.tensor([-1, -2, 0, -1] * 20).view(torch.uint64)
    agree(*clustered(80, 2), ids, 0.4)


@pytest.mark.parametrize("n", [33, 700])
def test_strides(n: int) -> None:
    boxes, scores = clustered(2 * n, n)
    wide = torch.cat([boxes, scores[:, None], boxes], dim=1)
    ids = torch.arange(2 * n) % 3
    by_column = boxes.t().contiguous().t()
    for view in (wide[:, :4], wide[::2, 5:], by_column, wide[:, 1:8:2], boxes[3:], boxes[:1].expand(n, 4)):
        count = len(view)
        for score in (wide[:count, 4], wide.flip(0)[:count, 4], scores[:1].expand(count)):
            agree(view, score, None, 0.5)
        agree(view, wide[:count, 4], ids[:1].expand(count), 0.5)
        agree(view, wide[:count, 4], torch.stack([ids, ids], 1)[:count, 0], 0.5)


@pytest.mark.parametrize("n", [0, 40, 1200])
def test_limits(n: int, threads: int) -> None:
    boxes, scores = clustered(n, n)
    for score_threshold in (None, -1.0, 0.5, 0.99, 2.0, -float("inf"), float("inf")):
        for max_output in (None, 0, 1, 7, 10**15):
            agree(boxes, scores, None, 0.5, score_threshold=score_threshold, max_output=max_output)


def test_several_threads_at_once() -> None:
    """The kernels keep no state: eight Python threads on eight inputs."""
    from concurrent.futures import ThreadPoolExecutor

    inputs = [clustered(400 * (1 + seed % 4), seed) for seed in range(8)]
    expected = [reference_walk(boxes, scores, None, 0.5) for boxes, scores in inputs]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            found = pool.map(lambda scene: torch.ops.ptdet.nms_walk(*scene, None, 0.5), inputs)
            for got, wanted in zip(found, expected, strict=True):
                assert_same_walk(got, wanted)


@pytest.fixture(scope="module")
def own_digest() -> str:
    return digest(60)


@pytest.mark.parametrize("instruction_set", ["baseline", "avx2", "avx512", "neon"])
def test_instruction_sets_give_one_digest(instruction_set: str, own_digest: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.native.digest", "--cases", "60"],
        env={**os.environ, "PTDET_CPU": instruction_set},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    if found["instruction_set"] != instruction_set:
        pytest.skip(f"this machine or build has no {instruction_set}: it took {found['instruction_set']}")
    assert found["digest"] == own_digest, f"{instruction_set} != {ptdet.build_info()['instruction_set']}"
