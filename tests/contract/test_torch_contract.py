"""What every operator is to PyTorch: opcheck, compile, export, meta, autocast, autograd, and a row in the CATALOG."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
import torch._dynamo.testing

import ptdet
from ptdet.testing import CATALOG, Operation, clustered
from ptdet.testing.samples import Sample

from .. import conditioning
from ..oracles import one_thread

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
OPERATIONS = pytest.mark.parametrize("operation", CATALOG, ids=lambda operation: operation.name)


def operator(operation: Operation) -> Any:
    return getattr(torch.ops.ptdet, operation.name).default


def tensors(result: Any) -> list[torch.Tensor]:
    return [result] if isinstance(result, torch.Tensor) else list(result)


def assert_close(got: Any, expected: Any, tolerance: float, what: str = "") -> None:
    """Within the tolerance of a row of the CATALOG."""
    for ours, theirs in zip(tensors(got), tensors(expected), strict=True):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, what
        if tolerance == 0:
            torch.testing.assert_close(ours.cpu(), theirs.cpu(), rtol=0, atol=0, equal_nan=True, msg=what)
        else:
            rounding = torch.finfo(ours.dtype).eps if ours.dtype in (torch.float16, torch.bfloat16) else 0.0
            largest = float(theirs.abs().max()) if theirs.numel() else 0.0
            torch.testing.assert_close(
                ours.cpu(), theirs.cpu(), rtol=max(tolerance, rounding), atol=tolerance * largest, msg=what
            )


def assert_as_expected(operation: Operation, sample: Sample, got: Any, expected: Any) -> None:
    if operation.name != "pairwise_overlap_backward":
        assert_close(got, expected, operation.tolerance, sample.name)
        return
    for ours, theirs, allowed in zip(got, expected, conditioning.of_pair_sums(*sample.arguments), strict=True):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, sample.name
        if theirs.numel():
            assert ((ours - theirs).cpu().double().abs() <= allowed.cpu()).all(), sample.name


def test_every_operator_has_a_row() -> None:
    ptdet.build_info()
    schemas = torch._C._jit_get_all_schemas()
    registered = {schema.name for schema in schemas if schema.name.startswith("ptdet::")}
    public = {name.removeprefix("ptdet::") for name in registered if not name.startswith("ptdet::_")}
    assert public == {operation.name for operation in CATALOG}


@pytest.mark.grid("operation", "backend")
@OPERATIONS
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_equals_the_reference(operation: Operation, dtype: torch.dtype, device: torch.device, backend: str) -> None:
    for sample in operation.samples(device, dtype):
        got = operator(operation)(*sample.arguments, **sample.keywords)
        with one_thread():
            expected = operation.reference(*sample.arguments, **sample.keywords)
        assert all(tensor.device.type == device.type for tensor in tensors(got))
        assert_as_expected(operation, sample, got, expected)


@OPERATIONS
@pytest.mark.parametrize("every_fourth", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["some", "others"])
def test_opcheck(operation: Operation, device: torch.device, every_fourth: bool) -> None:
    for number, sample in enumerate(operation.samples(device, torch.float32)):
        if (number % 4 == 0) == every_fourth:
            torch.library.opcheck(operator(operation), sample.arguments, sample.keywords)


@pytest.mark.parametrize("operation", [row for row in CATALOG if not row.differentiable], ids=lambda row: row.name)
def test_indices_have_no_gradient(operation: Operation) -> None:
    for sample in operation.samples(torch.device("cpu"), torch.float32):
        arguments = [
            value.clone().requires_grad_() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
            for value in sample.arguments
        ]
        for tensor in tensors(operator(operation)(*arguments, **sample.keywords)):
            assert not tensor.requires_grad


def test_boxes_that_require_grad_are_welcome() -> None:
    boxes, scores = (tensor.requires_grad_() for tensor in clustered(30))
    assert ptdet.nms(boxes * 1, scores * 1, 0.5).grad_fn is None


def suppress(boxes: torch.Tensor, scores: torch.Tensor, idxs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    keep = ptdet.nms(boxes, scores, 0.5, score_threshold=0.1)
    found, owner = ptdet.batched_nms(boxes, scores, idxs, 0.4, max_output=20, return_owner=True)
    return keep * 2, found, owner


def scene(n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return (*clustered(n, n), torch.arange(n) % 5)


@pytest.mark.parametrize("compiler", ["eager", "aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_compile_in_one_graph_with_any_number_of_boxes(compiler: str) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(suppress, fullgraph=True, dynamic=True, backend=compiler)
    for n in (40, 41, 0, 1, 300):
        for ours, eager in zip(compiled(*scene(n)), suppress(*scene(n)), strict=True):
            assert torch.equal(ours, eager), n


def test_compile_with_what_people_do_next() -> None:
    """Not for N = 0: inductor of torch 2.15 cannot lower an index into a tensor of size 0, whoever made the index."""
    torch._dynamo.reset()

    def pick(boxes: torch.Tensor, scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        keep = ptdet.nms(boxes, scores, 0.5)
        return boxes[keep], scores[keep] * 2

    compiled = torch.compile(pick, fullgraph=True, dynamic=True)
    for n in (40, 41, 300):
        for ours, eager in zip(compiled(*clustered(n, n)), pick(*clustered(n, n)), strict=True):
            assert torch.equal(ours, eager), n


def test_compiled_again_for_few_sizes_only() -> None:
    torch._dynamo.reset()
    counter = torch._dynamo.testing.CompileCounter()
    compiled = torch.compile(lambda *scene: ptdet.nms(*scene, 0.5), fullgraph=True, dynamic=True, backend=counter)
    for n in range(2, 40):
        compiled(*clustered(n, n))
    assert counter.frame_count == 1


class Head(torch.nn.Module):
    def forward(self, boxes: torch.Tensor, scores: torch.Tensor, idxs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return suppress(boxes, scores, idxs)


def test_export_with_any_number_of_boxes() -> None:
    n = torch.export.Dim("n", min=0, max=100_000)
    program = torch.export.export(Head(), scene(50), dynamic_shapes=({0: n}, {0: n}, {0: n}))
    stored = io.BytesIO()
    torch.export.save(program, stored)
    stored.seek(0)
    for module in (program.module(), torch.export.load(stored).module()):
        for count in (50, 3, 200):
            for ours, eager in zip(module(*scene(count)), suppress(*scene(count)), strict=True):
                assert torch.equal(ours, eager), count


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_changes_no_answer(dtype: torch.dtype, backend: str) -> None:
    boxes, scores = clustered(500, 3)
    expected = ptdet.nms(boxes, scores, 0.5)
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(ptdet.nms(boxes, scores, 0.5), expected)
        assert torch.equal(ptdet.nms(boxes.double(), scores.double(), 0.5), ptdet.nms(boxes, scores, 0.5))


def test_meta_tensors_have_the_walk_of_fixed_shape() -> None:
    boxes, scores = (tensor.to("meta") for tensor in clustered(7))
    keep, owner, kept = torch.ops.ptdet.nms_walk(boxes, scores, None, 0.5)
    assert keep.shape == owner.shape == (7,)
    assert kept.shape == ()
    assert {tensor.dtype for tensor in (keep, owner, kept)} == {torch.int64}
    assert {tensor.device.type for tensor in (keep, owner, kept)} == {"meta"}


def test_inference_mode_and_no_grad(backend: str) -> None:
    boxes, scores = clustered(100)
    expected = ptdet.nms(boxes, scores, 0.5)
    with torch.inference_mode():
        assert torch.equal(ptdet.nms(boxes, scores, 0.5), expected)
    with torch.no_grad():
        assert torch.equal(ptdet.nms(boxes, scores, 0.5), expected)


@pytest.mark.cuda
def test_cuda_needs_no_wait_inside_the_walk() -> None:
    if not (torch.cuda.is_available() and ptdet.build_info()["cuda"]):
        pytest.skip("no GPU, or no CUDA build")
    boxes, scores = (tensor.cuda() for tensor in clustered(3000))
    expected = torch.ops.ptdet.nms_walk(boxes, scores, None, 0.5)
    stream = torch.cuda.Stream()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        with torch.cuda.stream(stream):
            got = torch.ops.ptdet.nms_walk(boxes, scores, None, 0.5)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    stream.synchronize()
    assert_close(got, expected, 0)
