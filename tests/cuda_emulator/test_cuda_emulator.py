"""The emulator itself (tests/cuda_emulator): it lets the right pass and finds each planted fault, in every flavour."""

from __future__ import annotations

import os

import pytest

from tests.cuda_emulator import harness
from tests.cuda_emulator.harness import ASAN, FLAVOURS, PLAIN, TSAN, Flavour

EACH = [pytest.param(flavour, id=flavour.name) for flavour in FLAVOURS]


@pytest.fixture(autouse=True, scope="module")
def _needs_a_compiler() -> None:
    if harness.compiler() is None:
        if os.environ.get("CI") or os.environ.get("PTDET_REQUIRE_NATIVE") == "1":
            pytest.fail("no C++ compiler")
        pytest.skip("no C++ compiler: set CXX")


@pytest.mark.parametrize("flavour", EACH)
def test_the_right_passes(flavour: Flavour) -> None:
    for seed in range(1, 6):
        done = harness.run_planted(flavour, "clean", seed)
        assert (done.returncode, done.stdout) == (0, b"6048\n"), done.stderr.decode()  # 3 blocks of 0 + ... + 63
        done = harness.run_planted(flavour, "clean_relay", seed)
        assert (done.returncode, done.stdout) == (0, b"5\n"), done.stderr.decode()


# What each flavour must say; what a barrier or a vote needs is watched in all of them.
DATA_RACES = (
    "race_between_blocks", "non_atomic_update", "missing_barrier", "vote_for_barrier",
    "plain_flag", "relaxed_flag", "told_too_early",
)  # fmt: skip
ALWAYS = {
    "divergent_barrier": "divergent barrier",
    "skipped_barrier": "thread 5: left the kernel while others wait at a barrier",
    "absent_lane": "a lane that has left the kernel",
    "split_vote": "a lane that never comes",
    "never_told": "waits for what no running block will publish",
}
FAULTS = [(TSAN, name, "data race") for name in DATA_RACES]
FAULTS += [(ASAN, name, "heap-buffer-overflow") for name in ("global_overrun", "shared_overrun")]
FAULTS += [(ASAN, "bad_shift", "shift exponent")]
FAULTS += [(flavour, name, message) for flavour in FLAVOURS for name, message in ALWAYS.items()]


@pytest.mark.parametrize(("flavour", "name", "message"), FAULTS, ids=[f"{f.name}-{name}" for f, name, _ in FAULTS])
def test_the_fault_is_found(flavour: Flavour, name: str, message: str) -> None:
    for seed in range(1, 4):
        done = harness.run_planted(flavour, name, seed)
        assert done.returncode != 0
        assert message in done.stderr.decode()


@pytest.mark.slow
def test_some_order_of_blocks_shows_a_piece_that_is_taken_or_done_without_order() -> None:
    """Where the leader ends before another block begins, none takes a piece."""
    for seed in range(1, 11):
        done = harness.run_planted(TSAN, "clean_lead", seed)
        assert done.returncode == 0, done.stderr.decode()
    for name in ("taken_relaxed", "done_relaxed"):
        done_by_seed = [harness.run_planted(TSAN, name, seed) for seed in range(1, 11)]
        assert any(b"data race" in one.stderr for one in done_by_seed), name


@pytest.mark.parametrize("flavour", EACH)
def test_no_order_of_blocks_loses_the_end_of_shared_work(flavour: Flavour) -> None:
    """A helper may be held up between a look at the board and its draw, while the leader comes to the end."""
    for seed in range(1, 41 if flavour is PLAIN else 11):
        done = harness.run_planted(flavour, "clean_shared_work", seed)
        assert (done.returncode, done.stdout) == (0, b"32\n"), (seed, done.stderr.decode())


def test_shared_memory_is_poisoned() -> None:
    assert harness.run_planted(PLAIN, "unset_shared", 1).stdout == b"-192\n"


@pytest.mark.parametrize("flavour", EACH)
def test_some_order_of_blocks_shows_a_wait_without_a_ticket(flavour: Flavour) -> None:
    done = [harness.run_planted(flavour, "wait_without_ticket", seed) for seed in range(1, 11)]
    assert any(b"waits for what no running block will publish" in one.stderr for one in done)
    assert any(one.returncode == 0 for one in done)
