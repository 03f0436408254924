"""Blocks that help one that leads (csrc/cuda/shared_work.h) as a model: each segment is a large one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .memory_order import Model, Order, Place, Read, Value, Write
from .waiting_threads import THREADS, Steps, Thread, mirrors

OVER = 1 << 63
LEADERS, HELPERS = "counter of leaders", "counter of helpers"


@dataclass(frozen=True)
class Work:
    """`phases` has how many pieces each phase of a segment has."""

    segments: int
    phases: tuple[int, ...]
    most_helpers: int = 128


def pieces(phase: int) -> int:
    return phase >> 32 & 0x7FFFFFFF


def taken(phase: int) -> int:
    return phase & 0xFFFFFFFF


def product(numbers: int, given: int, piece: int, own: int) -> Value:
    """What a thread makes of a piece: of all that it has read."""
    return numbers, given, piece, own


@dataclass(frozen=True)
class WorkThread(Thread):
    work: Work

    def is_over(self, phase: int) -> bool:
        return phase == OVER if "the end is one number" in self.faults else phase >= OVER

    def do_piece(self, board: int, numbers: int, piece: int) -> Steps:
        given = yield Read(f"input {board}")
        yield Write(f"output {board}, {piece}, {self.own}", product(numbers, given, piece, self.own))

    @mirrors("shared_work.h", "phase")
    def phase(self, board: int, count: int, numbers: int, helped: int) -> Steps:
        """
        if (board != nullptr && threadIdx.x == 0) for (int i = 0; i < 5; ++i) board->numbers[i] = numbers[i]
        __syncthreads()
        if (board != nullptr && threadIdx.x == 0) publish(&board->phase, static_cast<Counter>(pieces) << 32)
        for (;; ++own)
        if (threadIdx.x == 0) *piece = board == nullptr ? own : Board::taken(atomicAdd(&board->phase, Counter(1)))
        __syncthreads()
        if (i >= pieces) break
        do_piece(i)
        __syncthreads()
        helped += static_cast<Counter>(pieces - own)
        if (board != nullptr && threadIdx.x == 0)
        while (load_relaxed(&board->done) != helped) pause(100)
        acquire(&board->done)
        __syncthreads()
        """
        publish = self.publish(f"phase {board}", count << 32)
        if self.own == 0 and "published before the data" in self.faults:
            yield publish
        if self.own == 0:
            yield Write(f"numbers {board}", numbers)
        yield from self.barrier("before a phase")
        if self.own == 0 and "published before the data" not in self.faults:
            yield publish
        own = 0
        while True:
            if self.own == 0:
                yield Write(self.shared("piece"), taken((yield self.add("atomicAdd", f"phase {board}"))))
            yield from self.barrier("after the leader's piece")
            i = yield Read(self.shared("piece"))
            if i >= count:
                break
            yield from self.do_piece(board, numbers, i)
            yield from self.barrier("after the leader has read")
            own += 1
        helped += count - own
        if self.own == 0 and "no wait for the others" not in self.faults:
            yield self.load_relaxed(f"done {board}", until=lambda done: done == helped)
            yield self.acquire(f"done {board}")
        yield from self.barrier("at the end of a phase")
        return helped

    @mirrors("shared_work.h", "end")
    def end(self, board: int) -> Steps:
        """
        __syncthreads()
        if (board != nullptr && threadIdx.x == 0) publish(&board->phase, Board::kOver)
        """
        yield from self.barrier("before the end")
        if self.own == 0:
            yield self.publish(f"phase {board}", OVER)

    @mirrors("shared_work.h", "help")
    def help(self, board: int) -> Steps:
        """
        for (;;)
        if (threadIdx.x == 0)
        *piece = -1
        for (Counter seen = load_relaxed(&board->phase); !Board::is_over(seen); seen = load_relaxed(&board->phase))
        if (Board::taken(seen) < Board::pieces(seen))
        seen = add_acquire(&board->phase, Counter(1))
        if (Board::is_over(seen)) break
        *piece = Board::taken(seen)
        if (*piece < Board::pieces(seen)) break
        *piece = -1
        __syncthreads()
        __syncthreads()
        if (i < 0) return
        do_piece(board->numbers, i)
        __syncthreads()
        if (threadIdx.x == 0) add_release(&board->done, Counter(1))
        """
        while True:
            if self.own == 0:
                yield Write(self.shared("piece"), -1)
                while True:
                    seen = yield self.load_relaxed(
                        f"phase {board}", until=lambda seen: self.is_over(seen) or taken(seen) < pieces(seen)
                    )
                    if self.is_over(seen):
                        break
                    if "the look is the draw" not in self.faults:
                        seen = yield self.add("add_acquire", f"phase {board}")
                    else:
                        yield self.add("add_acquire", f"phase {board}")
                    if self.is_over(seen):
                        break
                    yield Write(self.shared("piece"), taken(seen))
                    if taken(seen) < pieces(seen):
                        break
                    yield Write(self.shared("piece"), -1)
            yield from self.barrier("after the helper's piece")
            i = yield Read(self.shared("piece"))
            yield from self.barrier("after the helper has read")
            if i < 0:
                return
            numbers = yield Read(f"numbers {board}")
            yield from self.do_piece(board, numbers, i)
            yield from self.barrier("before a piece is reported")
            if self.own == 0:
                yield self.add("add_release", f"done {board}")

    def do_segment(self, board: int) -> Steps:
        """What the leader finds after each phase, of which it writes the input; the other thread than the one that
        speaks for the block does that."""
        found, helped = [], 0
        for number, count in enumerate(self.work.phases):
            if self.own == THREADS - 1:
                yield Write(f"input {board}", number + 100)
            helped = yield from self.phase(board, count, number, helped)
            for piece in range(count):
                for thread in range(THREADS):
                    found.append((board, (yield Read(f"output {board}, {piece}, {thread}"))))
        return found

    @mirrors("shared_work.h", "run")
    def run(self) -> Steps:
        """
        for (int64_t small = blockIdx.x;;)
        if (large_left)
        const int64_t drawn = draw_ticket(&counters[1], ticket)
        if (large_left) lead.slot = drawn, lead.board = &boards[drawn]
        if (!large_left && small >= all_small) break
        do_segment(large_left ? large[lead.slot] : segments.starts[small], lead)
        if (!large_left) small += gridDim.x
        if (all_large == 0) return
        __syncthreads()
        const int64_t helper = draw_ticket(&counters[2], ticket)
        if (helper >= kHelpers) return
        for (int64_t i = 0; i < all_large; ++i) help(&boards[(helper + i) % all_large], piece, do_piece)
        """
        found: list[Value] = []
        while (board := (yield from self.draw_ticket(LEADERS))) < self.work.segments:
            found += yield from self.do_segment(board)
            yield from self.end(board)
        yield from self.barrier("between two tickets")
        helper = yield from self.draw_ticket(HELPERS)
        if helper < self.work.most_helpers:
            for i in range(self.work.segments):
                yield from self.help((helper + i) % self.work.segments)
        return tuple(found)


def shown(at: Place, value: Any) -> str:
    if not str(at).startswith("phase"):
        return repr(value)
    return f"over + {value - OVER}" if value >= OVER else f"{taken(value)} of {pieces(value)} taken"


def shared_work(
    orders: Mapping[str, Order],
    work: Work,
    blocks: int,
    resident: int | None = None,
    faults: frozenset[str] = frozenset(),
) -> Model:
    """The same is found by all threads of the block that leads a segment, whichever that is."""

    def result(returned: tuple[Any, ...], _: object) -> Value:
        return tuple(sorted(one for found in returned for one in found))

    boards = range(work.segments)
    expected = [
        (board, product(number, number + 100, piece, own))
        for board in boards
        for number, count in enumerate(work.phases)
        for piece in range(count)
        for own in range(THREADS)
    ] * THREADS
    return Model(
        [
            [partial(WorkThread(orders, faults, block, own, work).run) for own in range(THREADS)]
            for block in range(blocks)
        ],
        {LEADERS: 0, HELPERS: 0} | {f"{name} {board}": 0 for board in boards for name in ("phase", "done")},
        result=result,
        expected=[tuple(sorted(expected))],
        resident=resident,
        alike="a block's own number for a ticket" not in faults,
        show=shown,
    )
