"""torch.jit.trace of every public function: right for other data of other lengths, or refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import ptdet

from ..public_calls import NUMBERS, PUBLIC

TENSORS = ("boxes", "scores", "idxs", "boxes1", "boxes2", "box1", "input", *NUMBERS)
LISTS = ("boxes_list", "scores_list", "labels_list")
# What is as long as the data says image by image, or laid out by the example's shapes.
REFUSED = {name for name in PUBLIC if name.startswith(("combined_nms", "ragged_nms"))}
REFUSED |= {"non_max_suppression", "yolo.postprocess", "letterbox"}


def fresh(name: str, like: Any, count: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    if name in ("scores", "scores_list", *NUMBERS):
        return torch.rand(count, generator=random) * 0.9 + 0.1
    if name in ("idxs", "labels_list"):
        return torch.randint(0, 3, (count,), generator=random)
    corner = torch.rand(count, 2, generator=random) * 30
    boxes = torch.cat([corner, corner + 5 + torch.rand(count, 2, generator=random) * 10], 1)
    if isinstance(like, Tensor) and like.shape[-1] == 5:  # rotated
        boxes = torch.cat([corner, boxes[:, 2:] - corner, torch.rand(count, 1, generator=random)], 1)
    if name == "boxes2":
        return boxes + 1
    return boxes[0] if name == "box1" else boxes[None] if name == "input" else boxes


def recordable(name: str, options: dict[str, Any]) -> tuple[Callable[..., tuple[Tensor, ...]], Callable[..., Any]]:
    """The function of its tensors alone, and what makes such tensors."""
    call, good, _ = PUBLIC[name]
    names = [each for each in good if each in TENSORS or each in LISTS]

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        given = list(tensors)
        taken = {each: [given.pop(0), given.pop(0)] if each in LISTS else given.pop(0) for each in names}
        found = call(**{**good, **options, **taken})
        return (found,) if isinstance(found, Tensor) else tuple(found)

    def make(count: int, seed: int) -> tuple[Tensor, ...]:
        wanted = [each for each in names for _ in range(2 if each in LISTS else 1)]
        return tuple(fresh(each, good[each], count, seed) for each in wanted)

    return run, make


# A trace has torch's pow, which is off by a unit in the last place or so.
WITH_TORCHS_POWER = ("wise_iou_loss", "nn.WIoULoss")


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in REFUSED])
def test_a_trace_is_right_for_other_data(name: str) -> None:
    good = PUBLIC[name].good
    variants = [{"return_owner": flag} for flag in (False, True)] if "return_owner" in good else [{}]
    variants += [{"reduction": each} for each in ("mean", "sum")] if "reduction" in good else []
    for options in variants:
        run, make = recordable(name, options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit is deprecated, and checks of shapes are Python's
            traced = torch.jit.trace(run, make(20, 0), check_trace=False)
        for count in (20, 33, 7, *([] if name == "bbox_iou" else [0])):
            given = make(count, seed=count)
            got, expected = traced(*given), run(*given)
            for one, other in zip((got,) if isinstance(got, Tensor) else got, expected, strict=True):
                if name in WITH_TORCHS_POWER:
                    torch.testing.assert_close(one, other, rtol=4 * torch.finfo(one.dtype).eps, atol=0.0)
                else:
                    assert torch.equal(one, other), (options, count)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_a_trace_cannot_hold_is_refused(name: str) -> None:
    call, good, _ = PUBLIC[name]
    tensor = next(each for each in ("prediction", "image", "boxes") if each in good)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(NotImplementedError, match=r"torch\.jit\.trace"):
            torch.jit.trace(lambda given: call(**{**good, tensor: given})[0], good[tensor])


def test_a_trace_decodes_other_data_of_other_batches() -> None:
    """The number of cells and of priors is that of the network. A trace has torch's exp, off by a unit or so."""
    random = torch.Generator().manual_seed(0)
    few, many = (torch.randn(batch, 3, 7, generator=random) for batch in (1, 4))
    priors = torch.rand(3, 4, generator=random) + 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yolox = torch.jit.trace(lambda given: ptdet.decode_yolox(given, (8, 24), [8]), few, check_trace=False)
        ssd = torch.jit.trace(ptdet.decode_ssd, (few[..., :4], priors), check_trace=False)
    close = {"rtol": 4 * torch.finfo(torch.float32).eps, "atol": 1e-6}
    torch.testing.assert_close(yolox(many), ptdet.decode_yolox(many, (8, 24), [8]), **close)
    given = many[..., :4], priors + 1
    torch.testing.assert_close(ssd(*given), ptdet.decode_ssd(*given), **close)


def test_gradients_run_through_a_trace() -> None:
    run, make = recordable("soft_nms", {"return_owner": False})
    boxes, scores, idxs = (make(20, 1)[place] for place in (0, 1, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(run, (boxes, scores, idxs), check_trace=False)
    scores = scores.requires_grad_()
    by_trace, expected = (torch.autograd.grad(f(boxes, scores, idxs)[0].sum(), scores)[0] for f in (traced, run))
    assert torch.equal(by_trace, expected)
