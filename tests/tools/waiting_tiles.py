"""The pass over tiles (csrc/cuda/greedy_pass.h) as a model: a tile is two boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .memory_order import Barrier, Model, Order, Place, Read, Value, Write
from .waiting_threads import THREADS, Steps, Thread, mirrors

OUTSIDE, OPEN, KEPT, REMOVED = "outside", "open", "kept", "removed"
Removal = tuple[str, int]  # its state; who removed it, or -1
Progress = tuple[int, int]  # tiles, kept


@dataclass(frozen=True)
class Scene:
    """Boxes in their order, where segments begin, and which better box of its segment could remove which."""

    count: int
    suppresses: frozenset[tuple[int, int]]
    begins: tuple[int, ...] = (0,)
    max_output: int = 99
    want_owner: bool = True

    def start(self, box: int) -> int:
        return max(begin for begin in self.begins if begin <= box)

    def first_of(self, kept: Sequence[int], box: int) -> int:
        """Of the kept that removes it, as a place among them; -1: none."""
        return next((i for i, better in enumerate(kept) if (better, box) in self.suppresses), -1)

    def told(self, owners: Sequence[int]) -> Value:
        """What a caller may rely on: all owners; with an end to the output, which boxes are kept up to there."""
        if self.max_output >= self.count and self.want_owner:
            return tuple(owners)
        return tuple(box for box, owner in enumerate(owners) if owner == box)[: self.max_output]

    def greedy(self) -> Value:
        owners: list[int] = []
        for box in range(self.count):
            kept = [k for k in range(self.start(box), box) if owners[k] == k]
            first = self.first_of(kept, box)
            owners.append(box if first < 0 else kept[first])
        return self.told(owners)


@dataclass(frozen=True)
class TileThread(Thread):
    scene: Scene

    @mirrors("greedy_pass.h", "select_open")
    def select_open(self, tile: int, goes_on: bool, into: int, state: str) -> Steps:
        """
        *state = settle(memory.matches, from, *state, memory.kept, memory.open)
        if (*state == BoxState::kRemoved)
          *suppressor = pass.rows[first + first_suppressor(memory.matches, from, own, memory.kept)]
        const int place = rank_in_block(listed, memory.warp_counts, &count)
        if (listed)
        pass.kept_boxes[list + place] = memory.boxes[own]
        pass.kept_rows[list + place] = row
        if (goes_on && own < kTileWords) pass.kept_words[first / kWarp + own] = memory.kept[own]
        __syncthreads()
        return count
        """
        first, suppressor = tile * THREADS, -1
        kept: list[int] = []
        for k, other in enumerate((yield Barrier(state))):
            remover = self.scene.first_of(kept, first + k)
            if other == OPEN and remover < 0:
                kept.append(first + k)
            if other == OPEN and k == self.own:
                state, suppressor = (KEPT, -1) if remover < 0 else (REMOVED, kept[remover])
        listed = state == KEPT and into >= 0
        lists = yield Barrier(listed)
        place = sum(lists[: self.own])
        if listed:
            yield Write(f"kept box {into + place}", first + self.own)
            yield Write(f"kept row {into + place}", first + self.own)
        if goes_on and self.own == THREADS - 1:  # in csrc several threads, not the first alone
            yield Write(f"kept words {tile}", tuple(kept))
        yield from self.barrier("after the list")
        return sum(lists), state, suppressor

    @mirrors("greedy_pass.h", "meet_earlier")
    def meet_earlier(self, tile: int, begin: int, goes_on: bool, state: str) -> Steps:
        """
        test_cross_matches<Measure>(pass, memory, threshold, tile * kTile, from, *state == BoxState::kOpen)
        for (;;)
        if (own == 0)
        *memory.progress = wait_for(published, [&](Counter word)
        return now.kept > met || now.kept >= pass.max_output ? 0 : before - now.tiles
        __syncthreads()
        if (enough && !pass.want_owner) return now
        if (done && own < kTileWords) memory.marks[own] = pass.kept_words[(tile - 1) * kTileWords + own]
        while (met < listed)
        if (stale)
        const int place = rank_in_block(*state == BoxState::kOpen, memory.warp_counts, &open_count)
        if (*state == BoxState::kOpen) memory.listed[place] = own
        if (open_count == 0) break
        if (own < batch_count) memory.batch[own] = pass.kept_boxes[begin + met + own]
        __syncthreads()
        __syncthreads()
        if (hit)
        *state = BoxState::kRemoved
        *suppressor = pass.kept_rows[begin + met + memory.first_hit[own]]
        stale = __syncthreads_or(hit)
        if (met < listed)
        if (!goes_on) return now
        __syncthreads()
        if (done && *state == BoxState::kOpen)
        for (int word = from / kWarp; word < kTileWords; ++word)
        if (hits == 0) continue
        *state = BoxState::kRemoved
        *suppressor = pass.rows[first_before + word * kWarp + __ffs(static_cast<int>(hits)) - 1]
        break
        if (done || enough) return now
        """
        scene, box, suppressor = self.scene, tile * THREADS + self.own, -1
        before = tile - begin // THREADS
        met = open_count = 0
        stale = True

        def distance(word: Progress) -> int:
            return 0 if word[1] > met or word[1] >= scene.max_output else before - word[0]

        yield Barrier()
        while True:
            if self.own == 0:
                yield Write(self.shared("progress"), (yield from self.wait_for(progress_of(begin), distance)))
            yield from self.barrier("after the wait")
            now: Progress = yield Read(self.shared("progress"))
            tiles, kept = now
            enough = kept >= scene.max_output
            if enough and not scene.want_owner:
                return now, state, suppressor
            done = tiles == before
            if done and self.own == THREADS - 1:
                yield Write(self.shared("marks"), (yield Read(f"kept words {tile - 1}")))
            listed = (yield Read(f"kept before {tile - 1}")) if done else kept
            while met < listed:
                if stale:
                    open_count = sum((yield Barrier(state == OPEN)))
                    stale = False
                if open_count == 0:
                    break
                size = min(listed - met, THREADS)
                mine = (yield Read(f"kept box {begin + met + self.own}")) if self.own < size else -1
                batch = (yield Barrier(mine))[:size]
                yield Barrier()
                hit = scene.first_of(batch, box) if state == OPEN else -1
                if hit >= 0:
                    state, suppressor = REMOVED, (yield Read(f"kept row {begin + met + hit}"))
                stale = any((yield Barrier(hit >= 0)))
                met += size
            if met < listed:
                if not goes_on:
                    return now, state, suppressor
                met = listed
            yield from self.barrier("after all have read the progress")
            if done and state == OPEN:
                cross = [other for other in (yield Read(self.shared("marks"))) if other >= begin]
                hit = scene.first_of(cross, box)
                if hit >= 0:
                    state, suppressor = REMOVED, cross[hit]
            if done or enough:
                return now, state, suppressor

    def announce(self, tile: int, begin: int, before: Progress, kept: int) -> Steps:
        told = self.publish(progress_of(begin), (before[0] + 1, before[1] + kept))
        if "published before the data" in self.faults:
            yield told
        yield Write(f"kept before {tile}", before[1])
        if "published before the data" not in self.faults:
            yield told

    @mirrors("greedy_pass.h", "pass_over_tile")
    def pass_over_tile(self) -> Steps:
        """
        if (own > 0 && real && pass.groups != nullptr) begins = pass.groups[position] != pass.groups[position - 1]
        const uint32_t begins_here = __ballot_sync(kAllLanes, begins)
        if (own % kWarp == 0) memory.marks[own / kWarp] = begins_here
        if (candidate) memory.boxes[own] = TileShape<Shape>::hold(pass.boxes, row)
        const bool any = __syncthreads_or(candidate)
        if (!any)
        if (real) pass.found[row] = -1
        return
        if (candidate) test_matches<Measure, Shape>(memory.boxes, from, own, threshold, memory.matches)
        if (segment >= 0 && candidate) state = BoxState::kOpen
        const int tail_kept = select_open(pass, memory, from, first, row, tail_goes_on, list, &state, &suppressor)
        if (own == 0 && tail_goes_on)
        pass.kept_before[tile] = 0
        publish(&pass.progress[tile], Progress
        if (real && segment >= 0) pass.found[row] = state == BoxState::kKept ? row : suppressor
        if (head == first || !__syncthreads_or(in_head))
        if (real && segment < 0) pass.found[row] = -1
        return
        const Progress before = meet_earlier<Measure>(pass, memory, threshold, head, tile, publishes, &state,
          &suppressor)
        if (before.kept < pass.max_output)
        const int kept = select_open(pass, memory, 0, first, row, publishes, publishes ? head + before.kept : -1,
          &selected, &removed_here)
        if (own == 0 && publishes)
        pass.kept_before[tile] = before.kept
        publish(&pass.progress[head / kTile], Progress
        if (selected == BoxState::kKept) suppressor = row
        if (selected == BoxState::kRemoved) suppressor = removed_here
        if (real && segment < 0) pass.found[row] = suppressor
        """
        scene = self.scene
        tile = yield from self.draw_ticket("tickets")
        first, box = tile * THREADS, tile * THREADS + self.own
        head, last = scene.start(first), scene.start(first + THREADS - 1)
        yield Barrier()
        goes_on = first + THREADS < scene.count and scene.start(first + THREADS) < first + THREADS
        begins_here = scene.start(box) >= first
        tail_goes_on = goes_on and last >= first
        into = last if goes_on and begins_here and scene.start(box) == last else -1
        count, state, suppressor = yield from self.select_open(
            tile, tail_goes_on, into, OPEN if begins_here else OUTSIDE
        )
        if self.own == 0 and tail_goes_on:
            yield from self.announce(tile, first, (0, 0), count)
        if begins_here:
            yield Write(f"found {box}", box if state == KEPT else suppressor)
        if head == first or not any((yield Barrier(not begins_here))):
            return
        publishes = goes_on and last < first
        before, state, suppressor = yield from self.meet_earlier(
            tile, head, publishes, OUTSIDE if begins_here else OPEN
        )
        if before[1] < scene.max_output:
            kept, selected, removed_here = yield from self.select_open(
                tile, publishes, head + before[1] if publishes else -1, OPEN if state == OPEN else OUTSIDE
            )
            if self.own == 0 and publishes:
                yield from self.announce(tile, head, before, kept)
            suppressor = {KEPT: box, REMOVED: removed_here}.get(selected, suppressor)
        if not begins_here:
            yield Write(f"found {box}", suppressor)


def progress_of(begin: int) -> Place:
    return f"progress {begin // THREADS}"


def tiles(
    orders: Mapping[str, Order], scene: Scene, resident: int | None = None, faults: frozenset[str] = frozenset()
) -> Model:
    blocks = scene.count // THREADS

    def result(_: object, holds: Mapping[Place, Any]) -> Value:
        return scene.told([holds.get(f"found {box}", "none") for box in range(scene.count)])

    return Model(
        [
            [partial(TileThread(orders, faults, block, own, scene).pass_over_tile) for own in range(THREADS)]
            for block in range(blocks)
        ],
        {"tickets": 0} | {f"progress {tile}": (0, 0) for tile in range(blocks)},
        result=result,
        expected=[scene.greedy()],
        resident=resident,
        alike="a block's own number for a ticket" not in faults,
    )
