"""JSON read in pieces: a large array is never in memory as a whole, neither as text nor as objects."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

# Bytes; some hundred entries: more would live long enough to be moved to the garbage collector's older generations,
# and a file of 500,000 COCO results would take half as long again.
PIECE = 1 << 15
BLANKS = re.compile(r"[ \t\n\r]*")
COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
GOES_ON = re.compile(r"\Z|[.eE][-+]?\Z")  # behind a number whose rest may not have been read
LONGEST = len("-Infinity")  # of what is one word: an error further from the end is not for want of text
DECODER = json.JSONDecoder()


class JsonText:
    """The text of a file and a place in it. Whoever asks takes what stands there, and the place moves behind it.

    All methods raise ValueError with the character's number where the text is no JSON.
    """

    def __init__(self, file: BinaryIO, progress: Callable[[int], None] | None = None) -> None:
        self._file, self._progress = file, progress
        self._text, self._at, self._ended = "", 0, False
        self._from = 0  # where the value that was taken last begins
        self._before = 0  # characters of the file that _text has no longer
        encoding = json.detect_encoding(file.read(4))  # a byte order mark and UTF-16 are understood
        file.seek(0)
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            self._at = self._after_blanks()
            if self._at < len(self._text) or not self._read_on():
                return self._text[self._at : self._at + 1]

    def take(self, *expected: str) -> str:
        """The next character, one of these."""
        found = self.peek()
        if not found or found not in expected:
            raise ValueError(f"expected {' or '.join(expected)} at character {self._before + self._at}")
        self._at += 1
        return found

    def value(self) -> Any:
        """All of the next value."""
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                place = self._before + error.pos
                # a broken file is not read to its end: it may be larger than the memory
                ends_here = error.pos + LONGEST >= len(self._text) or error.msg.startswith("Unterminated string")
                if not ends_here or not self._read_on():
                    raise ValueError(f"{error.msg} at character {place}") from error
            else:
                if self._ended or not GOES_ON.match(self._text, end):
                    self._from, self._at = self._at, end
                    return value
                self._read_on()

    def pieces(self) -> Iterator[tuple[list[Any], list[str]]]:
        """The entries of the array that begins here, as many at a time as are in memory; each with its text."""
        self.take("[")
        more = self.peek() != "]"
        while more:
            entries = [self.value()]  # reads on where it must; what follows does not
            text, at = self._text, self._at
            texts = [text[self._from : at]]
            while comma := COMMA.match(text, at):
                try:
                    entry, end = DECODER.raw_decode(text, comma.end())
                except json.JSONDecodeError:
                    break
                if end + 2 >= len(text) and GOES_ON.match(text, end):
                    break
                entries.append(entry)
                texts.append(text[comma.end() : end])
                at = end
            self._at = at
            yield entries, texts
            more = self.peek() != "]"
            if more:
                self.take(",")
        self.take("]")

    def members(self) -> Iterator[str]:
        """The keys of the object that begins here; the caller takes the value of each before the next."""
        self.take("{")
        more = self.peek() != "}"
        while more:
            if self.peek() != '"':
                self.take('"')
            yield self.value()
            more = self.peek() != "}"
            if more:
                self.take(",")
        self.take("}")

    def lists(self, readers: Mapping[str, Callable[[list[Any], list[str]], None]]) -> dict[str, str]:
        """Gives the lists of the object that begins here to their readers, with their texts, as many entries at a time
        as are in memory.

        All its keys, each with what came where a reader expected one list; empty if that is what came.
        """
        found: dict[str, str] = {}
        for key in self.members():
            self.take(":")
            reader = readers.get(key)
            if reader and key not in found and self.peek() == "[":
                for piece in self.pieces():
                    reader(*piece)
                found[key] = ""
            else:
                value = self.value()
                found[key] = "" if not reader else "a second time" if key in found else kind(value)
        return found

    def end(self) -> None:
        """Nothing but blanks may follow."""
        if self.peek():
            raise ValueError(f"extra data at character {self._before + self._at}")

    def _after_blanks(self) -> int:
        blanks = BLANKS.match(self._text, self._at)
        return blanks.end() if blanks else self._at

    def _read_on(self) -> bool:
        """Twice as far each time that a value did not end; false at the end of the file."""
        raw = b"" if self._ended else self._file.read(max(PIECE, len(self._text) - self._at))
        self._ended = not raw
        self._text = self._text[self._at :] + self._decoder.decode(raw, final=self._ended)
        self._before, self._at = self._before + self._at, 0
        if self._progress:
            self._progress(len(raw))
        return not self._ended


def kind(value: Any) -> str:
    """What a value of JSON is, in words."""
    if isinstance(value, dict):
        keys = ", ".join(map(str, list(value)[:5]))
        return f"an object with the keys {keys}" if value else "an empty object"
    return f"a {type(value).__name__}"
