"""What an H100 and an H200 are taken to be where times are worked out by count. No time here was measured.

The cards: NVIDIA's data sheets of the SXM modules (multiprocessors, boost clock, bandwidth). All else is assumed, from
what is published of earlier cards.
"""

from __future__ import annotations

from dataclasses import dataclass

MULTIPROCESSORS = 132
CLOCK = 0.95 * 1980e6  # cycles a second: the boost clock of both, of which heavy load leaves some 95 %
SCHEDULERS = 4  # of a multiprocessor: each issues one instruction of a warp a cycle
ISSUED_PER_SECOND = MULTIPROCESSORS * SCHEDULERS * CLOCK
COPIED = 0.9  # of the bandwidth, read and written by a good copy

LAUNCH = 2e-6  # seconds from one kernel to the next of a stream
MESSAGE = 1e-6  # from a store of one multiprocessor to a load of another that waits for it
READ = 600 / CLOCK  # a read from memory that nobody has asked for before
BARRIER = 40 / CLOCK  # of a block
GAP = 2 / CLOCK  # between two instructions of a warp that is alone: every other one waits 4 cycles for the one before

# torch's sort of N keys with their places (CUB, eight bits a pass): launches, and bytes of a key of 4 and of 8 bytes
SORT_LAUNCHES = 8
SORT_BYTES = {4: 4 * 2 * 12 + 12, 8: 8 * 2 * 16 + 16}


@dataclass(frozen=True)
class Card:
    name: str
    bandwidth: float  # bytes a second

    @property
    def copied_per_second(self) -> float:
        return COPIED * self.bandwidth


H100, H200 = Card("H100", 3.35e12), Card("H200", 4.8e12)
CARDS = (H100, H200)
