"""Every argument of every public function, replaced by what it does not take: told by name, never computed with."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ptdet
import ptdet.nn
import ptdet.yolo

from ..public_calls import KINDS, LEFT_OUT, PUBLIC

NAN, INF = float("nan"), float("inf")
SCALARS: dict[str, Any] = {
    "none": None, "text": "yes", "nan": NAN, "inf": INF, "-1": -1, "0": 0, "2**63": 2**63, "10**400": 10**400,
    "1.5": 1.5, "complex": 1j, "list": [1, 2], "dict": {}, "object": object(),
    "array of objects": np.array([None, 1.5], dtype=object), "two numbers": torch.tensor([0.5, 0.5]),
}  # fmt: skip

# What of SCALARS a kind of argument takes; all else must be refused.
TAKES: dict[str, tuple[str, ...]] = {
    "number": ("inf", "-1", "0", "2**63", "1.5"),
    "number or none": ("none", "inf", "-1", "0", "2**63", "1.5"),
    "positive": ("2**63", "1.5"),
    "not negative": ("0", "2**63", "1.5"),
    "epsilon": ("0", "2**63", "1.5"),
    "degree": ("inf", "2**63", "1.5"),
    "share": ("0",),
    "mean": ("2**63", "1.5"),
    "limit": ("none", "0", "2**63", "10**400"),
    "slots": ("none", "0"),
    "count of classes": ("none",),
    "count": (),
    "classes": ("none", "dict", "0"),
    "choice or none": ("none",),
    "ids or none": ("none",),
    "list of positive": ("none", "list", "two numbers"),
    "nothing": ("none",),
    "sides": ("list",),
    "size": ("list",),
    "size of a letterbox": ("list",),
    "size of a grid": (),
    "numbers": ("list",),
    "numbers or none": ("none",),
    "two numbers": ("list",),
    "record": (),
}
# Messages may name the argument that the wrong one does not fit.
ALSO_NAMED = {
    "boxes": ("scores",), "boxes1": ("boxes2",), "boxes_list": ("scores_list",), "scores_list": ("boxes_list",),
    "images": (), "num_classes": ("prediction", "classes"), "num_images": ("images",),
    "size": ("prediction",), "strides": ("prediction", "min_sizes"), "locations": ("priors",), "priors": ("locations",),
}  # fmt: skip


def spoiled(good: Tensor) -> dict[str, Any]:
    """What is no dense floating tensor of this shape, one thing wrong at a time."""
    found: dict[str, Any] = {
        "a dimension less": good[0], "a dimension more": good[None],
        "shorter": good[:-1] if len(good) > 1 else torch.cat([good, good]), "int64": good.long(),
        "uint64": good.to(torch.uint64), "bool": good > 0, "complex": good.to(torch.complex64),
        "float8": good.float().to(torch.float8_e4m3fn), "sparse": good.to_sparse(), "meta": good.to("meta"),
        "list": good.tolist(), "array": good.numpy(), "array of objects": good.numpy().astype(object),
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of each of these
        found["quantised"] = torch.quantize_per_tensor(good.float(), 1.0, 0, torch.quint8)
        found["nested"] = torch.nested.nested_tensor(list(good))
        if good.dim() > 1:
            found["jagged"] = torch.nested.nested_tensor(list(good), layout=torch.jagged)
        if good.dim() == 2:
            found["csr"] = good.to_sparse_csr()
    if good.is_floating_point():
        found["mkldnn"] = good.to_mkldnn()
    return found


# What of `spoiled` a kind takes.
TENSORS: dict[str, tuple[str, ...]] = {
    "boxes": (), "scores": (),
    "ids": ("int64", "uint64", "bool"),
    "labels": ("int64", "bool"),  # int64 and uint64 have no common dtype
    "images": ("int64",),
    "any boxes": ("a dimension less", "a dimension more", "int64"),
    "boxes alone": ("a dimension less", "a dimension more", "shorter", "int64", "meta"),
    "rows": ("a dimension more", "shorter", "int64"),
    "matrix": ("shorter", "int64"),
    "one box": ("int64",),
    "planes": ("a dimension less", "a dimension more", "shorter", "meta"), "head": ("shorter",),
    "boxes of images": (), "scores of images": (),
    "picture": ("a dimension less", "a dimension more", "shorter", "meta"),
    "detections": ("a dimension less", "a dimension more", "shorter", "meta"),
    "raw head": ("shorter", "meta"), "rows of a head": ("a dimension more",), "priors": (),
}  # fmt: skip


def wrong_values(kind: str, good: Any) -> Iterator[tuple[str, Any, bool]]:
    """Label, value, and whether it is to be taken."""
    is_list = kind.startswith("list of ") and kind != "list of positive"
    tensors = TENSORS.get(kind.removeprefix("list of ").removesuffix(" or none"))
    for label, value in SCALARS.items():
        if not (tensors is not None and label == "two numbers"):
            yield label, value, label in TAKES.get(kind, ())
    if tensors is None:
        return
    for label, value in spoiled(good[0] if is_list else good).items():
        yield label, [value, *good[1:]] if is_list else value, label in tensors


def signature(name: str) -> list[str]:
    home = ptdet.nn if name.startswith("nn.") else ptdet.yolo if name.startswith("yolo.") else ptdet
    function = getattr(home, name.split(".")[-1].split(" ")[0])
    names = list(inspect.signature(function).parameters)
    if inspect.isclass(function):
        names += list(inspect.signature(function.forward).parameters)[1:]
    return [each for each in names if each != "options"]


def test_every_parameter_is_swept() -> None:
    public = {name for name in ptdet.__all__ if not inspect.ismodule(getattr(ptdet, name))}
    public = {*public, *(f"nn.{name}" for name in ptdet.nn.__all__), "yolo.postprocess"} - {*LEFT_OUT}
    assert public - {*PUBLIC} == set()
    for name, (_, good, kinds) in PUBLIC.items():
        if " " not in name:
            assert set(signature(name)) <= {*good}, name
        assert {*good} <= {*KINDS, *kinds}, name


@pytest.mark.parametrize("name", PUBLIC)
def test_wrong_values_are_told(name: str) -> None:
    call, good, kinds = PUBLIC[name]
    call(**good)
    problems = []
    for argument, value in good.items():
        kind = kinds.get(argument, KINDS[argument])
        for label, wrong, is_taken in wrong_values(kind, value):
            names = (argument, *ALSO_NAMED.get(argument, ()))
            try:
                call(**{**good, argument: wrong})
            except (TypeError, ValueError) as error:
                if is_taken:
                    problems.append(f"{argument} = {label} is refused: {error}")
                elif not any(each in str(error) for each in names):
                    problems.append(f"{argument} = {label} is not named: {error!r:.200}")
            except Exception as error:
                problems.append(f"{argument} = {label}: {error!r:.200}")
            else:
                if not is_taken:
                    problems.append(f"{argument} = {label} is taken")
    assert not problems, "\n".join(problems)
