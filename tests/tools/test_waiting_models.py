"""Every execution of the protocols of csrc/cuda by which blocks wait for each other, with few blocks and boxes; and
mistakes in them, each of which is found."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from .memory_order import Model, Order, Violation, explore
from .waiting_places import Places, owners, places
from .waiting_shared_work import Work, shared_work
from .waiting_source import orders, steps, text_of, waits_elsewhere
from .waiting_threads import MIRRORED
from .waiting_tiles import Scene, tiles

ORDERS = orders()
# Of six boxes, two a tile, in which each tile waits for both before it.
THREE_TILES = Scene(6, frozenset({(0, 2), (1, 4), (3, 5)}))
CROSSING = [(better, box) for box in range(6) for better in range(box // 2 * 2)]
# Each box has better and worse ones near it, in its own block too.
NEAR = ((1, 2), (0, 2, 3), (1, 0, 4), (1, 4, 2), (3, 2))
CHAIN = ((), (0,), (1,), (2, 0))


@pytest.mark.parametrize(("file", "function"), MIRRORED)
def test_the_models_are_of_this_text(file: str, function: str) -> None:
    """After a change of csrc/cuda: bring the model up to date, then the text above it."""
    text = " ".join(steps(file, function))
    assert " ".join(MIRRORED[file, function].split()) == text, f"the model of {function} ({file}) is of another text"


def test_nothing_waits_without_a_model() -> None:
    assert waits_elsewhere(MIRRORED) == []
    assert "shared_work.h: add_acquire(" in waits_elsewhere(key for key in MIRRORED if key[1] != "help")


def test_memory_orders_are_read_from_the_code() -> None:
    def changed(old: str, new: str) -> dict[str, Order]:
        def read(file: str) -> str:
            return text_of(file).replace(old, new)

        return orders(read)

    assert ORDERS["publish"] is ORDERS["add_release"] is Order.RELEASE
    assert ORDERS["acquire"] is ORDERS["add_acquire"] is Order.ACQUIRE
    with pytest.raises(Violation, match="data race at 'kept before 0'"):
        explore(tiles(changed("st.release.gpu", "st.relaxed.gpu"), THREE_TILES))
    with pytest.raises(ValueError, match=r"publish of inter_block_sync.h must be at the scope .* got cta"):
        changed("st.release.gpu", "st.release.cta")
    with pytest.raises(ValueError, match="load_relaxed of concurrent.h must have one memory order"):
        changed("ld.relaxed.gpu.global.u32", "ld.acquire.gpu.global.u32")


@pytest.mark.parametrize("resident", [None, 1, 2])
@pytest.mark.parametrize("scene", [
    THREE_TILES,
    Scene(6, frozenset()),
    Scene(6, frozenset((a, b) for b in range(6) for a in range(b))),
    Scene(10, frozenset({(0, 2), (1, 4), (3, 5), (3, 6), (1, 8), (6, 9)})),
    Scene(8, frozenset({(1, 2), (2, 4), (3, 5), (5, 6)}), begins=(0, 1, 5)),
    Scene(8, frozenset({(0, 2), (1, 4), (3, 5)}), max_output=2),
    Scene(8, frozenset({(0, 2), (1, 4), (3, 5)}), max_output=2, want_owner=False),
])  # fmt: skip
def test_tiles(scene: Scene, resident: int | None) -> None:
    assert explore(tiles(ORDERS, scene, resident)).results == {scene.greedy()}


def test_the_plain_pass_that_tiles_are_compared_with() -> None:
    assert THREE_TILES.greedy() == (0, 1, 0, 3, 1, 3)
    assert Places(NEAR).greedy() == (0, 0, 0, 3, 3)


def every_way_to_meet(stride: int) -> None:
    for number in range(0, 1 << len(CROSSING), stride):
        met = frozenset(pair for i, pair in enumerate(CROSSING) if number >> i & 1)
        explore(tiles(ORDERS, Scene(6, met)))


def test_three_tiles_that_meet_in_many_ways() -> None:
    every_way_to_meet(37)


@pytest.mark.slow
def test_three_tiles_that_meet_in_every_way() -> None:
    every_way_to_meet(1)


@pytest.mark.parametrize(("work", "blocks", "resident"), [
    (Work(1, (2,)), 3, None),
    (Work(1, (2, 1)), 2, None),
    (Work(2, (1,)), 2, None),
    (Work(2, (2, 1)), 3, 1),
    (Work(1, (1,), most_helpers=1), 3, None),
    pytest.param(Work(1, (1, 1)), 3, None, marks=pytest.mark.slow),
    pytest.param(Work(1, (2, 1)), 3, 2, marks=pytest.mark.slow),
    pytest.param(Work(2, (1,)), 3, None, marks=pytest.mark.slow),
])  # fmt: skip
def test_shared_work(work: Work, blocks: int, resident: int | None) -> None:
    """Segments and the pieces of their phases; all find what one block alone would make of them."""
    assert len(explore(shared_work(ORDERS, work, blocks, resident)).results) == 1


@pytest.mark.parametrize("resident", [None, 1, 2])
@pytest.mark.parametrize("want_owner", [True, False])
def test_boxes_that_wait_for_better_ones_near_them(want_owner: bool, resident: int | None) -> None:
    explore(places(ORDERS, Places(NEAR, want_owner), resident))


@pytest.mark.parametrize("want_owner", [True, False])
def test_a_wait_that_is_given_up(want_owner: bool) -> None:
    """Then all give up or come to the right end, and none waits for who has given up."""
    scene = Places(CHAIN, want_owner, most_looks=1)
    assert explore(places(ORDERS, scene)).results == {"refused", scene.greedy()}


def test_all_who_walk_a_chain_find_its_end() -> None:
    for first in ((0, 0, 1, 2), (0, 0, 1, 1, 3), (0, 1, 0, 2, 3)):
        assert len(explore(owners(ORDERS, first)).results) == 1


MODELS: dict[str, Callable[..., Model]] = {
    "tiles": partial(tiles, scene=THREE_TILES),
    "one tile at once": partial(tiles, scene=THREE_TILES, resident=1),
    "shared work": partial(shared_work, work=Work(1, (1, 1)), blocks=2),
    "two helpers": partial(shared_work, work=Work(1, (1,)), blocks=3),
    "two segments": partial(shared_work, work=Work(2, (1,)), blocks=2),
    "no phases": partial(shared_work, work=Work(1, ()), blocks=2),
    "places": partial(places, scene=Places(NEAR)),
    "one block of places at once": partial(places, scene=Places(NEAR), resident=1),
    "owners": partial(owners, first=(0, 1, 0, 2, 3)),
}
RACE, UNWRITTEN, STUCK, WRONG = "data race at", "read before it is written", "waits for ever", "wrong result"


@pytest.mark.parametrize(("model", "primitive", "found"), [
    ("tiles", "publish", f"{RACE} 'kept before 0'"),
    ("tiles", "acquire", f"{RACE} 'kept before 0'"),
    ("shared work", "publish", f"{RACE} 'numbers 0'"),
    ("shared work", "add_acquire", f"{RACE} 'numbers 0'"),
    ("shared work", "add_release", f"{RACE} 'output 0, 0, 0'"),
    ("shared work", "acquire", f"{RACE} 'output 0, 0, 0'"),
])  # fmt: skip
def test_a_weaker_order_is_found(model: str, primitive: str, found: str) -> None:
    with pytest.raises(Violation, match=found):
        explore(MODELS[model](ORDERS | {primitive: Order.RELAXED}))


@pytest.mark.parametrize(("model", "fault", "found"), [
    ("tiles", "published before the data", f"{RACE} 'kept before 0'"),
    ("tiles", "no barrier after the ticket", f"{UNWRITTEN}: 'ticket of block 0'"),
    ("tiles", "no barrier after the list", f"{RACE} 'kept words 0'"),
    ("tiles", "no barrier after the wait", f"{UNWRITTEN}: 'progress of block 1'"),
    ("tiles", "no barrier after all have read the progress", f"{UNWRITTEN}: 'marks of block 1'"),
    ("tiles", "a ticket by load and store", RACE),
    ("one tile at once", "a block's own number for a ticket", STUCK),
    ("shared work", "published before the data", f"{RACE} 'numbers 0'"),
    ("shared work", "no barrier before a phase", f"{RACE} 'input 0'"),
    ("shared work", "no barrier after the leader's piece", f"{UNWRITTEN}: 'piece of block 0'"),
    ("shared work", "no barrier after the leader has read", f"{RACE} 'piece of block 0'"),
    ("shared work", "no barrier at the end of a phase", f"{RACE} 'output 0, 0, 0'"),
    ("shared work", "no wait for the others", f"{RACE} 'output 0, 0, 0'"),
    ("shared work", "no barrier after the helper's piece", f"{RACE} 'piece of block 0'"),
    ("shared work", "no barrier before a piece is reported", f"{RACE} 'output 0, 0, 1'"),
    ("shared work", "no barrier between two tickets", f"{RACE} 'ticket of block 0'"),
    ("shared work", "the look is the draw", RACE),
    ("two helpers", "the end is one number", f"{STUCK}: block 2 thread 0 at look at 'phase 0'"),
    ("two segments", "no barrier after the helper has read", f"{RACE} 'piece of block 0'"),
    ("no phases", "no barrier before the end", f"{RACE} 'ticket of block 0'"),
    ("places", "a verdict before it is known", WRONG),
    ("places", "a wait for worse boxes", STUCK),
    ("places", "more is read than the verdict", f"{RACE} 'found 0'"),
    ("places", "a place by load and store", f"{RACE} 'kept 0'"),
    ("one block of places at once", "a block's own number for a ticket", STUCK),
    ("owners", "a step too far", WRONG),
])  # fmt: skip
def test_a_mistake_is_found(model: str, fault: str, found: str) -> None:
    with pytest.raises(Violation, match=found):
        explore(MODELS[model](ORDERS, faults=frozenset({fault})))


def test_how_a_lost_end_is_told() -> None:
    """Of two that saw a piece left, both add to the word that says that there are no more."""
    with pytest.raises(Violation) as found:
        explore(MODELS["two helpers"](ORDERS, faults=frozenset({"the end is one number"})))
    told = [line.strip() for line in str(found.value).splitlines() if "'phase 0'" in line]
    assert told[-5:] == [
        "block 0 thread 0: look at 'phase 0' (relaxed): over + 0",
        "block 1 thread 0: look at 'phase 0' (relaxed): 0 of 1 taken, 3 newer",
        "block 1 thread 0: update 'phase 0' (acquire): over + 0 -> over + 1",
        "block 2 thread 0: look at 'phase 0' (relaxed): 0 of 1 taken, 4 newer",
        "block 2 thread 0: update 'phase 0' (acquire): over + 1 -> over + 2",
    ]
