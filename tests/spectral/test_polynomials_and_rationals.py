"""Coefficients are computed: against published tables, a linear programme, alternation, and 60-digit recursions."""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from theorylab.random import torch_generator
from theorylab.spectral import iteration, qdwh, zolotarev
from theorylab.spectral.minimax import best_cubic, best_quintic, certificate
from theorylab.spectral.orthogonalize import polynomials_of
from theorylab.spectral.polar_express import coefficients, delta_orthogonalizing, greedy, paper_cushion, reached
from theorylab.spectral.polynomials import JORDAN, evaluate
from theorylab.studies.orthogonalization import prescribed

LOWERS = [1e-6, 1e-3, 0.05, 0.3, 0.7, 0.9]


@pytest.mark.parametrize("best", [best_cubic, best_quintic])
@pytest.mark.parametrize("lower", LOWERS)
@pytest.mark.parametrize("upper", [1.0, 1.7])
def test_alternation_and_range(best, lower, upper):
    found = best(lower, upper)
    proof = certificate(found)
    assert proof.spread <= 1e-12
    assert proof.lower_bound <= found.error + 1e-12
    assert proof.upper_bound <= found.error + 1e-12
    assert evaluate(found.polynomial, lower) == pytest.approx(1 - found.error, abs=1e-12)


@pytest.mark.parametrize(("best", "terms"), [(best_cubic, 2), (best_quintic, 3)])
@pytest.mark.parametrize("lower", [1e-3, 0.1, 0.5])
def test_no_polynomial_is_better_by_linear_programming(best, terms, lower):
    nodes = 0.5 * (1 + lower) + 0.5 * (1 - lower) * np.cos(np.linspace(0, np.pi, 2000))
    basis = np.stack([nodes ** (2 * k + 1) for k in range(terms)], axis=1)
    ones = np.ones((len(nodes), 1))
    system = np.block([[basis, -ones], [-basis, -ones]])
    right = np.concatenate([np.ones(len(nodes)), -np.ones(len(nodes))])
    solved = linprog([0] * terms + [1], A_ub=system, b_ub=right, bounds=[(None, None)] * terms + [(0, None)])
    assert solved.fun == pytest.approx(best(lower).error, abs=1e-6)


def test_perturbed_coefficients_are_worse():
    best = best_quintic(0.1)
    for index in range(3):
        for change in (1e-3, -1e-3):
            moved = list(best.polynomial)
            moved[index] += change
            grid = np.linspace(0.1, 1, 10_001)
            assert np.abs(1 - evaluate(moved, grid)).max() > best.error + 1e-5


def test_nearly_degenerate_interval_uses_the_classical_quintic():
    best = best_quintic(1 - 1e-7)
    assert best.polynomial == pytest.approx((15 / 8, -10 / 8, 3 / 8), rel=1e-12)
    assert best.error < 1e-15


@pytest.mark.parametrize(
    ("steps", "published", "tolerance"),
    [
        # arXiv 2505.16932, the table of section 4: first row and the limit.
        (greedy(1e-3, 8, cushion=paper_cushion()), (8.28721201814563, -23.595886519098837, 17.300387312530933), 1e-12),
        # the five-step list used in public language-model training code.
        (
            greedy(1e-3, 5, cushion=0.02, safety=1.02),
            (8.156554524902461, -22.48329292557795, 15.878769915207462),
            1e-12,
        ),
        # arXiv 2506.10935, degree five, four steps.
        (greedy(0.00215, 4), (8.420293602126344, -24.910491192120688, 18.472094206318726), 1e-12),
    ],
)
def test_published_first_rows_are_computed(steps, published, tolerance):
    assert steps[0].polynomial == pytest.approx(published, rel=tolerance)


def test_greedy_carries_intervals_and_ends_at_one():
    steps = greedy(1e-3, 8)
    for step, following in pairwise(steps):
        grid = np.linspace(*step.carried, 20_001)
        image = evaluate(step.polynomial, grid)
        assert image.min() >= following.carried[0] - 1e-12
        assert image.max() <= following.carried[1] + 1e-12
    assert 1 - reached(steps)[0] < 1e-14


@pytest.mark.parametrize(("degree", "order"), [(3, 2), (5, 3)])
def test_error_bound_of_the_composition(degree, order):
    for lower in (0.01, 0.1, 0.5):
        for count in range(1, 9):
            error = 1 - reached(greedy(lower, count, degree=degree))[0]
            assert error <= (1 - lower**2) ** (order**count) + 1e-15


def test_delta_orthogonalization_ends_on_the_band():
    steps, lower = delta_orthogonalizing(4, 0.3)
    assert reached(steps)[0] == pytest.approx(0.7, abs=1e-9)
    assert 0.001 < lower < 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: best_quintic(0.0), "lower"),
        (lambda: best_cubic(2.0, 1.0), "lower <= upper"),
        (lambda: greedy(1.5, 3), "lower"),
        (lambda: greedy(0.1, 0), "steps"),
        (lambda: greedy(0.1, 3, degree=7), "degree"),
        (lambda: greedy(0.1, 3, safety=0.9), "safety"),
        (lambda: delta_orthogonalizing(3, 2.0), "delta"),
        (lambda: qdwh.weights(0.0), "lower"),
        (lambda: zolotarev.rational(0.5, 9), "order"),
    ],
)
def test_clear_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_three_forms_agree_in_float64():
    stream = torch_generator(0, "gram")
    for shape in ((24, 96), (3, 24, 96)):
        matrix = torch.randn(*shape, generator=stream, dtype=torch.float64)
        for polynomials in ((JORDAN,) * 5, coefficients(1e-3, 8)):
            direct = iteration.direct(matrix, polynomials)
            for count in (len(polynomials), len(polynomials) - 1):
                paired = iteration.in_pairs(matrix, polynomials[:count])
                expected = iteration.direct(matrix, polynomials[:count])
                torch.testing.assert_close(paired, expected, atol=1e-11, rtol=0)
            for restart in (False, True):
                gram = iteration.in_gram_space(matrix, polynomials, restart=restart)
                torch.testing.assert_close(gram, direct, atol=1e-9, rtol=0)


def test_forms_do_not_change_their_argument_and_know_no_scale():
    matrix = torch.randn(24, 96, generator=torch_generator(0, "forms"), dtype=torch.float64)
    before = matrix.clone()
    for form in (iteration.direct, iteration.in_pairs, iteration.in_gram_space):
        found = form(matrix, (JORDAN,) * 5)
        torch.testing.assert_close(form(1e-200 * matrix, (JORDAN,) * 5), found, atol=1e-9, rtol=0)
        assert torch.equal(matrix, before)


@pytest.mark.parametrize("polynomials", [(JORDAN,) * 5, polynomials_of("polar_express", None, torch.bfloat16)])
def test_pairs_of_steps_in_bfloat16_are_as_exact_as_single_ones(polynomials):
    """Against the composition in float64. In pairs from the first step on, the third spectrum comes out above 1.3; with
    three steps on one Gram matrix the second diverges."""
    log_uniform = prescribed.log_uniform(64, 100.0)
    half_rank = [*[0.0] * 128, *np.linspace(0.5, 1, 128)]
    for number, sigma in enumerate((log_uniform, [1.0, *[0.03] * 63], half_rank)):
        matrix = prescribed.with_spectrum(sigma, 4 * len(sigma), number).bfloat16()
        exact = iteration.direct(matrix.double(), polynomials)
        single, paired = (form(matrix, polynomials).double() for form in (iteration.direct, iteration.in_pairs))
        assert (paired - exact).norm() <= 3 * (single - exact).norm()
        assert torch.linalg.matrix_norm(paired, 2) <= 1.25


@pytest.mark.parametrize("shape", [(512, 512), (520, 3000), (256, 1024)])
def test_blocked_symmetric_product(shape):
    matrix = torch.randn(*shape, generator=torch_generator(0, "block"), dtype=torch.float64)
    torch.testing.assert_close(iteration.symmetric_product(matrix, matrix.mT), matrix @ matrix.mT)


def test_qdwh_counts_and_scalar_recursion():
    """Iterations until 1 - l < 1e-15 (Nakatsukasa, Bai, Gygi 2010): at most six up to condition 1e16."""
    counts = {10.0: 4, 1e2: 4, 1e3: 4, 1e6: 5, 1e8: 5, 1e12: 5, 1e16: 6}
    for condition, count in counts.items():
        assert len(qdwh.schedule(1 / condition, 1e-15)) == count
    with mpmath.workdps(60):
        lower = mpmath.mpf("1e-6")
        for a, b, c in qdwh.schedule(1e-6, 1e-15):
            lower = lower * (a + b * lower**2) / (1 + c * lower**2)
        assert abs(1 - lower) < 1e-14
    assert qdwh.weights(1.0) == pytest.approx((3, 1, 3))


@pytest.mark.parametrize("order", [1, 3, 8])
def test_zolotarev_equioscillates(order):
    lower = 1e-4
    function = zolotarev.rational(lower, order)
    x = np.geomspace(lower, 1, 200_001)
    value = function.scale * (x + sum(w * x / (x**2 + c) for c, w in zip(function.poles, function.weights)))
    assert value.max() <= 1 + 1e-9
    assert value.min() >= function.lower - 1e-9
    extrema = np.sum(np.diff(np.sign(np.diff(value))) != 0) + 2
    assert extrema == 2 * order + 2


def test_first_order_zolotarev_is_qdwh():
    a, b, c = qdwh.weights(1e-3)
    x = np.linspace(1e-3, 1, 50)
    function = zolotarev.rational(1e-3, 1)
    value = function.scale * (x + function.weights[0] * x / (x**2 + function.poles[0]))
    halley = x * (a + b * x**2) / (1 + c * x**2)
    np.testing.assert_allclose(value / value[-1], halley / halley[-1], rtol=1e-9)


def test_cholesky_and_qr_forms_agree():
    matrix = torch.randn(20, 8, generator=torch_generator(0, "forms"), dtype=torch.float64) / 10
    a, b, c = weight = qdwh.Weights(5.0, 4.0, 99.0)
    by_cholesky = qdwh.step(matrix, weight)
    root = c**0.5
    by_qr = (b / c) * matrix + ((a - b / c) / root) * qdwh.resolvent_product(root * matrix)
    torch.testing.assert_close(by_cholesky, by_qr, atol=1e-12, rtol=0)
