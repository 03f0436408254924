"""The norm over channels: values, first and second derivatives, layouts, extremes, and what torch may do with it."""

from __future__ import annotations

import io
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ptdet
from ptdet.testing import samples_norm

from .. import conditioning

DEGREES = [1.0, 2.0, math.inf, 0.5, 1.5, 2.5, 3.0, 7.0]
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]


def tolerance(x: Tensor, p: float) -> float:
    """Of the norm and of its gradient, which has the norm to the power p - 1 in it."""
    computed = torch.float64 if x.dtype == torch.float64 else torch.float32
    norm = conditioning.of_norm(x.shape[1], p, torch.finfo(computed).eps)
    return norm * (1.0 if math.isinf(p) else max(1.0, p - 1)) + torch.finfo(x.dtype).eps


def torch_norm(x: Tensor, p: float = 2.0) -> Tensor:
    return torch.linalg.vector_norm(x, p, dim=1, keepdim=True)


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def value_and_gradient(norm: Any, x: Tensor, p: float) -> tuple[Tensor, Tensor]:
    x = x.detach().requires_grad_()
    value = norm(x, p)
    (gradient,) = torch.autograd.grad(value, x, torch.cos(torch.arange(value.numel())).view_as(value).to(value))
    return value.detach(), gradient


def test_by_hand() -> None:
    x = torch.tensor([[[3.0, 0.0], [-4.0, 0.0]]], requires_grad=True)
    for p, norm, slopes in (
        (2, 5.0, (0.6, -0.8)),
        (1, 7.0, (1.0, -1.0)),
        (math.inf, 4.0, (0.0, -1.0)),
        (3, 91 ** (1 / 3), (9 / 91 ** (2 / 3), -16 / 91 ** (2 / 3))),
    ):
        value = ptdet.channel_norm(x, p)
        (gradient,) = torch.autograd.grad(value.sum(), x)
        torch.testing.assert_close(value, torch.tensor([[[norm, 0.0]]]))
        torch.testing.assert_close(gradient, torch.tensor([[[slopes[0], 0.0], [slopes[1], 0.0]]]))


def test_ties_share() -> None:
    x = torch.tensor([[2.0, -2.0, 1.0, 2.0]], requires_grad=True)
    ptdet.channel_norm(x, math.inf).sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([[1 / 3, -1 / 3, 0.0, 1 / 3]]))


@pytest.mark.parametrize("p", DEGREES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_equals_vector_norm(p: float, dtype: torch.dtype, backend: str, threads: int) -> None:
    """Zeros and ties included: both are in the samples. torch itself is compared in float64."""
    for name, x in samples_norm.layouts(CPU, dtype):
        if x.shape[1] == 0:
            continue  # torch raises for inf
        value, gradient = value_and_gradient(ptdet.channel_norm, x, p)
        expected, expected_gradient = value_and_gradient(torch_norm, x.double(), p)
        for ours, theirs in ((value, expected), (gradient, expected_gradient)):
            torch.testing.assert_close(ours.double(), theirs, rtol=tolerance(x, p), atol=1e-30, msg=name)


@pytest.mark.parametrize("p", DEGREES)
def test_derivatives(p: float, backend: str) -> None:
    x = (drawn(2, 3, 4).sign() * (drawn(2, 3, 4).abs() + 0.1)).requires_grad_()
    for call in (ptdet.channel_norm, torch.ops.ptdet.channel_norm, ptdet.ChannelNormFunction.apply):
        assert torch.autograd.gradcheck(lambda x, f=call: f(x, p), x)
        assert torch.autograd.gradgradcheck(lambda x, f=call: f(x, p), x)


@pytest.mark.parametrize("p", DEGREES)
def test_second_derivative_where_there_is_none(p: float, backend: str) -> None:
    """0, not NaN: at the zero vector, at x = 0 below p = 2, at the ties of inf. Elsewhere autograd's of torch."""
    x = torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, -2.0], [1.0, 1.0, 0.5]], dtype=torch.float64, requires_grad=True)
    along = drawn(3, 3, seed=1)

    def second(norm: Any) -> Tensor:
        (slope,) = torch.autograd.grad(norm(x, p).sum(), x, create_graph=True)
        (curvature,) = torch.autograd.grad(slope, x, along, allow_unused=True)
        return torch.zeros_like(x) if curvature is None else curvature

    ours = second(ptdet.channel_norm)
    assert torch.isfinite(ours).all()
    assert ours[0].eq(0).all()
    if p < 2:
        assert ours[1, 0] == 0
    if p == math.inf:
        assert ours[2].eq(0).all()
    theirs = second(torch_norm)
    elsewhere = torch.tensor([[False] * 3, [p >= 2, True, True], [True] * 3]) & theirs.isfinite()
    torch.testing.assert_close(ours[elsewhere], theirs[elsewhere], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_halves_accumulate_in_float32(dtype: torch.dtype, backend: str) -> None:
    x = torch.full((1, 12, 3), 1e4, dtype=dtype)
    torch.testing.assert_close(ptdet.channel_norm(x).float(), x.float()[:, :1] * math.sqrt(12), rtol=5e-3, atol=0)
    y = drawn(2, 300, 9, dtype=dtype)
    assert torch.equal(ptdet.channel_norm(y), ptdet.channel_norm(y.float()).to(dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("p", [1.0, 2.0, math.inf, 3.0])
@pytest.mark.parametrize("layout", ["planes", "rows", "few"])
def test_large_and_tiny(dtype: torch.dtype, p: float, layout: str, backend: str) -> None:
    """Neither overflows nor underflows; the gradient is that of the vector scaled to 1, whatever its size."""
    finfo = torch.finfo(dtype)
    shape = (1, 3, 40) if layout == "few" else (1, 9, 40)
    x = drawn(*shape, seed=3)
    x = x / torch.linalg.vector_norm(x, 1, dim=1, keepdim=True)
    x = x if layout == "planes" else x.transpose(1, 2).contiguous().transpose(1, 2)
    for size in (finfo.max * 0.9, finfo.tiny * 4, math.sqrt(finfo.tiny) / 16, finfo.max**0.5 * 4):
        scaled = (x * size).to(dtype)
        value, gradient = value_and_gradient(ptdet.channel_norm, scaled, p)
        wide, wide_gradient = value_and_gradient(torch_norm, scaled.double() / size, p)
        rtol = tolerance(scaled, p) + 2 * finfo.eps  # the vector of size 1 was rounded otherwise
        small = finfo.tiny * finfo.eps  # a subnormal result keeps what bits it has
        torch.testing.assert_close(value.double(), wide * size, rtol=rtol, atol=small)
        torch.testing.assert_close(gradient.double(), wide_gradient, rtol=rtol, atol=4 * max(small, 1e-30))


def test_gradients_far_from_one(backend: str) -> None:
    """g / norm may overflow or underflow although x g / norm does not."""
    for x, g in ((1e-30, 1e20), (1e30, 1e-20), (6e37, 1e-7), (3e-39, 1e-6)):
        pixel = torch.tensor([[3.0, 4.0]], dtype=torch.float64) * x
        value = pixel.float().requires_grad_()
        (gradient,) = torch.autograd.grad(ptdet.channel_norm(value), value, torch.tensor([[g]]))
        expected = value.detach().double() / torch_norm(value.detach().double()) * g
        torch.testing.assert_close(gradient.double(), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("p", DEGREES)
def test_zeros_everywhere(p: float, backend: str) -> None:
    value, gradient = value_and_gradient(ptdet.channel_norm, torch.zeros(2, 5, 3, 70), p)
    assert value.eq(0).all() and gradient.eq(0).all()


def test_layout_of_results(backend: str) -> None:
    """The norm is contiguous; the gradient lies as the input does, so that it accumulates without a copy."""
    x = drawn(2, 6, 4, 5, dtype=torch.float32)
    for laid in (x, x.to(memory_format=torch.channels_last), x.transpose(2, 3)):
        leaf = laid.detach().requires_grad_()
        norm = ptdet.channel_norm(leaf)
        norm.sum().backward()
        assert norm.is_contiguous()
        assert leaf.grad is not None and leaf.grad.stride() == leaf.stride()


@pytest.mark.parametrize("p", [1.0, 2.0, math.inf, 3.0])
def test_numbers_2_to_the_31_apart(p: float, native: None) -> None:
    """Strides and offsets beyond 2^31 elements, over memory that is reserved and hardly touched."""
    try:
        far = torch.empty(2**32 + 2**20, dtype=torch.float16)
    except RuntimeError:
        pytest.skip("no room to reserve 8 GB")
    x = far.as_strided((2, 3, 40), (2**32 - 2**31, 2**30 + 64, 1))
    x.copy_(drawn(2, 3, 40))
    value, gradient = value_and_gradient(ptdet.channel_norm, x, p)
    expected, expected_gradient = value_and_gradient(ptdet.channel_norm, x.contiguous(), p)
    assert torch.equal(value, expected) and torch.equal(gradient, expected_gradient)


def test_memory_is_output_and_gradient(native: None) -> None:
    """torch counts what it allocates for tensors: the forward pass the norm, the backward pass one gradient."""
    x = torch.randn(4, 32, 64, 64, requires_grad=True)
    size = x.numel() * 4
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        norm = ptdet.channel_norm(x)
        torch.autograd.grad(norm, x, torch.ones_like(norm))
    made = [event.self_cpu_memory_usage for event in profile.events() if event.self_cpu_memory_usage >= 1024]
    assert sorted(made) == [size // 32, size // 32, size]  # the norm, the ones, the gradient


@pytest.mark.slow
@pytest.mark.parametrize("instruction_set", ["baseline", "avx2", "avx512"])
def test_every_instruction_set(instruction_set: str, native: None) -> None:
    """Chosen once a process, so each takes one of its own; one that the processor lacks is the baseline there."""
    code = (
        "import torch, ptdet; from ptdet.testing import CATALOG; ptdet.build_info()\n"
        "from tests.parity.test_channel_norm import tolerance\n"
        "for row in CATALOG:\n"
        "    if not row.name.startswith('channel_norm'): continue\n"
        "    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):\n"
        "        for sample in row.samples(torch.device('cpu'), dtype):\n"
        "            got = getattr(torch.ops.ptdet, row.name)(*sample.arguments)\n"
        "            x, p = sample.arguments[-2 if row.name == 'channel_norm' else 1], sample.arguments[-1]\n"
        "            expected = row.reference(*sample.arguments)\n"
        "            torch.testing.assert_close(got, expected, rtol=tolerance(x, p), atol=0)\n"
    )
    environment = {**os.environ, "PTDET_CPU": instruction_set}
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_torch_func() -> None:
    x = drawn(5, 2, 3, 4)

    def total(norm: Any, x: Tensor) -> Tensor:
        return (norm(x, 3.0) ** 2).sum()

    grad = torch.func.grad(lambda x: total(ptdet.channel_norm, x))
    expected = torch.func.grad(lambda x: total(torch_norm, x))
    torch.testing.assert_close(torch.func.vmap(ptdet.channel_norm)(x), torch.func.vmap(torch_norm)(x))
    for dim in range(x.dim()):
        moved = x.movedim(0, dim)
        torch.testing.assert_close(torch.func.vmap(grad, dim)(moved), torch.func.vmap(expected, dim)(moved))
    again = torch.func.grad(lambda x: grad(x).pow(2).sum())
    expected_again = torch.func.grad(lambda x: expected(x).pow(2).sum())
    torch.testing.assert_close(torch.func.vmap(again)(x), torch.func.vmap(expected_again)(x))
    torch.testing.assert_close(
        torch.func.jacrev(ptdet.channel_norm)(x[0]), torch.func.jacrev(lambda x: torch_norm(x))(x[0])
    )


@pytest.mark.parametrize("compiler", ["eager", "aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_compile(compiler: str) -> None:
    torch._dynamo.reset()

    def loss(x: Tensor) -> Tensor:
        return (ptdet.channel_norm(x * 2, 3) + ptdet.channel_norm(x)).sum()

    compiled = torch.compile(loss, fullgraph=True, dynamic=True, backend=compiler)
    for shape in ((2, 3, 8, 9), (2, 4, 5, 6), (1, 3, 7, 7)):
        x, y = (drawn(*shape, dtype=torch.float32).requires_grad_() for _ in range(2))
        compiled(x).backward()
        loss(y).backward()
        torch.testing.assert_close(x.grad, y.grad)


def test_compile_the_function_itself() -> None:
    torch._dynamo.reset()
    compiled = torch.compile(ptdet.ChannelNormFunction.apply, fullgraph=True, backend="aot_eager")
    x = drawn(2, 3, 4, dtype=torch.float32).requires_grad_()
    torch.testing.assert_close(compiled(x, 2.0), torch_norm(x))


def test_export() -> None:
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(ptdet.nn.ChannelNorm(1), (drawn(3, 4, 5),), dynamic_shapes=({0: batch},))
    stored = io.BytesIO()
    torch.export.save(program, stored)
    stored.seek(0)
    x = drawn(7, 4, 5, seed=2)
    torch.testing.assert_close(torch.export.load(stored).module()(x), torch_norm(x, 1))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_autocast_changes_no_answer(dtype: torch.dtype, backend: str) -> None:
    x = drawn(2, 30, 7, dtype=dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value, gradient = value_and_gradient(ptdet.channel_norm, x, 2.0)
    expected, expected_gradient = value_and_gradient(ptdet.channel_norm, x, 2.0)
    assert torch.equal(value, expected) and torch.equal(gradient, expected_gradient)


def test_module() -> None:
    x = drawn(2, 3, 4)
    module = ptdet.nn.ChannelNorm(norm_deg=1)
    torch.testing.assert_close(module(x), torch_norm(x, 1))
    assert repr(module) == "ChannelNorm(norm_deg=1)"
    assert not list(module.parameters()) and ptdet.nn.ChannelNorm().norm_deg == 2
