"""All executions of a few threads on a weak memory, one after the other. Free of pytest and torch.

The memory is that of C11 as far as CUDA's `relaxed`, `acquire` and `release` go (RC11 without sequential consistency,
in its form with views). All stores to one location have one order, the same for all threads. A thread has a view: for
each location the oldest of them that it may still read. A load reads any from there on, an old one as well; what an
acquire reads from a release moves the view, as do barriers. A store may come anywhere after the view, a
read-modify-write directly behind what it read. Plain reads and writes must be ordered by all this: two that are not are
a data race. A thread does its steps in program order, so a store never comes before an older load of the same thread.

A program is a generator that yields operations and is sent their results:

    def producer():
        yield Write("data", 1)
        yield Store("flag", 1, Order.RELEASE)
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Generator, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Place = Hashable
Value = Hashable
# For each location a place in its order; then for each thread up to which of its epochs all is seen. An epoch ends when
# a thread releases, at a barrier too.
View = tuple[int, ...]


class Order(enum.Enum):
    RELAXED = "relaxed"
    ACQUIRE = "acquire"
    RELEASE = "release"

    @property
    def acquires(self) -> bool:
        return self is Order.ACQUIRE

    @property
    def releases(self) -> bool:
        return self is Order.RELEASE


@dataclass(frozen=True)
class Load:
    """With `until` it is a loop that looks until the value is wanted."""

    at: Place
    order: Order
    until: Callable[[Value], bool] | None = None


@dataclass(frozen=True)
class Store:
    at: Place
    value: Value
    order: Order


@dataclass(frozen=True)
class Update:
    """A read-modify-write; its result is what was there."""

    at: Place
    change: Callable[[Value], Value]
    order: Order


@dataclass(frozen=True)
class Fence:
    order: Order


@dataclass(frozen=True)
class Read:
    """Plain."""

    at: Place


@dataclass(frozen=True)
class Write:
    """Plain."""

    at: Place
    value: Value


@dataclass(frozen=True)
class Barrier:
    """Of the threads of a block. Its result is what each of them brought."""

    value: Value = None


Operation = Load | Store | Update | Fence | Read | Write | Barrier
Program = Generator[Operation, "Value", Value]


class Violation(Exception):  # noqa: N818 - of the program that is explored, not of the explorer
    def __init__(self, what: str, trace: Sequence[str]) -> None:
        super().__init__("\n".join([what, *(f"  {line}" for line in trace)]))
        self.what = what


@dataclass(frozen=True)
class Model:
    """`atomics` has each location of Load, Store and Update with its first value, `plain` those that are written before
    the threads begin. `result` makes of what the threads return and of what all locations hold in the end what is
    compared; `expected` are the results that are right."""

    blocks: Sequence[Sequence[Callable[[], Program]]]
    atomics: Mapping[Place, Value]
    plain: Mapping[Place, Value] = field(default_factory=dict)
    result: Callable[[tuple[Value, ...], Mapping[Place, Value]], Value] = lambda returned, _: returned
    expected: Collection[Value] | None = None
    resident: int | None = None  # blocks at once; which begins next is open
    # All blocks run one program, which begins with an atomic step of the first thread: then they may as well do that in
    # the order of their numbers, since any other order is the same but for their names.
    alike: bool = False
    fences: bool = False  # whether any program has a Fence
    show: Callable[[Place, Value], str] = lambda _, value: repr(value)


@dataclass(frozen=True)
class Report:
    results: frozenset[Value]
    states: int


@dataclass
class _Node:
    """Of one thread: the operation after what it has been told so far."""

    operation: Operation | None  # None: it has ended
    returned: Value
    parent: tuple[_Node, Value] | None
    program: Program | None  # as it stands here, until it goes on
    children: dict[Value, _Node] = field(default_factory=dict)


def _advance(start: Callable[[], Program], node: _Node | None, told: Value) -> _Node:
    if node is not None and told in node.children:
        return node.children[told]
    if node is not None and node.program is not None:
        program, node.program = node.program, None
    else:  # it went on with something else: once more from the start
        program = start()
        history: list[Value] = []
        back = node
        while back is not None and back.parent is not None:
            back, before = back.parent
            history.append(before)
        if node is not None:
            next(program)
            for before in reversed(history):
                program.send(before)
    parent = None if node is None else (node, told)
    try:
        operation = next(program) if node is None else program.send(told)
        after = _Node(operation, None, parent, program)
    except StopIteration as end:
        after = _Node(None, end.value, parent, None)
    if node is not None:
        node.children[told] = after
    return after


def _join(one: View, other: View) -> View:
    return tuple(map(max, one, other))


def _with(view: View, at: int, value: int) -> View:
    return view[:at] + (value,) + view[at + 1 :]


class _Message(NamedTuple):
    """A value of a location; `view` is what who acquires it sees. `joined`: an Update that read the one before."""

    value: Value
    view: View
    joined: bool = False


class _Cell(NamedTuple):
    """Of a plain location: who wrote it last and who has read it since, each with its epoch."""

    value: Value
    written: tuple[int, int]
    read: tuple[tuple[int, int], ...] = ()


@dataclass
class _State:
    nodes: list[_Node]
    views: list[View]
    acquirable: list[View]  # what an acquire fence would add to the view
    released: list[View]  # the view at the last release fence
    memory: list[tuple[_Message, ...]]
    cells: dict[Place, _Cell]
    begun: tuple[int, ...]

    def copy(self) -> _State:
        return _State(
            self.nodes.copy(), self.views.copy(), self.acquirable.copy(), self.released.copy(), self.memory.copy(),
            self.cells.copy(), self.begun,
        )  # fmt: skip

    def key(self) -> Hashable:
        return (
            tuple(map(id, self.nodes)), tuple(self.views), tuple(self.acquirable), tuple(self.released),
            tuple(self.memory), frozenset(self.cells.items()), self.begun,
        )  # fmt: skip


class _Fault(Exception):
    pass


Step = tuple[int, "Operation | None", Value, int]  # thread (or block that begins), operation, result, newer values


class _Explorer:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.starts = [start for block in model.blocks for start in block]
        self.blocks: list[range] = []
        for block in model.blocks:
            begin = self.blocks[-1].stop if self.blocks else 0
            self.blocks.append(range(begin, begin + len(block)))
        self.locations = {place: i for i, place in enumerate(model.atomics)}
        self.ended: dict[tuple[int, Value], _Node] = {}
        self.forgotten = _Message(None, ())
        self.nothing: View = (0,) * (len(self.locations) + len(self.starts))

    def explore(self) -> Report:
        nothing = self.nothing
        threads = len(self.starts)
        self.roots = [_advance(start, None, None) for start in self.starts]  # a state is known by its nodes: they stay
        first = _State(
            self.roots.copy(),
            [_with(nothing, len(self.locations) + thread, 1) for thread in range(threads)],
            [nothing] * threads,
            [nothing] * threads,
            [(_Message(value, nothing),) for value in self.model.atomics.values()],
            {place: _Cell(value, (0, 0)) for place, value in self.model.plain.items()},
            () if self.model.resident is not None else tuple(range(len(self.blocks))),
        )
        path: list[list[Step]] = [[]]
        results = set()
        try:
            for block in first.begun:
                self.run_alone(first, block, path[0])
            seen = {first.key()}
            open_states = [self.successors(first, path)]
            if all(node.operation is None for node in first.nodes):
                return Report(frozenset([self.end(first)]), 1)
            while open_states:
                after = next(open_states[-1], None)
                if after is None:
                    open_states.pop()
                    path.pop()
                    continue
                key = after.key()
                if key in seen:
                    path.pop()
                    continue
                seen.add(key)
                if all(node.operation is None for node in after.nodes):
                    results.add(self.end(after))
                    path.pop()
                else:
                    open_states.append(self.successors(after, path))
        except _Fault as fault:
            raise Violation(str(fault), self.trace(path)) from None
        return Report(frozenset(results), len(seen))

    def end(self, state: _State) -> Value:
        holds = {place: state.memory[i][-1].value for place, i in self.locations.items()}
        holds |= {place: cell.value for place, cell in state.cells.items()}
        result = self.model.result(tuple(node.returned for node in state.nodes), holds)
        if self.model.expected is not None and result not in self.model.expected:
            raise _Fault(f"wrong result: {result!r}")
        return result

    def successors(self, state: _State, path: list[list[Step]]) -> Iterator[_State]:
        """Each state after one atomic step and all that follows from it; the steps are then the last of the path."""
        any_step = False
        for block, after, steps in self.atomic_steps(state):
            any_step = True
            path.append(steps)
            self.run_alone(after, block, steps)
            self.forget(after)
            yield after
        if not any_step:
            waiting = [
                f"{self.name(thread)} at {self.text(node.operation)}"
                for thread, node in enumerate(state.nodes) if node.operation is not None
            ]  # fmt: skip
            raise _Fault("waits for ever: " + "; ".join(waiting))

    def atomic_steps(self, state: _State) -> Iterator[tuple[int, _State, list[Step]]]:
        if self.model.resident is not None:
            running = [b for b in state.begun if any(state.nodes[t].operation is not None for t in self.blocks[b])]
            for block in range(len(self.blocks)):
                if block not in state.begun and len(running) < self.model.resident:
                    if self.model.alike and block > len(state.begun):
                        break
                    after = state.copy()
                    after.begun = tuple(sorted([*state.begun, block]))
                    yield block, after, [(block, None, None, 0)]
        for block in state.begun:
            for thread in self.blocks[block]:
                operation = state.nodes[thread].operation
                if isinstance(operation, Load):
                    for after, step in self.loads(state, thread, operation):
                        yield block, after, [step]
                elif isinstance(operation, Store | Update):
                    for after, step in self.stores(state, thread, operation):
                        yield block, after, [step]
            leader = self.blocks[block].start
            if self.model.alike and state.nodes[leader] is self.roots[leader]:
                break

    def forget(self, state: _State) -> None:
        """What makes no difference any more: messages that none can read, and how a thread came to its end."""
        at_work = []
        for thread, node in enumerate(state.nodes):
            if node.operation is not None:
                at_work.append(state.views[thread])
            elif node.parent is not None:
                state.nodes[thread] = self.ended.setdefault(
                    (thread, node.returned), _Node(None, node.returned, None, None)
                )
                state.views[thread] = state.acquirable[thread] = state.released[thread] = self.nothing
        if not at_work:
            return
        oldest = tuple(map(min, *at_work, at_work[0]))
        for at, messages in enumerate(state.memory):
            for place in range(oldest[at] - 1, -1, -1):
                if messages[place] is self.forgotten:
                    break
                messages = (*messages[:place], self.forgotten, *messages[place + 1 :])
            state.memory[at] = messages

    def loads(self, state: _State, thread: int, load: Load) -> Iterator[tuple[_State, Step]]:
        at = self.locations[load.at]
        messages = state.memory[at]
        for place in range(state.views[thread][at], len(messages)):
            message = messages[place]
            if load.until is None or load.until(message.value):
                after = state.copy()
                self.see(after, thread, at, place, message.view, load.order)
                self.told(after, thread, message.value)
                yield after, (thread, load, message.value, len(messages) - 1 - place)

    def stores(self, state: _State, thread: int, store: Store | Update) -> Iterator[tuple[_State, Step]]:
        at = self.locations[store.at]
        messages = state.memory[at]
        for place in range(state.views[thread][at], len(messages)):
            newer = len(messages) - 1 - place
            if newer and messages[place + 1].joined:
                continue
            after = state.copy()
            if newer:
                self.make_room(after, at, place)
            before = after.memory[at][place]
            update = isinstance(store, Update)
            if update:
                self.see(after, thread, at, place, before.view, store.order)
            after.views[thread] = _with(after.views[thread], at, place + 1)
            base = after.released[thread]
            if store.order.releases:
                base = after.views[thread]
                self.end_epoch(after, thread)
            if update:
                base = _join(base, before.view)
            value = store.change(before.value) if isinstance(store, Update) else store.value
            message = _Message(value, _with(base, at, place + 1), update)
            after.memory[at] = (*after.memory[at][: place + 1], message, *after.memory[at][place + 1 :])
            self.told(after, thread, before.value if update else None)
            yield after, (thread, store, before.value if update else None, newer)

    @staticmethod
    def make_room(state: _State, at: int, place: int) -> None:
        """A store comes between others: those behind it move on by one in all views."""

        def moved(view: View) -> View:
            return _with(view, at, view[at] + 1) if view[at] > place else view

        for views in (state.views, state.acquirable, state.released):
            views[:] = map(moved, views)
        state.memory[:] = [
            tuple(message._replace(view=moved(message.view)) if message.view else message for message in messages)
            for messages in state.memory
        ]

    def see(self, state: _State, thread: int, at: int, place: int, view: View, order: Order) -> None:
        mine = _with(state.views[thread], at, max(place, state.views[thread][at]))
        state.views[thread] = _join(mine, view) if order.acquires else mine
        if self.model.fences:
            state.acquirable[thread] = _join(state.acquirable[thread], view)

    def end_epoch(self, state: _State, thread: int) -> None:
        own = len(self.locations) + thread
        state.views[thread] = _with(state.views[thread], own, state.views[thread][own] + 1)

    def told(self, state: _State, thread: int, result: Value) -> None:
        state.nodes[thread] = _advance(self.starts[thread], state.nodes[thread], result)

    def run_alone(self, state: _State, block: int, steps: list[Step]) -> None:
        """All steps of a block that no other can change or see, as long as there is no data race."""
        threads = self.blocks[block]
        while True:
            for thread in threads:
                while isinstance(operation := state.nodes[thread].operation, Read | Write | Fence):
                    self.told(state, thread, self.run_plain(state, thread, operation, steps))
            operations = [state.nodes[thread].operation for thread in threads]
            brought = tuple(operation.value for operation in operations if isinstance(operation, Barrier))
            if len(brought) < len(threads):
                return
            steps.extend((thread, operations[0], None, 0) for thread in threads)
            together = tuple(map(max, *(state.views[thread] for thread in threads), self.nothing))
            for thread in threads:
                state.views[thread] = together
                self.end_epoch(state, thread)
                self.told(state, thread, brought)

    def run_plain(self, state: _State, thread: int, operation: Read | Write | Fence, steps: list[Step]) -> Value:
        if isinstance(operation, Fence):
            if not self.model.fences:
                raise ValueError("a Fence in a Model that has not said fences=True")
            if operation.order.acquires:
                state.views[thread] = _join(state.views[thread], state.acquirable[thread])
            if operation.order.releases:
                state.released[thread] = state.views[thread]
                self.end_epoch(state, thread)
            steps.append((thread, operation, None, 0))
            return None
        at = operation.at
        if at in self.locations:
            raise ValueError(f"{at!r} is one of the atomics, and {operation!r} is plain")
        cell = state.cells.get(at)
        own = (thread, state.views[thread][len(self.locations) + thread])
        if isinstance(operation, Write):
            steps.append((thread, operation, None, 0))
            if cell is not None:
                self.must_see(state, thread, operation, [cell.written, *cell.read])
            state.cells[at] = _Cell(operation.value, own)
            return None
        steps.append((thread, operation, None if cell is None else cell.value, 0))
        if cell is None:
            raise _Fault(f"read before it is written: {at!r} by {self.name(thread)}")
        self.must_see(state, thread, operation, [cell.written])
        others = tuple(read for read in cell.read if read[0] != thread)
        state.cells[at] = _Cell(cell.value, cell.written, tuple(sorted((*others, own))))
        return cell.value

    def must_see(self, state: _State, thread: int, operation: Read | Write, earlier: list[tuple[int, int]]) -> None:
        for other, epoch in earlier:
            if other != thread and epoch > state.views[thread][len(self.locations) + other]:
                raise _Fault(f"data race at {operation.at!r}: {self.name(other)} and {self.name(thread)}")

    def name(self, thread: int) -> str:
        for number, block in enumerate(self.blocks):
            if thread in block:
                return f"block {number} thread {thread - block.start}"
        raise ValueError(thread)

    def text(self, operation: Operation | None, result: Value = None, newer: int = 0) -> str:
        show = self.model.show
        old = f", {newer} newer" if newer else ""
        match operation:
            case Load(at, order, until):
                looks = "look at" if until is not None else "load"
                return f"{looks} {at!r} ({order.value})" + ("" if result is None else f": {show(at, result)}{old}")
            case Store(at, value, order):
                return f"store {at!r} ({order.value}): {show(at, value)}{old}"
            case Update(at, change, order):
                done = "" if result is None else f": {show(at, result)} -> {show(at, change(result))}{old}"
                return f"update {at!r} ({order.value}){done}"
            case Fence(order):
                return f"fence ({order.value})"
            case Read(at):
                return f"read {at!r}: {result!r}"
            case Write(at, value):
                return f"write {at!r}: {value!r}"
            case Barrier():
                return "barrier"
            case _:
                return "begins"

    def trace(self, path: list[list[Step]]) -> list[str]:
        return [
            f"block {who} begins" if operation is None else f"{self.name(who)}: {self.text(operation, result, newer)}"
            for steps in path for who, operation, result, newer in steps
        ]  # fmt: skip


def explore(model: Model) -> Report:
    """Every execution. Violation, with how it came to that: a data race, a wait without end, a wrong result."""
    return _Explorer(model).explore()
