"""A part of tests/rotated_campaign.py: each method of rotated boxes beside a loop over the oracle's overlaps."""

from __future__ import annotations

import pytest

from ptdet._shared.methods import METHODS

from ..rotated_campaign import run
from ..rotated_loops import LOOPS


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("seeds", [range(24), pytest.param(range(24, 264), marks=pytest.mark.slow)], ids=len)
def test_every_method_beside_a_loop_over_the_oracle(seeds: range) -> None:
    assert {*METHODS} <= {*LOOPS}
    tally = run(seeds)
    assert not tally.wrong, tally.report()
    assert tally.ties > 10 * len(seeds)  # of whole numbers
    for method in METHODS:  # of few sets float64 cannot know the answer
        assert tally.compared[method] + tally.undecided[method] == len(seeds)
        assert tally.undecided[method] <= len(seeds) / 8, tally.report()
