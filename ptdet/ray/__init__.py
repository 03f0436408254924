"""Suppression of data sets on Ray: `suppress` for a pipeline of Ray Data; `ptdet run --engine ray` has its own engine.

Ray is asked for at the first call, by `pip install 'ptdet[ray]'`. torch is needed for GPUs alone.
"""

from ._data import suppress

__all__ = ["suppress"]
