"""What may go by: an input that cannot be read now is tried again, and never noted as a bad one for good."""

from __future__ import annotations

from ..io import FileProblem


class InputProblem(Exception):
    """An input cannot be read now."""


def refuse_passing(problem: FileProblem) -> None:
    """Raises what is no fault of the file: the disk or the network failed, or the memory was too small.

    Raises:
        OSError, MemoryError: that.
    """
    cause = problem.__cause__
    if isinstance(cause, MemoryError) or (isinstance(cause, OSError) and cause.errno is not None):
        raise cause
