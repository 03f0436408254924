"""`ptdet explore`: the page of the explorer, served to this machine alone."""

from __future__ import annotations

import argparse
import webbrowser

from ..explorer import Library, Server
from ..io import FileProblem, ReadOptions
from .run import Settings
from .sayings import say
from .shown import Reader, start_of


def explore(asked: argparse.Namespace, options: ReadOptions, settings: Settings, notes: list[str]) -> int:
    """Serves the page until it is interrupted; returns the exit code."""
    try:
        reader = Reader(asked, options, settings)
        if not reader.files:
            raise FileProblem("; ".join(reader.problems))
        library = Library(reader.files, reader.read, reader.problems, reader.left_over)
        server = Server(library, asked.images, start_of(asked, settings), asked.port)
    except FileProblem as problem:
        say((), [str(problem)])
        return 2
    say([*notes, *reader.notes], ())
    server.start()
    try:
        print(f"{server.address}\nfor this machine alone; Ctrl-C ends it", flush=True)
        if not asked.no_browser:
            webbrowser.open(server.address)
        server.wait()
    except KeyboardInterrupt:
        print()
    finally:
        server.close()
    return 0
