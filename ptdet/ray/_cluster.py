"""Ray itself: there in a version that is known, and with processors to spare."""

from __future__ import annotations

import re
from typing import Any

from ..dataset.extras import needed
from ..io import FileProblem

OLDEST, NEWEST = (2, 40), 2  # the newest major version


def ray_module(what: str) -> Any:
    """The module ray, for what needs it.

    Raises:
        FileProblem: it is not installed, or of a version that is not known.
    """
    ray = needed("ray", what, "ray")
    version = tuple(map(int, re.findall(r"\d+", ray.__version__)[:2]))
    if not OLDEST <= version < (NEWEST + 1, 0):
        known = f"ray>={OLDEST[0]}.{OLDEST[1]},<{NEWEST + 1}"
        raise FileProblem(f"{what} needs {known}, and {ray.__version__} is installed: pip install 'ptdet[ray]'")
    return ray


def processors(ray: Any) -> int:
    """How many CPUs the cluster says it has."""
    return int(ray.cluster_resources().get("CPU", 0))
