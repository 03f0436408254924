"""The explorer of memory_order.py gives the outcomes of the known litmus tests, and finds known faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from .memory_order import (
    Barrier,
    Fence,
    Load,
    Model,
    Operation,
    Order,
    Program,
    Read,
    Report,
    Store,
    Update,
    Value,
    Violation,
    Write,
    explore,
)

RELAXED, ACQUIRE, RELEASE = Order.RELAXED, Order.ACQUIRE, Order.RELEASE


def steps(*operations: Operation) -> Callable[[], Program]:
    """Returns what was loaded or read."""

    def program() -> Program:
        loaded = []
        for operation in operations:
            result = yield operation
            if isinstance(operation, Load | Read | Update):
                loaded.append(result)
        return tuple(loaded)

    return program


def add(at: str, number: int, order: Order = RELAXED) -> Update:
    return Update(at, lambda value: value + number, order)


def outcomes(*threads: Callable[[], Program], final: bool = False, fences: bool = False) -> frozenset[Value]:
    """Each thread a block; of x, y and flag, 0 at first. What is loaded, or what x and y hold in the end."""

    def result(returned: tuple[Value, ...], holds: Mapping[Value, Value]) -> Value:
        return (holds["x"], holds["y"]) if final else sum(returned, ())

    places = {"x": 0, "y": 0, "flag": 0}
    report = explore(Model([[thread] for thread in threads], places, {"data": 0}, result, fences=fences))
    assert isinstance(report, Report)
    return report.results


def test_store_buffering() -> None:
    """Both may read the old values, whatever release and acquire say."""
    for load, store in ((RELAXED, RELAXED), (ACQUIRE, RELEASE)):
        one = steps(Store("x", 1, store), Load("y", load))
        other = steps(Store("y", 1, store), Load("x", load))
        assert outcomes(one, other) == {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize(("store", "load", "old"), [
    (RELAXED, RELAXED, True), (RELEASE, RELAXED, True), (RELAXED, ACQUIRE, True), (RELEASE, ACQUIRE, False),
])  # fmt: skip
def test_message_passing(store: Order, load: Order, old: bool) -> None:
    writer, reader = (Store("x", 1, RELAXED), Store("flag", 1, store)), (Load("flag", load), Load("x", RELAXED))
    expected = {(0, 0), (0, 1), (1, 1)} | ({(1, 0)} if old else set())
    assert outcomes(steps(*writer), steps(*reader)) == expected


def test_message_passing_of_plain_data() -> None:
    def reader(order: Order) -> Callable[[], Program]:
        return steps(Load("flag", order, until=lambda value: value == 1), Read("data"))

    writer = steps(Write("data", 7), Store("flag", 1, RELEASE))
    assert outcomes(writer, reader(ACQUIRE)) == {(1, 7)}
    for one, other in (
        (writer, reader(RELAXED)),
        (steps(Write("data", 7), Store("flag", 1, RELAXED)), reader(ACQUIRE)),
        (steps(Store("flag", 1, RELEASE), Write("data", 7)), reader(ACQUIRE)),
    ):
        with pytest.raises(Violation, match="data race at 'data'"):
            outcomes(one, other)


def test_a_race_of_writes_and_of_a_write_after_a_read() -> None:
    for first in (Write("data", 1), Read("data")):
        with pytest.raises(Violation, match="data race at 'data': block 0 thread 0 and block 1 thread 0"):
            outcomes(steps(first), steps(Write("data", 2)))
    assert outcomes(steps(Read("data")), steps(Read("data"))) == {(0, 0)}


def test_message_passing_by_fences() -> None:
    writer = (Store("x", 1, RELAXED), Fence(RELEASE), Store("flag", 1, RELAXED))
    reader = (Load("flag", RELAXED), Fence(ACQUIRE), Load("x", RELAXED))
    assert outcomes(steps(*writer), steps(*reader), fences=True) == {(0, 0), (0, 1), (1, 1)}
    for some, others in ((writer[::2], reader), (writer, reader[::2])):
        assert (1, 0) in outcomes(steps(*some), steps(*others), fences=True)
    with pytest.raises(ValueError, match="fences=True"):
        outcomes(steps(*writer), steps(*reader))


def test_load_buffering_is_left_out() -> None:
    """C11 and PTX allow (1, 1) of independent steps; steps in program order do not (see csrc/cuda/README.md)."""
    one, other = steps(Load("x", RELAXED), Store("y", 1, RELAXED)), steps(Load("y", RELAXED), Store("x", 1, RELAXED))
    assert outcomes(one, other) == {(0, 0), (0, 1), (1, 0)}


def test_coherence() -> None:
    """Of one location nobody sees an older value after a newer one, nor one older than its own."""
    writer, twice = steps(Store("x", 1, RELAXED)), steps(Load("x", RELAXED), Load("x", RELAXED))
    assert outcomes(writer, twice) == {(0, 0), (0, 1), (1, 1)}
    assert outcomes(writer, steps(Store("x", 2, RELAXED), Load("x", RELAXED))) == {(1,), (2,)}
    assert outcomes(steps(Load("x", RELAXED), Store("x", 1, RELAXED))) == {(0,)}
    two_writers = outcomes(writer, steps(Store("x", 2, RELAXED)), twice, twice)
    assert (1, 2, 1, 2) in two_writers and (1, 2, 2, 1) not in two_writers


def test_independent_readers_of_independent_writes() -> None:
    """Two readers may see two stores in opposite orders: the memory is not the same for all at once."""
    writers = steps(Store("x", 1, RELEASE)), steps(Store("y", 1, RELEASE))
    readers = steps(Load("x", ACQUIRE), Load("y", ACQUIRE)), steps(Load("y", ACQUIRE), Load("x", ACQUIRE))
    assert (1, 0, 1, 0) in outcomes(*writers, *readers)


def test_stores_may_come_before_others_that_were_made() -> None:
    one = steps(Store("x", 1, RELEASE), Store("y", 2, RELEASE))
    other = steps(Store("y", 1, RELEASE), Store("x", 2, RELEASE))
    assert outcomes(one, other, final=True) == {(1, 1), (1, 2), (2, 1), (2, 2)}


def test_what_a_third_thread_hears_at_second_hand() -> None:
    def three(order: Order) -> frozenset[Value]:
        middle = steps(Load("x", ACQUIRE, until=lambda value: value == 1), Store("y", 1, order))
        last = steps(Load("y", ACQUIRE, until=lambda value: value == 1), Load("x", RELAXED))
        return outcomes(steps(Store("x", 1, RELEASE)), middle, last)

    assert three(RELEASE) == {(1, 1, 1)}
    assert three(RELAXED) == {(1, 1, 1), (1, 1, 0)}


def test_updates_are_whole() -> None:
    assert outcomes(*[steps(add("x", 1))] * 3, final=True) == {(3, 0)}
    drawn = outcomes(*[steps(add("x", 1))] * 2)
    assert drawn == {(0, 1), (1, 0)}
    # a store comes before both or behind, never between an update and what it read
    assert outcomes(steps(Store("x", 1, RELAXED)), steps(add("x", 10)), final=True) == {(1, 0), (11, 0)}


def test_a_release_reaches_through_updates_and_not_through_stores() -> None:
    writer = steps(Write("data", 7), Store("flag", 1, RELEASE))
    reader = steps(Load("flag", ACQUIRE, until=lambda value: value > 10), Read("data"))
    assert outcomes(writer, steps(Load("flag", RELAXED, until=lambda v: v == 1), add("flag", 10)), reader) == {
        (1, 1, 11, 7)
    }
    with pytest.raises(Violation, match="data race"):
        outcomes(writer, steps(Load("flag", RELAXED, until=lambda v: v == 1), Store("flag", 11, RELAXED)), reader)


def test_an_update_that_acquires_and_one_that_does_not() -> None:
    def taker(order: Order) -> Callable[[], Program]:
        return steps(Load("flag", RELAXED, until=lambda value: value == 1), add("flag", 1, order), Read("data"))

    writer = steps(Write("data", 7), Store("flag", 1, RELEASE))
    assert outcomes(writer, taker(ACQUIRE)) == {(1, 1, 7)}
    with pytest.raises(Violation, match="data race"):
        outcomes(writer, taker(RELAXED))


def test_a_barrier_orders_its_block_and_no_other() -> None:
    one, other = steps(Write("data", 1), Barrier()), steps(Barrier(), Read("data"))
    assert explore(Model([[one, other]], {})).results == {((), (1,))}
    with pytest.raises(Violation, match="read before it is written|data race"):
        explore(Model([[one, steps(Barrier())], [other, steps(Barrier())]], {}))
    with pytest.raises(Violation, match="waits for ever: block 0 thread 1 at barrier"):
        explore(Model([[steps(), other]], {}))


def test_a_wait_that_nobody_ends() -> None:
    waiter = steps(Load("flag", ACQUIRE, until=lambda value: value == 1))
    with pytest.raises(Violation, match=r"waits for ever: block 1 thread 0 at look at 'flag' \(acquire\)"):
        outcomes(steps(Store("flag", 2, RELEASE)), waiter)
    # which block begins first is open: with room for one, who waits may keep out whom it waits for
    model = Model([[waiter], [steps(Store("flag", 1, RELEASE))]], {"flag": 0})
    assert explore(model).results == {((1,), ())}
    with pytest.raises(Violation, match="waits for ever"):
        explore(Model(model.blocks, model.atomics, resident=1))


def test_a_trace_tells_how_it_came_to_that() -> None:
    writer, reader = (Store("x", 1, RELAXED), Store("flag", 1, RELAXED)), (Load("flag", ACQUIRE), Load("x", RELAXED))
    blocks = [[steps(*writer)], [steps(*reader)]]
    with pytest.raises(Violation) as found:
        explore(Model(blocks, {"x": 0, "flag": 0}, expected={((), (0, 0)), ((), (0, 1)), ((), (1, 1))}))
    assert str(found.value).splitlines() == [
        "wrong result: ((), (1, 0))",
        "  block 0 thread 0: store 'x' (relaxed): 1",
        "  block 0 thread 0: store 'flag' (relaxed): 1",
        "  block 1 thread 0: load 'flag' (acquire): 1",
        "  block 1 thread 0: load 'x' (relaxed): 0, 1 newer",
    ]
