"""What csrc/cuda says of waiting, read from the code: the memory orders, and the steps of the functions that wait.

Free of pytest and torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from .memory_order import Order

CUDA = Path(__file__).parents[2] / "csrc" / "cuda"
# Of both only what CUDA promises of them: no order (CUDA C++ Programming Guide, atomic functions).
BUILT_IN = {"atomicAdd": Order.RELAXED, "atomicOr": Order.RELAXED}
PRIMITIVES = {
    "concurrent.h": ("load_relaxed", "store_relaxed", "add_acquire", "add_release"),
    "inter_block_sync.h": ("publish", "acquire"),
}
_PTX = re.compile(r'asm volatile\("(\w+)\.(\w+)\.(\w+)\.global\b')
_CALL = re.compile(
    r"\b(?:load_relaxed|store_relaxed|add_acquire|add_release|publish|acquire|wait_for|draw_ticket|atomic\w+"
    r"|__\w*sync\w*|__threadfence\w*|rank_in_block|settle|select_open|test_cross_matches|meet_earlier|first_kept"
    r"|do_piece|do_segment|help|kept\.add)(?:<\w+>)?\("
)
_STORE = re.compile(r"(?:^|[ (])(?:(?:(?:pass|board)(?:\.|->)|^)\w+\[[^=]*\](?:\.box)?|\*\w+(?:\.\w+)?|helped) \+?= ")
_CONTROL = re.compile(r"^(?:if|while|for|break|continue|return)\b")


def text_of(file: str) -> str:
    return re.sub(r"//[^\n]*", "", (CUDA / file).read_text(encoding="utf-8"))


def parts(text: str, function: str) -> tuple[str, str, str]:
    """What comes before its definition; what is between its braces; what comes behind it."""
    head = re.search(rf"(?:\)|\bvoid|int|\w+_t|Counter|Number|Progress)\s+{function}\([^;{{]*\{{", text)
    if head is None:
        raise ValueError(f"no function {function} is defined there")
    depth = 1
    for end in range(head.end(), len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return text[: head.start()], text[head.end() : end], text[end + 1 :]
    raise ValueError(f"{function} has no end")


def statements(text: str) -> list[str]:
    """Also those of a lambda within a call; the heads of loops and conditions each for itself."""
    found, begin, depth, depths = [], 0, 0, []
    for at, letter in enumerate(text):
        if letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif letter == "{":
            depths.append(depth)
            depth = 0
        elif letter == "}":
            depth = depths.pop()
        if letter in "{}" or (letter == ";" and depth == 0):
            found.append(" ".join(text[begin:at].split()))
            begin = at + 1
    return [one for one in found if one]


def steps(file: str, function: str) -> list[str]:
    """Statements that wait, order or share, or say which of these come."""
    kept = (_CALL, _STORE, _CONTROL)
    return [one for one in statements(parts(text_of(file), function)[1]) if any(part.search(one) for part in kept)]


def orders(read: Callable[[str], str] = text_of) -> dict[str, Order]:
    """Of each primitive, by its name. `read` gives the text of a file."""
    found = dict(BUILT_IN)
    for file, names in PRIMITIVES.items():
        for name in names:
            said = {(order, scope) for _, order, scope in _PTX.findall(parts(read(file), name)[1])}
            if len(said) != 1:
                raise ValueError(f"{name} of {file} must have one memory order, got {sorted(said)}")
            ((order, scope),) = said
            if scope != "gpu":
                raise ValueError(f"{name} of {file} must be at the scope of the device (gpu), got {scope}")
            found[name] = Order(order)
    return found


def waits_elsewhere(known: Iterable[tuple[str, str]]) -> list[str]:
    """Calls of the primitives outside the functions that are known, which are (file, function)."""
    inside = [*known, *((file, name) for file, names in PRIMITIVES.items() for name in names)]
    names = [name for of_file in PRIMITIVES.values() for name in of_file]
    call = re.compile(rf"\b(?:{'|'.join(names)}|wait_for|__threadfence\w*)\(")
    found = []
    for path in sorted(CUDA.iterdir()):
        if path.suffix in (".h", ".cu"):
            text = text_of(path.name)
            for _, function in (one for one in inside if one[0] == path.name):
                before, _, behind = parts(text, function)
                text = before + behind
            found += [f"{path.name}: {called}" for called in call.findall(text)]
    return found
