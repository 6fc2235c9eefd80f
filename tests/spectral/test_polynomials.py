"""Newton-Schulz polynomials as maps of singular values, and best odd fits."""

import numpy as np
import pytest

from theorylab.spectral import odd_fit, polynomials
from theorylab.studies.isotropic_curvature import spectra


def test_scalar_map_is_what_the_matrix_iteration_does():
    X = np.random.Generator(np.random.Philox(1)).standard_normal((4, 6))
    U, sigma, Vh = np.linalg.svd(X, full_matrices=False)
    Y = X / np.linalg.norm(X)
    for a, b, c in (polynomials.JORDAN,) * 5:
        A = Y @ Y.T
        Y = a * Y + (b * A + c * A @ A) @ Y
    np.testing.assert_allclose(Y, U @ np.diag(polynomials.spectrum_map(sigma)) @ Vh, atol=1e-12)


def test_classical_coefficients_fix_one_to_their_order():
    for polynomial, order in ((polynomials.CUBIC, 2), (polynomials.QUINTIC, 3)):
        h = 1e-2
        error = abs(polynomials.evaluate(polynomial, 1 - h) - 1)
        assert error < 6 * h**order
        assert polynomials.evaluate(polynomial, 1.0) == 1.0


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_turning_points_by_roots_agree_with_a_grid(steps):
    family = (polynomials.JORDAN,) * steps
    grid = polynomials.compose(family, np.linspace(0, 1, 400_001))
    turns = np.sum(np.diff(np.sign(np.diff(grid))) != 0)
    points = polynomials.turning_points(family)
    assert len(points) == turns
    np.testing.assert_allclose(polynomials.derivative(family, points), 0, atol=1e-4)


def test_monotone_families_have_no_turning_points():
    assert len(polynomials.turning_points((polynomials.QUINTIC,) * 5)) == 0
    assert len(polynomials.turning_points((polynomials.CUBIC,) * 3)) == 0


def test_map_shape_finds_the_worst_pairs():
    found = polynomials.map_shape((polynomials.JORDAN,) * 5, intervals=20_000)
    low, high = found.reversed_pair
    y = polynomials.compose((polynomials.JORDAN,) * 5, np.array([low, high, *found.enlarged_pair]))
    assert low < high
    assert y[0] - y[1] > 0.4
    assert y[3] / y[2] > 1.3 * found.enlarged_pair[1] / found.enlarged_pair[0]
    assert found.maximum == pytest.approx(y[0])
    tame = polynomials.map_shape((polynomials.QUINTIC,) * 5, intervals=20_000)
    assert tame.maximum == pytest.approx(1.0)
    assert (tame.decreasing_share, tame.reversed_pair, tame.enlarged_pair) == (0.0, None, None)


def test_derivative_by_differences():
    family, x, h = (polynomials.JORDAN,) * 3, np.linspace(0.05, 1, 7), 1e-7
    slope = (polynomials.compose(family, x + h) - polynomials.compose(family, x - h)) / (2 * h)
    np.testing.assert_allclose(polynomials.derivative(family, x), slope, rtol=1e-5, atol=1e-5)


def test_minimax_fit_alternates_and_contains_the_target():
    x = np.linspace(0.1, 1, 201)
    coefficients, error = odd_fit.minimax(x, x - 0.3 * x**3, 3)
    np.testing.assert_allclose(coefficients, [1, -0.3], atol=1e-8)
    assert error < 1e-8
    coefficients, error = odd_fit.minimax(x, np.ones_like(x), 5)
    residual = odd_fit.evaluate(coefficients, x) - 1
    # Three coefficients: four extremal points of alternating sign certify the optimum.
    extremal = residual[np.abs(residual) > error * (1 - 1e-3)]
    assert np.sum(np.diff(np.sign(extremal)) != 0) >= 3
    assert odd_fit.two_steps(x, np.ones_like(x), 3) <= odd_fit.minimax(x, np.ones_like(x), 3)[1]
    with pytest.raises(ValueError, match="odd"):
        odd_fit.minimax(x, x, 4)


def test_comparison_of_spectra():
    sigma = np.array([3.0, 2.0, 1.0])
    assert spectra.condition([4.0, 2.0, 0.0]) == 2
    assert spectra.order_violations(sigma, [1.0, 1.5, 1.2]) == 1
    assert spectra.order_violations(sigma[::-1], [1.2, 1.5, 1.0][::-1]) == 1
    assert spectra.ratio_excess(sigma, sigma**2) == pytest.approx(1.0)
    assert spectra.ratio_excess(sigma, np.sqrt(sigma)) == pytest.approx(1 / np.sqrt(1.5) - 1)
    assert spectra.ratio_deficit(sigma, sigma**2) < 0 < spectra.ratio_deficit(sigma, np.sqrt(sigma))
    assert spectra.condition(spectra.log_uniform(7, 50.0)) == pytest.approx(50)
    stretched = spectra.random_spectrum(np.random.Generator(np.random.Philox(2)), 6, 20.0)
    assert spectra.condition(stretched) == pytest.approx(20)
    assert np.all(np.diff(stretched) < 0)
