"""The front door: accuracy against float64 SVD, contract (OR-20), and what it refuses."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from theorylab.random import torch_generator
from theorylab.spectral import nuclear_rank, orthogonalize, polar, precision, stable_rank
from theorylab.spectral.orthogonalize import EXACT, METHODS, POLYNOMIAL

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
EPS32 = torch.finfo(torch.float32).eps


def with_spectrum(sigma, columns, *purpose, dtype=torch.float64):
    """A matrix (m, columns), m = len(sigma) <= columns, with singular values sigma and random singular vectors."""
    stream = torch_generator(0, "matrix", *purpose)
    sigma = torch.as_tensor(sigma, dtype=torch.float64)
    left, _ = torch.linalg.qr(torch.randn(len(sigma), len(sigma), generator=stream, dtype=torch.float64))
    right, _ = torch.linalg.qr(torch.randn(columns, len(sigma), generator=stream, dtype=torch.float64))
    return ((left * sigma) @ right.mT).to(dtype)


def log_spectrum(rows, condition):
    return torch.logspace(0, -math.log10(condition), rows, dtype=torch.float64)


def reference(matrix):
    left, _, right = torch.linalg.svd(matrix.double().mT, full_matrices=False)
    return (left @ right).mT


def error(found, matrix):
    """Relative error of the factor, Frobenius norm over sqrt(m)."""
    return float(torch.linalg.matrix_norm(found.double() - reference(matrix))) / math.sqrt(min(matrix.shape))


SHAPES = [(48, 48), (48, 96), (32, 256)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("condition", [1.0, 10.0, 1e3, 9e4, 1e6])
def test_exact_accuracy_in_float32(shape, condition):
    matrix = with_spectrum(log_spectrum(shape[0], condition), shape[1], condition, dtype=torch.float32)
    assert error(orthogonalize(matrix, "exact"), matrix) <= (5e-6 if condition <= 1e5 else 2e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("condition", [1.0, 1e3, 1e6, 1e10])
@pytest.mark.parametrize("method", ["exact", "svd", "qdwh", "zolo_pd"])
def test_exact_accuracy_in_float64(shape, condition, method):
    matrix = with_spectrum(log_spectrum(shape[0], condition), shape[1], condition)
    assert error(orthogonalize(matrix, method), matrix) <= max(1e-12, 1e-15 * condition)


@pytest.mark.parametrize("shape", SHAPES)
def test_polar_express_accuracy_in_float32(shape):
    matrix = with_spectrum(log_spectrum(shape[0], 1e3), shape[1], dtype=torch.float32)
    assert error(orthogonalize(matrix, "polar_express", 8, lower=1e-3), matrix) <= 1e-3


@pytest.mark.parametrize("shape", [(48, 48), (48, 64), (48, 96), (32, 512)])
@pytest.mark.parametrize("condition", [1.0, 10.0, 1e3, 1e6])
@pytest.mark.parametrize(("method", "steps"), [("jordan", 5), ("polar_express", 5), ("polar_express", 8)])
def test_bfloat16_never_leaves_the_band(shape, condition, method, steps):
    matrix = with_spectrum(log_spectrum(shape[0], condition), shape[1], condition, dtype=torch.bfloat16)
    for form in (matrix, matrix.mT, matrix.float()):
        found = orthogonalize(form, method, steps, torch.bfloat16)
        assert not found.isnan().any()
        assert torch.linalg.matrix_norm(found.double(), ord=2) <= 1.3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(8, 8), (20, 20), (32, 32), (8, 20), (20, 80)])
@pytest.mark.parametrize(("method", "high"), [("cans", 1.3), ("polar_express", 1.15)])
def test_minimax_lists_keep_their_band_below_float32(method, high, shape, dtype):
    """Without cushion and safety about a quarter of the square draws of condition 10 leave it, up to 24.7.

    Beyond the band: the rounding of the result, whose spectral norm is below 2^-8 sqrt(m)/2 in bfloat16.
    """
    allowed = high + 2**-8 * math.sqrt(shape[0]) / 2
    for seed in range(12):
        for condition in (3.0, 10.0, 1e3):
            matrix = with_spectrum(log_spectrum(shape[0], condition), shape[1], seed, condition).to(dtype)
            for form in (matrix, matrix.mT):
                top = torch.linalg.matrix_norm(orthogonalize(form, method, dtype=dtype).double(), ord=2)
                assert top <= allowed, (seed, condition)


@pytest.mark.parametrize("method", ["svd", "qdwh", "zolo_pd"])
@pytest.mark.parametrize("shape", [(256, 256), (64, 2048)])
def test_full_rank_in_float32_keeps_every_direction(method, shape):
    """Singular values down to 1e-6 of the largest, below max(m, n) eps of a decomposition in float32."""
    matrix = with_spectrum(log_spectrum(shape[0], 1e6), shape[1], "full rank", dtype=torch.float32)
    assert max(shape) * EPS32 > 1e-6
    for form in (matrix, matrix.mT):
        sigma = torch.linalg.svdvals(orthogonalize(form, method).double())
        torch.testing.assert_close(sigma, torch.ones_like(sigma), atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", ["svd", "qdwh", "zolo_pd"])
def test_square_gaussian_in_float32_keeps_every_direction(method):
    """Seed 4 has a singular value of an eighth of max(m, n) eps; of 1024 x 1024 about one draw in five has one."""
    for seed in range(8):
        matrix = torch.randn(512, 512, generator=torch_generator(seed, "square"))
        assert torch.linalg.svdvals(orthogonalize(matrix, method)).min() > 0.99, seed


def test_exact_agrees_with_scipy():
    matrix = with_spectrum(log_spectrum(20, 100), 30)
    expected, _ = scipy.linalg.polar(matrix.numpy(), side="left")
    for method in EXACT:
        np.testing.assert_allclose(orthogonalize(matrix, method).numpy(), expected, atol=1e-11)


def matrices():
    """Shapes up to 40 x 40, batches, three dtypes, entries of any scale, some matrices of low rank."""

    def build(rows, columns, batch, dtype, scale, rank, seed):
        stream = torch_generator(seed, "hypothesis")
        left = torch.randn(*batch, rows, rank, generator=stream, dtype=torch.float64)
        right = torch.randn(*batch, rank, columns, generator=stream, dtype=torch.float64)
        return (10.0**scale * left @ right).to(dtype)

    return st.builds(
        build,
        st.integers(1, 40),
        st.integers(1, 40),
        st.sampled_from([(), (1,), (3,), (2, 2)]),
        st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
        st.integers(-30, 30),
        st.sampled_from([1, 5, 60]),
        st.integers(0, 10**6),
    )


def well_conditioned():
    """Matrices whose polar factor is well determined (condition at most 10), so that two ways of computing it agree."""

    def build(rows, columns, batch, dtype, scale, condition, transposed, seed):
        rows, columns = min(rows, columns), max(rows, columns)
        count = math.prod(batch)
        items = [10.0**scale * with_spectrum(log_spectrum(rows, condition), columns, seed, k) for k in range(count)]
        matrix = torch.stack(items).reshape(*batch, rows, columns).to(dtype)
        return matrix.mT if transposed else matrix

    return st.builds(
        build,
        st.integers(1, 40),
        st.integers(1, 40),
        st.sampled_from([(), (1,), (3,), (2, 2)]),
        st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
        st.integers(-30, 30),
        st.sampled_from([1.0, 3.0, 10.0]),
        st.booleans(),
        st.integers(0, 10**6),
    )


# Rounding errors of the dtype times the largest slope of a composition (up to a few hundred) and the condition number.
TOLERANCE = {torch.float64: 1e-11, torch.float32: 2e-3, torch.bfloat16: 0.15}
methods = st.sampled_from(METHODS)
fast = settings(max_examples=60, deadline=None)


def close(first, second):
    """Agreement in Frobenius norm relative to the square root of the rank."""
    difference = (first.double() - second.double()).square().sum((-2, -1)).sqrt()
    return bool((difference <= TOLERANCE[first.dtype] * math.sqrt(min(first.shape[-2:]))).all())


@fast
@given(matrices(), methods)
def test_shape_dtype_and_input_are_kept(matrix, method):
    before = matrix.clone()
    found = orthogonalize(matrix, method)
    assert found.shape == matrix.shape
    assert found.dtype == matrix.dtype
    assert torch.isfinite(found).all()
    assert torch.equal(matrix, before)


@fast
@given(well_conditioned(), methods)
def test_transpose_symmetry(matrix, method):
    assert close(orthogonalize(matrix.mT, method), orthogonalize(matrix, method).mT)


@fast
@given(well_conditioned(), methods)
def test_batch_equals_loop(matrix, method):
    flat = matrix.reshape(-1, *matrix.shape[-2:])
    looped = torch.stack([orthogonalize(item, method) for item in flat]).reshape(matrix.shape)
    assert close(orthogonalize(matrix, method), looped)


@fast
@given(well_conditioned(), methods)
def test_noncontiguous_views_give_the_same(matrix, method):
    padded = torch.empty(*matrix.shape[:-1], 2 * matrix.shape[-1], dtype=matrix.dtype)
    padded[..., ::2] = matrix
    view = padded[..., ::2]
    assert close(orthogonalize(view, method), orthogonalize(matrix, method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(16, 16), (16, 40), (40, 16)])
def test_scale_invariance(method, shape):
    matrix = torch.randn(*shape, generator=torch_generator(0, "scale"))
    expected = orthogonalize(matrix, method)
    for scale in (1e-30, 1e-12, 1.0, 1e12, 1e30):
        found = orthogonalize(scale * matrix, method)
        assert float((found - expected).abs().max()) <= 2e-4, scale


@pytest.mark.parametrize("method", METHODS)
def test_invariance_under_orthogonal_factors(method):
    matrix = with_spectrum(log_spectrum(12, 50), 20)
    left, right = (
        reference(torch.randn(12, 12, generator=torch_generator(1, "l"), dtype=torch.float64)),
        reference(torch.randn(20, 20, generator=torch_generator(1, "r"), dtype=torch.float64)),
    )
    found = orthogonalize(left @ matrix @ right, method)
    torch.testing.assert_close(found, left @ orthogonalize(matrix, method) @ right, atol=1e-9, rtol=0)


@pytest.mark.parametrize("method", EXACT)
def test_exact_methods_are_idempotent(method):
    once = orthogonalize(with_spectrum(log_spectrum(12, 10), 30), method)
    torch.testing.assert_close(orthogonalize(once, method), once, atol=1e-12, rtol=0)


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(20, 20), (20, 50), (12, 300)])
def test_null_directions_stay_null(method, dtype, shape):
    stream = torch_generator(2, "rank")
    factors = [torch.randn(*sides, generator=stream, dtype=dtype) for sides in ((shape[0], 4), (4, shape[1]))]
    sigma = torch.linalg.svdvals(orthogonalize(factors[0] @ factors[1], method).double())
    torch.testing.assert_close(sigma[:4], torch.ones(4, dtype=torch.float64), atol=1e-5, rtol=0)
    assert sigma[4:].max() <= 1e-5


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("size", [40, 256])
def test_rank_one_sign_matrix_stays_rank_one(method, size):
    """The decomposition in float32 gives null singular values of up to 50 eps here: they must not become ones."""
    stream = torch_generator(3, "signs", size)
    column, row = (torch.randn(size, generator=stream).sign() for _ in range(2))
    found = orthogonalize(torch.outer(column, row), method)
    torch.testing.assert_close(found, torch.outer(column, row) / size, atol=1e-5, rtol=0)


def test_rank_tolerance_is_adjustable():
    matrix = with_spectrum([1.0, 0.5, 1e-3], 5)
    for tolerance, rank in ((1e-4, 3), (1e-2, 2), (0.6, 1)):
        found = orthogonalize(matrix, "exact", tolerance=tolerance)
        assert round(float(found.square().sum())) == rank


@pytest.mark.parametrize("method", METHODS)
def test_zero_and_empty(method):
    assert torch.equal(orthogonalize(torch.zeros(3, 5), method), torch.zeros(3, 5))
    batch = torch.stack([torch.zeros(4, 6), torch.randn(4, 6, generator=torch_generator(0, "z"))])
    found = orthogonalize(batch, method)
    assert torch.equal(found[0], torch.zeros(4, 6))
    assert found[1].abs().sum() > 0
    for shape in ((0, 4), (4, 0), (2, 0, 4), (0, 3, 4)):
        assert orthogonalize(torch.empty(shape), method).shape == shape


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nonfinite_input_is_named_or_stays_nan(method, bad):
    batch = torch.randn(3, 4, 6, generator=torch_generator(0, "bad"))
    batch[1, 2, 3] = bad
    with pytest.raises(ValueError, match="G contains NaN or infinity"):
        orthogonalize(batch, method)
    found = orthogonalize(batch, method, check=False)
    assert found[1].isnan().all()
    assert torch.isfinite(found[[0, 2]]).all()


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: orthogonalize(torch.ones(3)), ValueError, "two dimensions"),
        (lambda: orthogonalize(torch.ones(3, 3, dtype=torch.int64)), TypeError, "floating point"),
        (lambda: orthogonalize(torch.ones(3, 3), "newton"), ValueError, "method must be one of"),
        (lambda: orthogonalize(torch.ones(3, 3), "jordan", 0), ValueError, "at least one step"),
        (lambda: orthogonalize(torch.ones(3, 3), "svd", 4), ValueError, "no steps"),
        (lambda: orthogonalize(torch.ones(3, 3, dtype=torch.complex64), "jordan"), TypeError, 'use "svd"'),
        (lambda: orthogonalize(torch.ones(3, 3), lower=0.0), ValueError, "lower"),
        (lambda: orthogonalize(torch.ones(3, 3), dtype="fast"), ValueError, 'None, "auto" or a floating-point'),
        (lambda: orthogonalize(torch.ones(3, 3), dtype=torch.int32), ValueError, 'None, "auto" or a floating-point'),
        (lambda: polar(torch.ones(3)), ValueError, "two dimensions"),
        (lambda: polar(torch.ones(3, 3, dtype=torch.int32)), TypeError, "floating point"),
        (lambda: stable_rank(torch.ones(3)), ValueError, "two dimensions"),
    ],
)
def test_clear_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("method", ["svd", "eigh", "exact"])
def test_complex_input(method):
    stream = torch_generator(0, "complex")
    matrix = torch.randn(6, 9, generator=stream, dtype=torch.complex128)
    found = orthogonalize(matrix, method)
    torch.testing.assert_close(found @ found.mH, torch.eye(6, dtype=torch.complex128), atol=1e-10, rtol=0)
    product = found.mH @ matrix
    torch.testing.assert_close(product, product.mH, atol=1e-10, rtol=0)


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (6, 6), (2, 3, 7)])
def test_polar_decomposition(shape):
    matrix = torch.randn(*shape, generator=torch_generator(0, "polar"), dtype=torch.float64)
    U, H = polar(matrix)
    torch.testing.assert_close(U @ H, matrix, atol=1e-12, rtol=0)
    torch.testing.assert_close(H, H.mT)
    assert torch.linalg.eigvalsh(H).min() >= -1e-12
    torch.testing.assert_close(U, orthogonalize(matrix, "exact"), atol=1e-11, rtol=0)


def test_ranks():
    assert stable_rank(torch.eye(7)) == pytest.approx(7)
    assert nuclear_rank(torch.eye(7)) == pytest.approx(7)
    diagonal = torch.diag(torch.tensor([10.0] + [1.0] * 100, dtype=torch.float64))
    assert float(stable_rank(diagonal)) == pytest.approx(2)
    assert float(nuclear_rank(diagonal)) == pytest.approx(60.5)
    assert float(stable_rank(1e-200 * diagonal)) == pytest.approx(2)
    assert float(nuclear_rank(torch.zeros(2, 3))) == 0
    assert stable_rank(torch.ones(4, 2, 3)).shape == (4,)


@pytest.mark.parametrize("method", POLYNOMIAL)
def test_compiles_without_graph_breaks(method):
    """Traced by Dynamo as one graph; the eager backend spares the compiler."""
    torch._dynamo.reset()
    compiled = torch.compile(lambda G: orthogonalize(G, method, check=False), fullgraph=True, backend="eager")
    for shape in ((16, 16), (16, 64), (3, 64, 16)):
        matrix = torch.randn(*shape, generator=torch_generator(0, "compile"))
        torch.testing.assert_close(compiled(matrix), orthogonalize(matrix, method))


def test_no_gradient_flows_and_leaves_are_accepted():
    leaf = torch.randn(4, 6, generator=torch_generator(0, "leaf"), requires_grad=True)
    for method in METHODS:
        assert not orthogonalize(leaf, method).requires_grad
    with torch.no_grad():
        orthogonalize(leaf)


@pytest.mark.parametrize("shape", [(16, 16), (16, 40), (40, 16), (2, 16, 300), (8, 600), (3, 5, 600, 512)])
@pytest.mark.parametrize("method", POLYNOMIAL)
def test_polynomial_methods_never_wait_for_the_device(method, shape):
    """On the meta device whatever reads a value raises: item, float, bool, nonzero, a copy to the host."""
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        matrix = torch.empty(*shape, dtype=dtype, device="meta")
        for working in (None, torch.float32, torch.bfloat16, "auto"):
            found = orthogonalize(matrix, method, dtype=working, check=False)
            assert (found.shape, found.dtype, found.device) == (matrix.shape, dtype, matrix.device)


def test_the_meta_device_catches_a_wait():
    with pytest.raises((RuntimeError, NotImplementedError)):
        orthogonalize(torch.empty(4, 4, device="meta"), "jordan")  # the test for NaN reads a value


@pytest.mark.parametrize("choice", [torch.float32, torch.bfloat16])
def test_auto_takes_the_faster_type_in_polynomial_methods_only(monkeypatch, choice):
    matrix = torch.randn(20, 30, generator=torch_generator(0, "auto"))
    seconds = {torch.float32: 2.0, torch.bfloat16: 2.0, choice: 1.0}
    monkeypatch.setattr(precision, "_seconds", seconds.__getitem__)
    precision.fastest.cache_clear()
    try:
        for method in METHODS:
            expected = orthogonalize(matrix, method, dtype=choice if method in POLYNOMIAL else None)
            found = orthogonalize(matrix, method, dtype="auto")
            assert found.dtype == torch.float32
            assert torch.equal(found, expected), method
    finally:
        precision.fastest.cache_clear()


def test_the_faster_type_is_measured_once(monkeypatch):
    measured, real = [], precision._seconds
    monkeypatch.setattr(precision, "_seconds", lambda dtype: measured.append(dtype) or real(dtype))
    precision.fastest.cache_clear()
    choices = {precision.fastest("cpu") for _ in range(3)}
    assert len(choices) == 1
    assert measured == [torch.float32, torch.bfloat16]
    assert precision.fastest("meta") == torch.float32


@pytest.mark.skipif("cuda" not in DEVICES, reason="no CUDA device")
@pytest.mark.parametrize("method", POLYNOMIAL)
def test_no_host_synchronisation_on_cuda(method):
    matrix = torch.randn(64, 256, device="cuda")
    orthogonalize(matrix, method, check=False)
    torch.cuda.set_sync_debug_mode("error")
    try:
        orthogonalize(matrix, method, check=False)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("method", METHODS)
def test_devices_agree(device, method):
    matrix = with_spectrum(log_spectrum(24, 100), 60, dtype=torch.float32)
    found = orthogonalize(matrix.to(device), method)
    assert found.device.type == device
    torch.testing.assert_close(found.cpu(), orthogonalize(matrix, method), atol=2e-3, rtol=0)
