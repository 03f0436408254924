"""What the models of waiting share: threads of a block of csrc/cuda, their primitives, and inter_block_sync.h.

The text of a function that has `mirrors` is the statements of csrc/cuda that it stands for; a test compares the two.
`faults` are mistakes to make. A block has two threads: the first, which speaks for it, and one more."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from .memory_order import Barrier, Load, Operation, Order, Place, Read, Store, Update, Value, Write

THREADS = 2
Steps = Generator[Operation, Any, Any]
Function = TypeVar("Function", bound=Callable[..., Steps])

MIRRORED: dict[tuple[str, str], str] = {}


def mirrors(file: str, function: str) -> Callable[[Function], Function]:
    def remember(model: Function) -> Function:
        MIRRORED[file, function] = model.__doc__ or ""
        return model

    return remember


@dataclass(frozen=True)
class Thread:
    orders: Mapping[str, Order]  # of the primitives of concurrent.h and inter_block_sync.h, and of CUDA's own
    faults: frozenset[str]
    block: int
    own: int

    def load_relaxed(self, at: Place, until: Callable[[Any], bool] | None = None) -> Load:
        return Load(at, self.orders["load_relaxed"], until)

    def acquire(self, at: Place) -> Load:
        return Load(at, self.orders["acquire"])

    def store_relaxed(self, at: Place, value: Value) -> Store:
        return Store(at, value, self.orders["store_relaxed"])

    def publish(self, at: Place, value: Value) -> Store:
        return Store(at, value, self.orders["publish"])

    def add(self, primitive: str, at: Place) -> Update:
        return Update(at, lambda value: value + 1, self.orders[primitive])

    def barrier(self, where: str) -> Steps:
        if f"no barrier {where}" not in self.faults:
            yield Barrier()

    def shared(self, name: str) -> Place:
        return f"{name} of block {self.block}"

    @mirrors("inter_block_sync.h", "draw_ticket")
    def draw_ticket(self, tickets: Place) -> Steps:
        """
        if (threadIdx.x == 0) *ticket = atomicAdd(tickets, Counter(1))
        __syncthreads()
        return static_cast<int64_t>(*ticket)
        """
        if "a block's own number for a ticket" in self.faults:
            return self.block
        if self.own == 0:
            if "a ticket by load and store" in self.faults:
                drawn = yield self.load_relaxed(tickets)
                yield self.store_relaxed(tickets, drawn + 1)
            else:
                drawn = yield self.add("atomicAdd", tickets)
            yield Write(self.shared("ticket"), drawn)
        yield from self.barrier("after the ticket")
        return (yield Read(self.shared("ticket")))

    @mirrors("inter_block_sync.h", "wait_for")
    def wait_for(self, at: Place, distance: Callable[[Any], int]) -> Steps:
        """
        for (;;)
        const int64_t left = distance(load_relaxed(at))
        if (left == 0) return acquire(at)
        """
        yield self.load_relaxed(at, until=lambda value: distance(value) == 0)
        return (yield self.acquire(at))
