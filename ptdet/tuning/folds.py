"""Parts of a data set that are left out in turn, and draws of it: what keeps a tuning honest. All by seed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from .._shared.arrays import Array, Indices


def groups_of(pictures: int, groups: Sequence[Hashable] | None) -> Indices:
    """(P,) the number of each picture's group, in the order in which they appear; without groups its own."""
    if groups is None:
        return np.arange(pictures)
    if len(groups) != pictures:
        raise ValueError(f"groups: expected one for each of {pictures} pictures, got {len(groups)}")
    numbers: dict[Hashable, int] = {}
    for group in groups:
        if not isinstance(group, Hashable):
            raise TypeError(f"groups: expected numbers or names, got {type(group).__name__}")
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], np.int64)


def folds_of(groups: Indices, folds: int, seed: int) -> Indices:
    """(P,) the fold of each picture: a group stays together, and folds have about as many pictures."""
    count = int(groups.max(initial=-1)) + 1
    if count < folds:
        what = "pictures" if count == len(groups) else "groups of pictures"
        raise ValueError(f"folds: {folds} of them need as many {what}, and there are {count}")
    sizes = np.bincount(groups, minlength=count)
    # this generator draws the same numbers in every version of NumPy
    shuffled = np.random.RandomState(seed).permutation(count)
    filled, fold_of_group = np.zeros(folds, np.int64), np.zeros(count, np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")].tolist():
        fold = int(filled.argmin())
        fold_of_group[group] = fold
        filled[fold] += sizes[group]
    return fold_of_group[groups]


def fold_weights(fold_of: Indices, folds: int) -> Indices:
    """(1 + 2 * folds, P): all pictures once; all but those of each fold; those of each fold alone."""
    own = np.equal.outer(np.arange(folds), fold_of)
    return np.concatenate([np.ones((1, len(fold_of)), bool), ~own, own]).astype(np.int64)


def drawn_weights(groups: Indices, draws: int, seed: int) -> Array:
    """(draws, P) how often each picture is in each bootstrap draw; groups are drawn whole."""
    count = int(groups.max(initial=-1)) + 1
    random = np.random.RandomState(seed)
    return np.stack([np.bincount(random.randint(0, count, count), minlength=count)[groups] for _ in range(draws)])
