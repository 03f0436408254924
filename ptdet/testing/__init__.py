"""Box sets, seeded cases and the catalog of operations: what tests and benchmarks iterate over."""

from .catalog import CATALOG, Operation
from .fuzz import Case, fuzz_case, strange_case
from .fuzz_methods import method_call
from .heads import head_output
from .named import NAMED
from .samples import Sample
from .scenes import class_ids, clustered, crossing, dense, duplicated, grid, scattered, uniform_scores

__all__ = [
    "CATALOG",
    "NAMED",
    "Case",
    "Operation",
    "Sample",
    "class_ids",
    "clustered",
    "crossing",
    "dense",
    "duplicated",
    "fuzz_case",
    "grid",
    "head_output",
    "method_call",
    "scattered",
    "strange_case",
    "uniform_scores",
]
