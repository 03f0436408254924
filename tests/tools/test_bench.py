"""The benchmark suite itself: a tiny run with all its outputs, and its parts on numbers made by hand."""

from __future__ import annotations

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchmarks import compare, dataset, fit, measure, memory, peers, readme, results, suite, table, targets, tune
from benchmarks.__main__ import main
from benchmarks.cases import OURS, Case, Contender, Group, Options, Series, differing_indices, largest_difference
from benchmarks.groups import GROUPS
from benchmarks.measure import Effort, Spread, Timing
from benchmarks.results import FLOOR, Memory, Results, Row

MACHINE = {
    "processor": "one", "gpu": "", "threads": 2, "cores": 2, "load_at_start": 0.0, "instruction_set": "avx2",
    "date": "2026-01-01", "commit": "", "versions": {"ptdet": "0", "torch": "2"},
}  # fmt: skip


def row(library: str = OURS, n: int = 1000, median: float = 1.0, width: float = 0.1, **other: object) -> Row:
    low, high = median * (1 - width / 2), median * (1 + width / 2)
    seconds = Spread(low, median, high)
    facts = {"over_floor": seconds, **other}
    return Row("nms", "clustered", "float32", "cpu", n, library, seconds, 7, 1, **facts)  # type: ignore[arg-type]


def run_of(*rows: Row, **machine: object) -> Results:
    return Results({**MACHINE, **machine}, {}, rows=list(rows))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a run of a second."""
    stem = tmp_path_factory.mktemp("bench") / "tiny"
    asked = ["batched", "--quick", "--sizes", "10,1000,2000,3000", "--data", "none", "--save", f"{stem}.json"]
    assert main([*asked, "--peers", "torchvision"]) == 0
    return stem


def test_a_run_writes_json_that_reads_back(tiny: Path) -> None:
    found = results.load_json(tiny.with_suffix(".json"))
    assert {r.library for r in found.rows} == {OURS, "torchvision", FLOOR}
    assert {r.n for r in found.rows} == {10, 1000, 2000, 3000}
    assert {r.scene for r in found.rows} == {"clustered", "scattered"}
    peer = found.find("batched", "clustered", 1000, "torchvision")
    assert peer and peer.differing == 0 and peer.times_ours and peer.times_ours.median > 0
    assert all(0 < r.seconds.q1 <= r.seconds.median <= r.seconds.q3 for r in found.rows)
    for fact in ("processor", "threads", "instruction_set", "versions", "caches", "date"):
        assert found.machine[fact], fact
    assert {e.library for e in fit.exponents(found)} == {OURS, "torchvision", FLOOR}
    again = tiny.with_name("again.json")
    results.save_json(again, found)
    assert again.read_text() == tiny.with_suffix(".json").read_text()


def test_a_run_writes_csv(tiny: Path) -> None:
    lines = tiny.with_suffix(".csv").read_text().splitlines()
    assert any(line.startswith("# instruction_set: ") for line in lines)
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len(rows) == 2 * 4 * 3
    assert float(rows[0]["seconds_median"]) > 0


def test_a_run_draws(tiny: Path) -> None:
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    with image.open(tiny.with_name("tiny_batched.png")) as picture:
        colours = picture.convert("RGB").getcolors(1 << 24)
    painted = {colour for count, colour in colours if count > 30}
    assert {(209, 66, 15), (31, 119, 180)} <= painted, "the lines of ptdet and torchvision"
    assert sum(count for count, colour in colours if colour != (255, 255, 255)) > 3000


def test_bars_are_drawn_where_there_is_one_size(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks import plots

    found = run_of(row(), row("torchvision", median=3.0), row(FLOOR, median=0.5))
    assert [path.stat().st_size > 5000 for path in plots.draw(found, GROUPS, tmp_path / "bars")] == [True]


def test_compare_marks_a_planted_slowdown(
    tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that ticks once a look, so that no load of the machine widens the spread."""
    tick = itertools.count(0.0, 0.01).__next__
    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=tick, process_time=tick))
    found = results.load_json(tiny.with_suffix(".json"))
    fast = [replace(r, seconds=Spread(*[r.seconds.q1 / 50] * 3)) for r in found.rows]
    old = tiny.with_name("old.json")
    results.save_json(old, Results(found.machine, found.settings, rows=fast))
    asked = ["batched", "--quick", "--sizes", "1000", "--data", "none", "--peers", "none", "--no-memory"]
    assert main([*asked, "--compare", str(old)]) == 1
    said = capsys.readouterr().out
    assert said.count("SLOWER") == 2 and "compared by time: 0 of 2 within their spread" in said


def test_compare_by_hand() -> None:
    """Interquartile ranges of 0.1 each: a change of 0.2 is noise, one of 0.3 is not; 4 % never counts."""
    assert compare.verdict(row().seconds, row(median=1.15).seconds) == "same"
    assert compare.verdict(row().seconds, row(median=1.3).seconds) == "slower"
    assert compare.verdict(row().seconds, row(median=0.7).seconds) == "faster"
    assert compare.verdict(row(width=0).seconds, row(width=0, median=1.04).seconds) == "same"
    changes, by = compare.compare(run_of(row()), run_of(row(median=2.0), row("torchvision")))
    assert (by, [c.verdict for c in changes], changes[0].ratio) == ("time", ["slower"], 2.0)
    _, by = compare.compare(run_of(row()), run_of(row(), processor="another"))
    assert by == "ratio to the floor"


def test_an_absent_peer_is_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(peers.PEERS, "nowhere", peers.Peer("no_such_module", "no-such-package"))
    asked = ["batched", "--quick", "--sizes", "10", "--data", "none", "--peers", "nowhere,torchvision"]
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert "nowhere: not installed" in said and "torchvision" in said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["no_such_group"], "no_such_group: expected some of nms, batched"),
        (["--peers", "nobody"], "--peers nobody: expected some of torchvision, lsnms"),
        (["--seconds", "0"], "--seconds: expected a number above 0, got 0.0"),
        (["--threads", "0"], "--threads: expected a number from 1 on, got 0"),
        (["--threads", "2", "--cpu-time"], "--threads: expected 1 with --cpu-time, got 2"),
        (["--compare", "README.md"], "README.md is no result of the benchmark suite"),
    ],
)
def test_bad_requests(asked: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(asked) == 2
    assert said in capsys.readouterr().err


def test_a_differing_peer_is_marked_and_a_failing_one_left_out() -> None:
    def fails() -> None:
        raise RuntimeError("no such thing")

    def build(n: int) -> Case:
        answers = [Contender(OURS, lambda: [0, 1]), Contender("wrong", lambda: [0, 2], note="rounds")]
        return Case([*answers, Contender("broken", fails)], lambda: None)

    series = Series("made up", "two", (5,), build)
    group = Group("made up", "two boxes", "nothing", lambda options: iter([series]))
    found = Results(MACHINE, {})
    rows = suite.run_series(group, series, Effort(0.0, 3, 3), found, lambda said: None)
    assert found.left_out == {"broken: made up, two, float32, cpu, 5": "RuntimeError: no such thing"}
    text = "\n".join(table.series_table(group, rows))
    assert "* wrong, 5: 2 indices differ: rounds" in text
    assert "\n  broken: made up" in "\n" + "\n".join(table.left_out_lines(found))


def test_the_time_of_a_call_is_predicted() -> None:
    """At an exponent of 2 ten times the boxes take a hundred times as long; small sizes count as a thousand."""
    prediction = suite.Prediction(1.0)
    assert prediction.predicted("peer", 10**6) == 0
    prediction.learn("peer", 100, 1e-4)
    assert prediction.predicted("peer", 1000) == pytest.approx(1e-4)
    assert prediction.predicted("peer", 10_000) == pytest.approx(1e-2)
    prediction.learn("peer", 10_000, 1e-3)  # it grew as N
    assert prediction.predicted("peer", 100_000) == pytest.approx(1e-2)


def test_turns_are_interleaved() -> None:
    """Each round has every call once, another first each time."""
    order: list[str] = []
    calls = {name: (lambda n=name: order.append(n)) for name in "abc"}
    times = measure.interleaved(calls, lambda call, k: call() or 1.0, Effort(0.0, 4, 9))  # type: ignore[misc]
    assert "".join(order) == "abcbcacababc"
    assert times["a"] == Timing([1.0] * 4, 1)


def test_a_turn_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call of a microsecond, by a clock that calls alone move on."""
    now = [0]
    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: now[0] * 1e-6))
    times = measure.interleaved({"a": lambda: now.append(now.pop() + 1)}, measure.wall_clock, Effort(0.0, 3, 3))
    assert times["a"].repeats == pytest.approx(measure.FILL / 1e-6, rel=0.01)
    assert times["a"].rounds == pytest.approx([1e-6] * 3)


def test_on_cuda_the_cache_is_overwritten_and_events_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of what the clock does, on a stand-in for torch.cuda: 2 ms a call by the events."""
    order: list[str] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            order.append("event")

        def synchronize(self) -> None:
            order.append("wait")

        def elapsed_time(self, end: Event) -> float:
            return 2.0

    class Filler:
        def zero_(self) -> None:
            order.append("overwrite")

    monkeypatch.setattr(torch, "empty", lambda *size, **how: Filler())
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: order.append("drain"))
    assert measure.CudaClock()(lambda: order.append("call"), 2) == pytest.approx(2e-3)
    assert order == ["overwrite", "drain", "event", "call", "event", "wait"] * 2


def test_numbers_by_hand() -> None:
    assert measure.spread([4, 1, 3, 2, 5]) == Spread(2, 3, 4)
    assert measure.spread([1, 2]) == Spread(1.25, 1.5, 1.75)
    assert fit.slope([(10, 3.0), (100, 300.0), (1000, 30_000.0)]) == pytest.approx(2)
    assert differing_indices(torch.tensor([0, 1, 4]), torch.tensor([1, 2, 4, 4])) == 3
    assert largest_difference(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 2**-22])) == 1
    assert largest_difference(torch.tensor([1.0]), torch.tensor([1.0 + 2**-9], dtype=torch.float16)) == 2
    assert largest_difference(torch.zeros(2), torch.zeros(3)) == float("inf")
    assert largest_difference(torch.tensor([torch.nan]), torch.zeros(1)) == float("inf")
    assert [table.seconds(s) for s in (2.5, 0.0125, 3.21e-5, 4e-9)] == ["2.5 s", "12.5 ms", "32.1 us", "4 ns"]


def test_targets_are_judged() -> None:
    """Met at the bound, missed beyond it, and not measured where there is no row."""
    wanted = [
        targets.Target("x", "nms", "clustered", 1000, "times", 8, "torchvision"),
        targets.Target("x", "nms", "clustered", 1000, "floor", 0.9),
        targets.Target("x", "nms", "clustered", 1000, "memory", 50),
        targets.Target("x", "nms", "clustered", 7, "seconds", 1),
        targets.Target("x", "nms", "clustered", 1000, "beside", 0.1, "torchvision"),
    ]
    found = run_of(row(), row("torchvision", times_ours=Spread(7, 8, 9)))
    found.memory.append(Memory("nms", "clustered", 1000, OURS, 49.0))
    judged = targets.outcomes(found, wanted)
    assert [one.verdict for one in judged] == ["met", "missed", "met", "not measured", "missed"]
    assert targets.cells(judged)[1] == ["x", "nms, clustered, 1,000", "8x torchvision", "8", "7 to 9", "met"]
    assert targets.cells(judged)[5][2:5] == ["0.1x the time of torchvision at most", "0.125", "0.111 to 0.143"]


@pytest.mark.parametrize("scene", [series.scene for series in GROUPS["methods"].series(Options())])
def test_every_method_of_the_table_can_be_timed(scene: str, native: None) -> None:
    series = next(one for one in GROUPS["methods"].series(Options(sizes=(20,))) if one.scene == scene)
    for contender in series.build(20).contenders[:2]:
        contender.answered()


def test_every_target_is_of_a_group() -> None:
    for target in targets.TARGETS:
        every = GROUPS[target.group].series(Options())
        scenes = {series.scene: series.sizes for series in every if "16" not in series.dtype}
        assert target.n in scenes[target.scene], target


@pytest.mark.skipif(not memory.possible(), reason="no /proc/self/clear_refs: memory was not measured")
@pytest.mark.slow
def test_memory_of_a_call(native: None) -> None:
    """A fresh process: at least the 8 bytes of an index a kept box, and far below a matrix."""
    found = memory.measure("nms", "scattered", 100_000, OURS)
    assert found and 8 < found.bytes_per_box < 400


def test_the_data_set_of_tuning(capsys: pytest.CaptureFixture[str]) -> None:
    """Each copy has the truth of the 64 pictures, and detections of its own."""
    detections, truth = tune.data_set(2)
    assert len(truth.image_ids) == 128 and len(detections.scores) == 2 * 25_943
    first, second = truth.images.reshape(2, -1)
    assert (second - first == 64).all() and truth.area is not None and len(truth.area) == len(truth.boxes)
    assert (detections.images[25_943:] - detections.images[:25_943] == 64).all()
    assert (detections.scores[25_943:] != detections.scores[:25_943]).mean() > 0.9
    assert tune.main(["--copies", "1", "--methods", "hard", "--objective", "ap50"]) == 0
    assert "9 suppressions: " in (said := capsys.readouterr().out) and "the default" in said


def test_the_tables_in_the_readme_are_those_of_the_results() -> None:
    assert list(readme.stale(write=False)) == [], "run: python -m benchmarks.readme"


def test_the_page_on_data_sets_has_the_tables_of_the_results() -> None:
    found = json.loads(dataset.RESULTS.read_text(encoding="utf-8"))
    page = dataset.PAGE.read_text(encoding="utf-8")
    assert page == dataset.refreshed(page, found), "run: python -m benchmarks.dataset --page"
    by_hand = {**found, "cpu_a_picture": 72e-6, "bytes_in": 5000.0, "bytes_out": 200.0, "bytes_a_shard": 300.0}
    million = dataset.growth(by_hand).splitlines()[2]
    assert million == "| 1,000,000 | 0.02 | 36 s | 4.5 s | 0.28 s | 5 GB | 200 MB | 1,000 | 300 kB |"
