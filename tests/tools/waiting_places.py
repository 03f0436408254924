"""One number that says all: the pass by place (csrc/cuda/spatial_pass.h) and the owners of NMM (nmm.cu) as models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .memory_order import Model, Order, Place, Read, Update, Value, Write
from .waiting_threads import THREADS, Steps, Thread, mirrors

UNDECIDED, KEPT, REMOVED = "undecided", "kept", "removed"
NOWHERE = 1 << 32
LANES = 2


@dataclass(frozen=True)
class Places:
    """Of each box those near it that overlap it, in the order in which they are found; itself is not among them."""

    near: tuple[tuple[int, ...], ...]
    want_owner: bool = True
    most_looks: int | None = None  # None: as many as it takes

    def greedy(self) -> Value:
        owners: list[int] = []
        for box, near in enumerate(self.near):
            owners.append(min((k for k in near if k < box and owners[k] == k), default=box))
        return self.told(owners)

    def told(self, owners: list[int]) -> Value:
        return tuple(owners if self.want_owner else [owner == box for box, owner in enumerate(owners)])


@dataclass(frozen=True)
class Warp(Thread):
    """A thread of the model is a warp, with one box and two lanes."""

    places: Places

    @mirrors("spatial_pass.h", "first_kept")
    def first_kept(self, hit: list[int], first: int) -> Steps:
        """
        for (int looks = 0; __any_sync(kAllLanes, hit); ++looks)
        if (looks > 0) pause(100)
        const uint32_t verdict = hit ? load_relaxed(&pass.verdicts[position]) : kIsRemoved
        if (__any_sync(kAllLanes, verdict == kIsKept))
          first = least_of_warp(verdict == kIsKept && position < first ? position : first)
        if (looks == kMostLooks) atomicOr(pass.refused, 1u)
        *refused = looks > 0 && __any_sync(kAllLanes, load_relaxed(pass.refused) != 0)
        if (*refused) break
        return first
        """
        most = self.places.most_looks
        looks = 0
        while hit:
            verdicts = []
            for box in hit:
                # without an end to the looks it waits for one after the other, which is to look until all are known
                until = None if most is not None else lambda verdict: verdict != UNDECIDED
                verdicts.append((box, (yield self.load_relaxed(f"verdict {box}", until))))
            if "more is read than the verdict" in self.faults:
                for box, _ in verdicts:
                    yield Read(f"found {box}")
            first = min([first, *(box for box, verdict in verdicts if verdict == KEPT)])
            undecided = [box for box, verdict in verdicts if verdict == UNDECIDED and box < first]
            hit = undecided if self.places.want_owner or first == NOWHERE else []
            if looks == most:
                yield Update("refused", lambda refused: refused | 1, self.orders["atomicOr"])
            if looks > 0 and (yield self.load_relaxed("refused")) != 0:
                return first, True
            looks += 1
        return first, False

    @mirrors("spatial_pass.h", "add")
    def add_kept(self, box: int) -> Steps:
        """
        const uint32_t at = start + atomicAdd(&fill[bucket], 1u)
        positions[at] = position
        boxes[at].box = box
        """
        if "a place by load and store" in self.faults:
            at = yield self.load_relaxed("fill")
            yield self.store_relaxed("fill", at + 1)
        else:
            at = yield self.add("atomicAdd", "fill")
        yield Write(f"kept {at}", box)

    @mirrors("spatial_pass.h", "settle_chunk")
    def settle_chunk(self) -> Steps:
        """
        const int64_t drawn = draw_ticket(&pass.tickets[chunk], ticket)
        if (position >= end || __any_sync(kAllLanes, load_relaxed(pass.refused) != 0)) return
        if (__any_sync(kAllLanes, load_relaxed(&pass.verdicts[position]) != kUndecided)) return
        first = first_kept(pass, hit, other, first, &refused)
        return refused || (!pass.want_owner && first != kNoPlace)
        if (refused || threadIdx.x % kWarp != 0) return
        store_relaxed(&pass.verdicts[position], static_cast<uint32_t>(kept ? kIsKept : kIsRemoved))
        pass.found[row] = kept ? row : pass.rows[first]
        if (!kept) return
        pass.kept.add(bucket, pass.starts[bucket], self, own)
        """
        near = self.places.near
        drawn = yield from self.draw_ticket("tickets")
        box = drawn * THREADS + self.own
        if box >= len(near) or (yield self.load_relaxed("refused")) != 0:
            return
        if (yield self.load_relaxed(f"verdict {box}")) != UNDECIDED:
            return
        first, refused = NOWHERE, False
        for begin in range(0, len(near[box]), LANES):
            lanes = near[box][begin : begin + LANES]
            better = [other for other in lanes if other < box or "a wait for worse boxes" in self.faults]
            first, refused = yield from self.first_kept([other for other in better if other < first], first)
            if refused or (not self.places.want_owner and first != NOWHERE):
                break
        if refused:
            return
        kept = first == NOWHERE
        if "a verdict before it is known" in self.faults:
            yield self.store_relaxed(f"verdict {box}", KEPT)
        yield self.store_relaxed(f"verdict {box}", KEPT if kept else REMOVED)
        yield Write(f"found {box}", box if kept else first)
        if not kept:
            return
        yield from self.add_kept(box)


def places(
    orders: Mapping[str, Order], scene: Places, resident: int | None = None, faults: frozenset[str] = frozenset()
) -> Model:
    """All boxes in one cell, whose list the next launch reads."""
    count = len(scene.near)

    def result(_: object, holds: Mapping[Place, Any]) -> Value:
        if holds["refused"] != 0:
            return "refused"
        owners = [holds.get(f"found {box}", -1) for box in range(count)]
        listed = sorted(holds.get(f"kept {at}", -1) for at in range(holds["fill"]))
        kept = [box for box in range(count) if owners[box] == box]
        return scene.told(owners) if listed == kept else f"the list has {listed}, kept are {kept}"

    return Model(
        [
            [partial(Warp(orders, faults, block, own, scene).settle_chunk) for own in range(THREADS)]
            for block in range(-(-count // THREADS))
        ],
        {"tickets": 0, "refused": 0, "fill": 0} | {f"verdict {box}": UNDECIDED for box in range(count)},
        result=result,
        expected=[scene.greedy(), *(["refused"] if scene.most_looks is not None else [])],
        resident=resident,
        alike="a block's own number for a ticket" not in faults,
    )


@dataclass(frozen=True)
class Walker(Thread):
    """A block of one thread, with one box."""

    @mirrors("nmm.cu", "find_owner")
    def find_owner(self) -> Steps:
        """
        if (rank >= count) return
        int64_t at = row, by = load_relaxed(&scratch.first[row])
        while (by >= 0 && by != at)
        const int64_t next = load_relaxed(&scratch.first[by])
        if (next == by) break
        store_relaxed(&scratch.first[at], next)
        """
        at = self.block
        by = yield self.load_relaxed(f"first {at}")
        while by != at:
            following = yield self.load_relaxed(f"first {by}")
            if following == by:
                break
            yield self.store_relaxed(f"first {at}", following + ("a step too far" in self.faults))
            at, by = by, following
        return by


def owners(orders: Mapping[str, Order], first: tuple[int, ...], faults: frozenset[str] = frozenset()) -> Model:
    expected = list(first)
    for box, by in enumerate(first):
        expected[box] = expected[by]
    return Model(
        [[partial(Walker(orders, faults, box, 0).find_owner)] for box in range(len(first))],
        {f"first {box}": by for box, by in enumerate(first)},
        expected=[tuple(expected)],
    )
