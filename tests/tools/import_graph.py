"""Which file uses which, read from the code: imports of ptdet, includes of csrc. Free of pytest and torch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def python_files() -> dict[str, Path]:
    """Each module of the package by its dotted name."""
    found = {}
    for path in sorted((ROOT / "ptdet").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def python_imports() -> Iterator[tuple[str, str]]:
    """(module, what it imports), under TYPE_CHECKING and within functions too."""
    modules = python_files()
    for name, path in modules.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    above = package.split(".")[: len(package.split(".")) - node.level + 1]
                    base = ".".join([*above, *base.split(".")] if base else above)
                wanted = [f"{base}.{a.name}" if f"{base}.{a.name}" in modules else base for a in node.names]
            else:
                continue
            for one in dict.fromkeys(wanted):
                if one in modules and one != name:
                    yield name, one


def room_of_module(name: str) -> str:
    """`ops` of ptdet.ops.nms; the file itself at the top of the package."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "ptdet"


def cpp_includes() -> Iterator[tuple[str, str]]:
    """(file, file), as paths below csrc."""
    csrc = ROOT / "csrc"
    for path in sorted(csrc.rglob("*")):
        if path.suffix in (".h", ".cpp", ".inc", ".cu"):
            for included in INCLUDE.findall(path.read_text()):
                if (csrc / included).exists():
                    yield str(path.relative_to(csrc)), included


def room_of_source(path: str) -> str:
    return path.split("/")[0]


def arrows_between_rooms(pairs: Iterator[tuple[str, str]], room_of: object) -> dict[tuple[str, str], int]:
    """How many files of one room use another room."""
    counts: dict[tuple[str, str], int] = {}
    for a, b in pairs:
        rooms = room_of(a), room_of(b)  # type: ignore[operator]
        if rooms[0] != rooms[1]:
            counts[rooms] = counts.get(rooms, 0) + 1
    return counts


def circles(pairs: Iterator[tuple[str, str]]) -> list[list[str]]:
    """Groups of two or more that reach each other (Tarjan, 1972)."""
    uses: dict[str, list[str]] = {}
    for a, b in pairs:
        uses.setdefault(a, []).append(b)
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in uses.get(node, []):
            if other not in number:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in list(uses):
        if node not in number:
            visit(node)
    return found
