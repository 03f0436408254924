"""The elementary functions (docs/SPEC.md, section 1): one definition everywhere, its errors, its slopes."""

from __future__ import annotations

import ctypes
import math
import os
import platform
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import ptdet
from ptdet import reference
from ptdet.reference.elementary import diagonal_angle

from ..cuda_emulator.harness import CSRC, compiler
from ..native.test_instructions import ISA_FLAGS
from .elementary_errors import FUNCTIONS, Function, table, worst

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
FLAGS: dict[str, tuple[str, ...]] = {"baseline": (), **ISA_FLAGS}
EXPONENTS = (0.6, 1.0, 2.0, 2.5, -1.3, 333.3, 1e-9, 1e300, -1e300, math.inf, -math.inf, math.nan, 0.0)
NAMES = ("exponential", "sigmoid", "power", "arctangent", "cosine", "sine")  # in the order of the driver's enum


def numbers(dtype: torch.dtype) -> Tensor:
    """Any bits, those whose exponential is neither 0 nor infinity, the unit interval, and what is special."""
    random = torch.Generator().manual_seed(1)
    whole = torch.int32 if dtype == torch.float32 else torch.int64
    bits = torch.randint(-(2**63), 2**63 - 1, (60_000,), generator=random).to(whole).view(dtype)
    wide = 800 if dtype == torch.float64 else 120
    drawn = (torch.rand(60_000, generator=random, dtype=torch.float64) - 0.5) * 2 * wide
    unit = torch.rand(60_000, generator=random, dtype=torch.float64)
    info = torch.finfo(dtype)
    special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        math.inf,
        -math.inf,
        math.nan,
        info.tiny,
        info.tiny / 3,
        info.max,
        -info.max,
        info.eps,
    ]
    found = torch.cat([bits, drawn.to(dtype), unit.to(dtype), torch.tensor(special, dtype=dtype)])
    return torch.cat([found, found.new_zeros(-len(found) % 16)])


@pytest.fixture(scope="module", params=FLAGS)
def driver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ctypes.CDLL]:
    if compiler() is None:
        if os.environ.get("CI") or os.environ.get("PTDET_REQUIRE_NATIVE") == "1":
            pytest.fail("no C++ compiler")
        pytest.skip("no C++ compiler: set CXX")
    if request.param != "baseline":
        if platform.machine() not in ("x86_64", "AMD64"):
            pytest.skip("an instruction set of x86")
        if request.param not in ptdet.build_info()["instruction_sets"]:
            pytest.skip(f"this machine or build has no {request.param}")
    library = tmp_path_factory.mktemp("elementary") / "driver.so"
    flags = ("-std=c++17", "-O3", "-fPIC", "-shared", "-ffp-contract=off", "-fno-math-errno", f"-I{CSRC}")
    source = Path(__file__).parent / "elementary_driver.cpp"
    subprocess.run([str(compiler()), *flags, *FLAGS[request.param], source, "-o", library], check=True)
    yield ctypes.CDLL(str(library))


def run(driver: ctypes.CDLL, name: str, packed: bool, x: Tensor, p: float) -> Tensor:
    y = torch.empty_like(x)
    function = driver.of_float if x.dtype == torch.float32 else driver.of_double
    place, count = ctypes.c_void_p, ctypes.c_int64(len(x))
    function(NAMES.index(name), packed, place(x.data_ptr()), ctypes.c_double(p), place(y.data_ptr()), count)
    return y


def assert_same_bits(ours: Tensor, theirs: Tensor, what: object) -> None:
    whole = torch.int32 if ours.dtype == torch.float32 else torch.int64
    same = (ours.view(whole) == theirs.view(whole)) | (ours.isnan() & theirs.isnan())
    assert bool(same.all()), f"{what}: {int((~same).sum())} of {len(ours)} differ"


@DTYPES
@pytest.mark.parametrize("packed", [False, True], ids=["numbers", "registers"])
@pytest.mark.parametrize("name", NAMES)
def test_the_kernels_have_the_bits_of_the_reference(
    name: str, packed: bool, dtype: torch.dtype, driver: ctypes.CDLL
) -> None:
    x = numbers(dtype)
    for p in EXPONENTS if name == "power" else (0.0,):
        expected = reference.power(x, p) if name == "power" else getattr(reference, name)(x)
        assert_same_bits(run(driver, name, packed, x, p), expected, (name, p))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f"{f.name}-{f.dtype}")
def test_errors_are_what_the_table_says(function: Function) -> None:
    """And not far below it."""
    most, at = worst(function, 300_000 if function.dtype == torch.float32 else 6000)
    assert 0.5 * function.bound < most <= function.bound, at


def test_the_table_stands_in_the_contract() -> None:
    text = (Path(__file__).parents[2] / "docs/SPEC.md").read_text()
    assert "\n".join(f"  {line}" for line in table().splitlines()) in text


def of(x: float | list[float], dtype: torch.dtype) -> Tensor:
    return torch.tensor(x, dtype=dtype)


@DTYPES
def test_values_that_are_known(dtype: torch.dtype) -> None:
    inf, nan = math.inf, math.nan
    least = float(torch.finfo(dtype).tiny) * float(torch.finfo(dtype).eps)
    exponential = reference.exponential(of([0.0, -0.0, inf, -inf, 1e30, -1e30], dtype))
    assert exponential.tolist() == [1, 1, inf, 0, inf, 0]
    assert reference.sigmoid(of([0.0, -0.0, inf, -inf, 1e30, -1e30], dtype)).tolist() == [0.5, 0.5, 1, 0, 1, 0]
    assert reference.power(of([0.0, 1.0, 4.0, inf, least], dtype), 0.5)[:4].tolist() == [0, 1, 2, inf]
    assert reference.power(of([0.0, 1.0, 4.0, inf], dtype), -0.5).tolist() == [inf, 1, 0.5, 0]
    assert reference.power(of([0.0, 0.5, 1.0, 2.0, inf], dtype), inf).tolist() == [0, 0, 1, inf, inf]
    assert reference.power(of([0.0, 3.0, inf], dtype), 0.0).tolist() == [1, 1, 1]
    assert reference.power(of([2.0, 3.0, 10.0, least], dtype), 1.0).tolist() == [2, 3, 10, least]
    assert reference.power(of([0.5], dtype), float(round(-math.log2(least)))).item() == least  # subnormal, and exact
    for never in (reference.power(of([-1.0, nan], dtype), 2.0), reference.power(of([0.5, 1.0], dtype), nan)):
        assert bool(never.isnan().all())
    for function in (reference.exponential, reference.sigmoid, reference.arctangent, reference.cosine, reference.sine):
        assert bool(function(of(nan, dtype)).isnan())
    for function in (reference.cosine, reference.sine):
        assert bool(function(of([inf, -inf], dtype)).isnan().all())
        far = torch.cat([2.0 ** torch.arange(0, 127, 0.3), torch.rand(10_000) * 1e9]).to(dtype)
        assert bool((function(torch.cat([far, -far])).abs() <= 1).all())
    assert reference.cosine(of([0.0, -0.0], dtype)).tolist() == [1, 1] and reference.sine(of(0.0, dtype)).item() == 0
    quarter, half = of(math.pi / 4, dtype).item(), of(math.pi / 2, dtype).item()
    assert reference.arctangent(of([0.0, 1.0], dtype)).tolist() == [0, quarter]
    sides = [
        (0, 0, 0),
        (0, 3, 0),
        (3, 0, half),
        (5, 5, quarter),
        (inf, 3, half),
        (3, inf, 0),
        (inf, inf, nan),
        (nan, 1, nan),
    ]
    width, height, angle = (of(list(column), dtype) for column in zip(*sides, strict=True))
    assert torch.equal(diagonal_angle(width, height).nan_to_num(-7), angle.nan_to_num(-7))


@DTYPES
def test_nothing_passes_one(dtype: torch.dtype) -> None:
    """A decay never raises a score, however small the overlap; a probability never exceeds 1."""
    small = torch.cat([2.0 ** -torch.arange(0, 140, 0.25), torch.rand(10_000)]).to(dtype)
    assert bool((reference.exponential(-small) <= 1).all()) and bool((reference.exponential(small) >= 1).all())
    assert bool((reference.sigmoid(small * 40) <= 1).all()) and bool((reference.sigmoid(-small * 40) <= 0.5).all())
    assert bool((reference.power(small.clamp(max=1), 0.37) <= 1).all())
    assert bool((diagonal_angle(small, small.flip(0)) <= math.pi / 2 + 1e-7).all())


SLOPES: dict[str, tuple[Callable[[Tensor], Tensor], tuple[float, float]]] = {
    "exponential": (reference.exponential, (-3.0, 3.0)),
    "sigmoid": (reference.sigmoid, (-3.0, 3.0)),
    "power": (lambda a: reference.power(a, 2.3), (0.1, 3.0)),
    "root": (lambda a: reference.power(a, -0.4), (0.1, 3.0)),
    "arctangent": (reference.arctangent, (0.1, 0.9)),
    "cosine": (reference.cosine, (-7.0, 7.0)),
    "sine": (reference.sine, (-7.0, 7.0)),
    "angle": (lambda w: diagonal_angle(w, 2 * w.flip(0)), (0.1, 3.0)),
}


@pytest.mark.filterwarnings("ignore:.torch.jit.script:FutureWarning")  # torch's own, of its forward mode
@pytest.mark.parametrize("name", SLOPES)
def test_slopes(name: str) -> None:
    """Twice, forward and backward, in batches and under torch.func: with the same bits."""
    function, (first, last) = SLOPES[name]
    x = torch.linspace(first, last, 8, dtype=torch.float64, requires_grad=True)
    assert gradcheck(function, x, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(function, x, check_batched_grad=True)
    by_hand = torch.autograd.grad(function(x).sum(), x)[0]
    if name != "angle":
        assert torch.equal(torch.func.vmap(torch.func.grad(lambda one: function(one)))(x.detach()), by_hand)


@pytest.mark.slow  # inductor takes half a minute for a power
@pytest.mark.filterwarnings("ignore:.torch.jit.script:FutureWarning")
@pytest.mark.parametrize("name", SLOPES)
def test_slopes_in_one_graph(name: str) -> None:
    """Values to the bit, slopes but for sums in another order."""
    function, (first, last) = SLOPES[name]
    x = torch.linspace(first, last, 8, dtype=torch.float64, requires_grad=True)
    by_hand = torch.autograd.grad(function(x).sum(), x)[0]
    for dtype in (torch.float32, torch.float64):
        torch._dynamo.reset()
        given = x.detach().to(dtype).requires_grad_()
        found = torch.compile(function, fullgraph=True)(given)
        assert torch.equal(found, function(given))
        slopes = torch.autograd.grad(found.sum(), given)[0]
        torch.testing.assert_close(slopes, by_hand.to(dtype), rtol=1e-5 if dtype == torch.float32 else 1e-12, atol=0)


@DTYPES
def test_slopes_where_a_value_ends(dtype: torch.dtype) -> None:
    x = of([-math.inf, -1e30, 0.0], dtype).requires_grad_()
    assert torch.autograd.grad(reference.exponential(x).sum(), x)[0].tolist() == [0, 0, 1]
    assert torch.autograd.grad(reference.sigmoid(x).sum(), x)[0].tolist() == [0, 0, 0.25]
    width, height = of([3.0, 0.0, 0.0], dtype).requires_grad_(), of([0.0, 4.0, 0.0], dtype).requires_grad_()
    by_width, by_height = torch.autograd.grad(diagonal_angle(width, height).sum(), (width, height))
    assert by_width.tolist() == [0, 0.25, 0] and by_height.tolist()[1:] == [0, 0]
    assert by_height[0].item() == pytest.approx(-1 / 3)
