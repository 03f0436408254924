"""Puts ptdet behind torchvision's names, wherever they were imported to, and takes it back."""

from __future__ import annotations

import functools
import gc
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType, TracebackType
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from .._library.pieces import is_traced
from .._library.recording import takes_our_operators
from ..ops import losses, nms, overlap

# what stands in for torchvision.ops's function of the same name
OURS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        nms.nms,
        nms.batched_nms,
        overlap.box_iou,
        overlap.generalized_box_iou,
        overlap.distance_box_iou,
        overlap.complete_box_iou,
        losses.generalized_box_iou_loss,
        losses.distance_box_iou_loss,
        losses.complete_box_iou_loss,
    )
}

PLACES_SHOWN = 3  # of each function, in the report

_lock = threading.Lock()
_active: Patch | None = None


class Patch:
    """A replacement in force: what `patch` returns. Leaving it as a context manager undoes it.

    Attributes:
        replaced: for each function the places where it stood, such as "torchvision.ops.boxes.nms".
        calls: how often each function of ours was called in place of torchvision's. Code that torch.compile made does
            not count.
    """

    def __init__(self, originals: dict[str, Callable[..., Any]], ours: dict[str, Callable[..., Any]]) -> None:
        self.replaced: dict[str, list[str]] = {name: [] for name in ours}
        self.calls: Counter[str] = Counter()
        self._undone = False
        self._changes: list[_Change] = []
        self._theirs = {name: originals[name] for name in ours}
        self._stands_for = {name: self._replacement(name, ours[name]) for name in ours}

    def _replacement(self, name: str, ours: Callable[..., Any]) -> Callable[..., Any]:
        calls, original = self.calls, self._theirs[name]
        exported = functools.partial(_batched_nms_in_export, self._theirs) if name == "batched_nms" else original

        # an object of this patch alone: undoing it must find it, and not what others imported from ptdet
        @functools.wraps(original, updated=())
        def replacement(*arguments: Any, **keywords: Any) -> Any:
            if self._undone:  # kept in a closure or a container
                return original(*arguments, **keywords)
            if not takes_our_operators():
                return exported(*arguments, **keywords)
            if not torch.compiler.is_compiling():
                calls[name] += 1
            return ours(*arguments, **keywords)

        del replacement.__wrapped__  # none that inspects shall unwrap to the original
        replacement.__prepare_scriptable__ = lambda: original  # type: ignore[attr-defined]  # for torch.jit.script
        return replacement

    def _put_in_place(self) -> None:
        try:
            for change in _exchange(self._theirs, self._stands_for):
                if not isinstance(change.owner, nn.Module):  # a model is to be freed when nobody needs it
                    self._changes.append(change)
                self.replaced[change.name].append(change.place)
        except BaseException:
            self._take_back()
            raise

    def _take_back(self) -> None:
        for change in reversed(self._changes):
            if vars(change.owner).get(change.attribute) is change.after:
                _set(change.owner, change.attribute, change.before)
        for _ in _exchange(self._stands_for, self._theirs):  # what was imported from a changed place since
            pass

    def undo(self) -> None:
        """Puts every name back to the very object that it was, also where it was imported to in the meantime.

        Raises:
            RuntimeError: if it is undone already.
        """
        global _active
        with _lock:
            if self._undone:
                raise RuntimeError("ptdet.patch: this patch is undone already")
            self._take_back()
            self._undone = True
            _active = None

    def __enter__(self) -> Patch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._undone:
            self.undo()

    def __repr__(self) -> str:
        """A table: each function, how often it was called, and in how many places it stands, with the first few."""
        state = "undone" if self._undone else "in force"
        width = max(map(len, self.replaced))
        lines = [f"  {name:{width}}  {self.calls[name]:9}  {_told(name, at)}" for name, at in self.replaced.items()]
        return "\n".join([f"ptdet.patch, {state}", f"  {'function':{width}}  {'calls':>9}  places", *lines])


def _told(name: str, places: list[str]) -> str:
    """How many, and a few: another program's before torchvision's own; where the function's name is told, its owner."""
    order = sorted(places, key=lambda place: place.startswith("torchvision."))
    shown = ", ".join(place.removesuffix(f".{name}") for place in order[:PLACES_SHOWN])
    return f"{len(places)}: {shown}{', ...' if len(places) > PLACES_SHOWN else ''}"


def _batched_nms_in_export(
    theirs: dict[str, Callable[..., Any]], boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float
) -> Any:
    """torchvision's own, as it is traced: classes moved apart.

    torch.export cannot answer what torchvision asks before, whether there are many boxes and whether there are none.
    """
    if is_traced():
        return theirs["batched_nms"](boxes, scores, idxs, iou_threshold)
    with_zero = torch.cat([boxes.flatten(), boxes.new_zeros(1)])
    apart = idxs.to(boxes) * (with_zero.max() - with_zero.min() + 1)
    return theirs["nms"](boxes + apart[:, None], scores, iou_threshold)


Owner: TypeAlias = ModuleType | type | nn.Module


class _Change(NamedTuple):
    owner: Owner
    attribute: str
    before: object
    after: object
    name: str  # of the function
    place: str


def _set(owner: Owner, attribute: str, value: object) -> None:
    if isinstance(owner, type):
        setattr(owner, attribute, value)
    else:
        vars(owner)[attribute] = value  # their own __setattr__ may have other ideas


def _owners() -> Iterator[tuple[str, Owner, dict[str, Any]]]:
    """All modules and the classes they hold, with their attributes, each once; and the parts of all models: what they
    keep is pickled by its name, which must then lead to the same object."""
    seen: set[int] = set()
    for module_name, module in list(sys.modules.items()):
        if not isinstance(held := getattr(module, "__dict__", None), dict) or id(held) in seen:
            continue  # a stand-in that is no module, or a second name
        seen.add(id(held))
        yield module_name, module, held
        for value in list(held.values()):
            # asked by type(), because isinstance asks the object, and some warn when they are asked
            if type in type(value).__mro__ and id(value) not in seen:
                seen.add(id(value))
                yield f"{module_name}.{value.__name__}", value, vars(value)
    for value in gc.get_objects():
        if nn.Module in type(value).__mro__:
            yield f"a {type(value).__name__}", value, vars(value)


def _exchange(old: dict[str, Callable[..., Any]], new: dict[str, Callable[..., Any]]) -> Iterator[_Change]:
    """Replaces each object of `old` by that of the same name in `new`, in all modules and their classes."""
    names = {id(function): name for name, function in old.items()}
    for owner_name, owner, held in _owners():
        for attribute, before in list(held.items()):
            is_static = type(before) is staticmethod
            if (name := names.get(id(before.__func__ if is_static else before))) is not None:
                after = staticmethod(new[name]) if is_static else new[name]
                _set(owner, attribute, after)
                yield _Change(owner, attribute, before, after, name, f"{owner_name}.{attribute}")


def _torchvision_functions() -> dict[str, Callable[..., Any]]:
    try:
        ops = import_module("torchvision.ops")
    except ModuleNotFoundError as error:
        if error.name != "torchvision":
            raise ImportError(f"ptdet.patch: torchvision cannot be imported: {error}") from error
        raise ImportError("ptdet.patch: torchvision is not installed, so nothing calls its functions") from error
    except Exception as error:  # a torchvision made for another torch fails in many ways
        raise ImportError(f"ptdet.patch: torchvision cannot be imported: {error}") from error
    return {name: getattr(ops, name) for name in OURS if hasattr(ops, name)}


def patch() -> Patch:
    """Puts ptdet behind torchvision.ops.nms, batched_nms, the overlap functions and their losses.

    Every module and class that holds one of these functions, whatever it calls it, gets ours: torchvision's own models,
    and whoever imported it from them before or imports it from now on. What calls the operator
    torch.ops.torchvision.nms itself, a TorchScript or exported program, or a function kept in a closure or as a default
    argument is not reached. What is exported, traced or scripted meanwhile is torchvision's; torch.compile gets ours.

    Returns:
        A Patch: what was replaced and how often it was called; `undo()` takes it back, as leaving it as a context
        manager does.

    Raises:
        RuntimeError: if a patch is in force.
        ImportError: if torchvision is not there or cannot be imported.

    >>> import ptdet
    >>> with ptdet.patch() as patched:
    ...     pass  # detections = model(images)
    >>> "torchvision.ops.nms" in patched.replaced["nms"]
    True
    """
    global _active
    with _lock:
        if _active is not None:
            raise RuntimeError("ptdet.patch: a patch is in force: undo it first")
        originals = _torchvision_functions()
        patched = Patch(originals, {name: OURS[name] for name in originals})
        patched._put_in_place()
        _active = patched
    return patched
