"""A part of TOML: tables, strings, numbers, truth values and lists of them in one line. Python 3.10 has no reader."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

BARE = re.compile(r"[A-Za-z0-9_-]+")
# A basic string is JSON's but for escapes of its own, which are not taken here.
STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\bfnrt]|u[0-9a-fA-F]{4}))*"')
NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?(?![\w.])")


class PlainTomlError(ValueError):
    """What is wrong with the text, with the number of the line."""


def dump(tables: Mapping[str, Any], prefix: str = "") -> str:
    """The text of numbers, strings, truth values, lists of them, and tables by name, in the order given."""
    plain = {name: value for name, value in tables.items() if not isinstance(value, Mapping)}
    text = "".join(f"{_key(name)} = {_value(value)}\n" for name, value in plain.items())
    for name, table in tables.items():
        if isinstance(table, Mapping):
            place = f"{prefix}{_key(name)}"
            # a table of tables alone needs no line of its own
            alone = table and all(isinstance(value, Mapping) for value in table.values())
            text += ("" if alone else f"\n[{place}]\n") + dump(table, f"{place}.")
    return text


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    if hasattr(value, "item"):  # a number of NumPy
        value = value.item()
    # JSON writes U+007F as it is, and halves of characters as escapes that TOML has not
    text = value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
    return json.dumps(text, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")


def parse(text: str) -> dict[str, Any]:
    """What the text says; by Python's own reader where there is one.

    Raises:
        PlainTomlError: it is no TOML or, where Python has no reader, more than `dump` writes.
    """
    if sys.version_info >= (3, 11):
        import tomllib

        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise PlainTomlError(str(error)) from error
    return parse_plain(text)


def parse_plain(text: str) -> dict[str, Any]:
    """What `dump` has written, with comments and empty lines."""
    whole: dict[str, Any] = {}
    table, headers = whole, set()
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        rest = line.strip()
        try:
            if rest.startswith("["):
                names, rest = _names(rest[1:])
                if not rest.startswith("]") or tuple(names) in headers:
                    raise PlainTomlError("a table that is not closed, or is there twice")
                headers.add(tuple(names))
                table, rest = whole, rest[1:]
                for name in names:
                    table = table.setdefault(name, {})
                    if not isinstance(table, dict):
                        raise PlainTomlError(f"{name!r} is a value already")
            elif rest and not rest.startswith("#"):
                names, rest = _names(rest)
                if len(names) != 1 or not rest.startswith("=") or names[0] in table:
                    raise PlainTomlError("expected `key = value`, each key once")
                table[names[0]], rest = _read(rest[1:].lstrip())
            if rest.lstrip() and not rest.lstrip().startswith("#"):
                raise PlainTomlError(f"{rest.strip()[:30]!r} after the value")
        except PlainTomlError as error:
            raise PlainTomlError(f"{error} (at line {number})") from error
    return whole


def _names(text: str) -> tuple[list[str], str]:
    """The parts of a dotted key, and what comes after it."""
    names: list[str] = []
    while True:
        text = text.lstrip()
        found = STRING.match(text) or BARE.match(text)
        if not found:
            raise PlainTomlError("expected a key")
        names.append(json.loads(found.group()) if text.startswith('"') else found.group())
        text = text[found.end() :].lstrip()
        if not text.startswith("."):
            return names, text
        text = text[1:]


def _read(text: str) -> tuple[Any, str]:
    """The value that a text begins with, and what comes after it."""
    for word, value in (("true", True), ("false", False)):
        if text.startswith(word):
            return value, text[len(word) :]
    if text.startswith("["):
        values: list[Any] = []
        text = text[1:].lstrip()
        while not text.startswith("]"):
            value, text = _read(text)
            values.append(value)
            text = text.lstrip()
            if text.startswith(","):
                text = text[1:].lstrip()
            elif not text.startswith("]"):
                raise PlainTomlError("a list that is not closed in its line")
        return values, text[1:]
    if found := STRING.match(text):
        return json.loads(found.group()), text[found.end() :]
    if found := NUMBER.match(text):
        is_float = found.group(2) or found.group(3)
        return (float if is_float else int)(found.group()), text[found.end() :]
    raise PlainTomlError(f"expected a value, got {text[:30]!r}")
