"""What notebook 06 measures with: certificates, prescribed spectra, errors, counts, searches, and the controls."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from theorylab.random import generator
from theorylab.spectral import iteration, qdwh
from theorylab.spectral.orthogonalize import METHODS, orthogonalize
from theorylab.spectral.polar_express import greedy, reached
from theorylab.spectral.polynomials import CUBIC, JORDAN, QUINTIC, compose, evaluate, turning_points
from theorylab.studies.orthogonalization import (
    accuracy,
    certified,
    composition_search,
    contract,
    many_digits,
    naive,
    operation_count,
    prescribed,
    published,
)
from theorylab.studies.orthogonalization.initial_gradient import gradient_at_initialisation

FIVE = (JORDAN,) * 5


@given(st.floats(0, 1.2), st.floats(0, 1.2))
def test_image_encloses_and_is_attained(first, second):
    low, high = min(first, second), max(first, second)
    box = certified.images(FIVE, certified.between(low, high))[-1]
    x = np.linspace(low, high, 4001)
    values = compose(FIVE, x)
    assert box.a <= values.min() + 1e-9
    assert box.b >= values.max() - 1e-9


def test_image_is_sharp_at_turning_points():
    box = certified.image(JORDAN, certified.between(0.4, 1.1))
    extremes = evaluate(JORDAN, turning_points([JORDAN], 0.0, 1.2))
    assert certified.ends(box) == pytest.approx((extremes.min(), extremes.max()), abs=1e-14)


def test_critical_and_fixed_points_are_enclosed():
    for x in certified.critical_points(JORDAN):
        slope = certified.derivative(JORDAN, x)
        assert slope.a <= 0 <= slope.b
        assert slope.delta < 1e-50
    for x in certified.fixed_points(JORDAN):
        difference = certified.evaluate(JORDAN, x) - x
        assert difference.a <= 0 <= difference.b
    with pytest.raises(ValueError, match="critical points"):
        certified.critical_points(QUINTIC)


def test_exact_values_are_rational_and_decimal():
    value = certified.exact((JORDAN,), Fraction(1, 10))
    assert value == Fraction(34445, 100_000) - Fraction(4775, 10**6) + Fraction(20315, 10**9)
    assert certified.rational(JORDAN).b == Fraction(-4775, 1000)
    with pytest.raises(ValueError, match="holds must be false"):
        certified.bisect(lambda x: True, Fraction(0), Fraction(1))


def test_cycle_is_proved_and_only_where_there_is_one():
    found = certified.cycle(JORDAN, many_digits.orbit_end(JORDAN, 0.5), 4)
    points = [certified.ends(x)[0] for x in found.points]
    for x, y in zip(points, [*points[1:], points[0]]):
        assert evaluate(JORDAN, x) == pytest.approx(y, abs=1e-14)
    assert all(x.delta < 1e-50 for x in found.points)
    assert certified.ends(found.multiplier)[0] == pytest.approx(-0.142804, abs=1e-6)
    with pytest.raises(ArithmeticError, match="no cycle"):
        certified.cycle(JORDAN, 0.5, 4)
    with pytest.raises(ArithmeticError, match="closes before"):
        certified.cycle(JORDAN, certified.ends(certified.fixed_points(JORDAN)[0])[0], 4)


def test_numbers_of_the_lemma():
    delta = Fraction("0.02") / certified.rational(JORDAN).a ** 4
    assert float(certified.exact(FIVE, delta) / delta) == pytest.approx(484.58, abs=5e-3)
    box = certified.images(FIVE, certified.between(Fraction(1, 10**4), Fraction("0.6")))[-1]
    assert certified.ends(box)[0] == pytest.approx(0.0484731, abs=1e-7)


def test_gain_decreases_only_where_it_does():
    assert certified.gain_decreases(FIVE, Fraction(25, 10_000))
    assert not certified.gain_decreases(FIVE, Fraction(2, 100))
    x = np.linspace(1e-6, 0.0025, 2000)
    assert (np.diff(compose(FIVE, x) / x) < 0).all()


def test_entry_point_brackets_a_sign_change():
    target = certified.between(Fraction(6, 10), Fraction(1205, 1000))
    low, high = certified.entry_point(FIVE, target, Fraction(1205, 1000), start=Fraction(1, 10**4), digits=12)
    assert compose(FIVE, float(low) - 1e-9) < 0.6 < compose(FIVE, float(high) + 1e-9)
    assert high - low <= Fraction(1, 10**12)


@pytest.mark.parametrize("shape", [(3, 3), (4, 11)])
def test_prescribed_spectrum(shape):
    sigma = prescribed.log_uniform(shape[0], 1e3)
    matrix = prescribed.with_spectrum(sigma, shape[1], 0, "test")
    assert matrix.shape == shape
    np.testing.assert_allclose(torch.linalg.svdvals(matrix).numpy(), sigma, rtol=1e-12)
    assert torch.equal(matrix, prescribed.with_spectrum(sigma, shape[1], 0, "test"))
    with pytest.raises(ValueError, match="columns"):
        prescribed.with_spectrum(sigma, 2, 0)


def test_errors_see_what_they_name():
    matrix = prescribed.with_spectrum([2.0, 0.5], 3, 0)
    factor = accuracy.exact_factor(matrix)
    perfect = accuracy.errors(factor, factor)
    assert perfect.orthogonality < 1e-15
    assert perfect.forward == 0
    stretched = accuracy.errors(1.1 * factor, factor)
    assert stretched.high == pytest.approx(1.1)
    assert stretched.orthogonality == pytest.approx(0.21)
    assert stretched.forward == pytest.approx(0.1)
    turned = accuracy.errors(-factor, factor)
    assert turned.orthogonality < 1e-15
    assert turned.forward == pytest.approx(2)
    assert accuracy.errors(factor * math.nan, factor).high == math.inf
    torch.testing.assert_close(accuracy.exact_factor(matrix.mT), factor.mT)


def test_spectral_distance_is_the_worst_singular_value():
    sigma = [0.9, 0.3, 0.01]
    matrix = prescribed.with_spectrum(sigma, 5, 0)
    found = accuracy.spectral_distances(matrix, accuracy.exact_factor(matrix), FIVE)
    for step, distance in enumerate(found, start=1):
        assert distance == pytest.approx(np.abs(1 - compose(FIVE[:step], np.array(sigma))).max(), abs=1e-13)


@pytest.mark.parametrize("ratio", [1, 2, 5])
def test_operations_are_those_of_the_formulas(ratio):
    matrix = torch.zeros(8, 8 * ratio)
    assert operation_count.products(lambda: iteration.direct(matrix, FIVE), 8) == 5 * (2 * ratio + 1)
    assert operation_count.products(lambda: iteration.in_gram_space(matrix, FIVE), 8) == 17 + 2 * ratio


def test_published_lists_differ_from_their_neighbours():
    mine = [step.polynomial for step in greedy(0.00215, 4)]
    assert max(published.disagreement(mine, published.CANS)) < 1e-12
    assert max(published.disagreement(mine, published.POLAR_EXPRESS[:4])) > 1e-2
    with pytest.raises(ValueError, match="zip"):
        published.disagreement(mine, published.POLAR_EXPRESS)


def test_orders_basins_and_counts():
    assert many_digits.order(CUBIC, steps=8) == pytest.approx(2, abs=1e-6)
    assert many_digits.order(QUINTIC) == pytest.approx(3, abs=1e-6)
    assert many_digits.limit(CUBIC, 1.7) == 1.0
    assert many_digits.limit(CUBIC, 1.74) == -1.0
    assert many_digits.limit(QUINTIC, 1.54) == math.inf
    assert many_digits.limit(JORDAN, 0.5) is None
    assert many_digits.halley_iterations(1e16) == 6
    assert many_digits.halley_iterations(1e12, weighted=False) == 28
    with mpmath.workdps(30):
        a, b, c = many_digits._weights(mpmath.mpf("1e-3"))
    assert qdwh.weights(1e-3) == pytest.approx((float(a), float(b), float(c)), rel=1e-13)
    assert many_digits.two_step_condition(2, (4.0, 15.0)) == pytest.approx(7.3, rel=0.01)
    for order in (1, 4, 8):
        assert many_digits.nome_exponent(0.01, order) == pytest.approx(2 * order + 1, rel=1e-12)


def test_safety_of_a_printed_list_spares_its_last_row():
    rows = published.with_safety(published.POLAR_EXPRESS, 1.01)
    assert rows[-1] == published.POLAR_EXPRESS[-1]
    assert evaluate(rows[0], 1.01 * 0.3) == pytest.approx(evaluate(published.POLAR_EXPRESS[0], 0.3))


@pytest.mark.parametrize("degree", [3, 5])
def test_search_finds_the_greedy_composition_and_improves_a_worse_one(degree):
    error = 1 - reached(greedy(0.1, 2, degree=degree))[0]
    found = composition_search.search(0.1, (degree, degree), 8, generator(0, "search test", degree))
    assert composition_search.greedy(0.1, (degree, degree)).error == pytest.approx(error, abs=1e-12)
    assert found.error == pytest.approx(error, abs=1e-6)
    assert composition_search.single(0.1, degree**2) < error
    # One grid node in the middle of nowhere cannot see the error elsewhere: the fine grid does.
    assert composition_search.worst([1.01 * part for part in found.coefficients], 0.1) > error + 1e-4


def test_mixed_degrees_are_found_and_differ_by_their_order():
    first, second = (composition_search.greedy(0.1, degrees) for degrees in ((3, 5), (5, 3)))
    assert [len(part) for part in first.coefficients] == [2, 3]
    assert first.error < second.error
    found = composition_search.search(0.1, (3, 5), 8, generator(0, "mixed test"))
    assert found.error == pytest.approx(first.error, abs=1e-6)


def test_the_listing_is_the_iteration_at_scale_one():
    matrix = prescribed.with_spectrum(prescribed.log_uniform(6, 3.0), 9, 0).float()
    listing = naive.printed_listing(matrix, dtype=torch.float32)
    torch.testing.assert_close(listing, iteration.direct(matrix, FIVE), atol=1e-5, rtol=0)
    torch.testing.assert_close(naive.printed_listing(matrix.mT, dtype=torch.float32).mT, listing)


def test_naive_methods_are_right_where_nothing_is_hard():
    matrix = prescribed.with_spectrum(prescribed.log_uniform(8, 3.0), 20, 0)
    factor = accuracy.exact_factor(matrix)
    torch.testing.assert_close(naive.gram_factor(matrix), factor, atol=1e-13, rtol=0)
    for form in (naive.gram_iteration, naive.algorithm_four):
        for restart in (None, 2):
            iterated = form(matrix, FIVE, restart_every=restart)
            torch.testing.assert_close(iterated, iteration.direct(matrix, FIVE), atol=1e-11, rtol=0)
    shifted = naive.gram_iteration(matrix, FIVE, shift=1e-3)
    assert 1e-4 < (shifted - iteration.direct(matrix, FIVE)).abs().max() < 0.1
    halley = naive.halley_by_cholesky(matrix.mT, 3.0).mT
    torch.testing.assert_close(halley, factor, atol=1e-14, rtol=0)
    torch.testing.assert_close(naive.with_epsilon(matrix, 0.0), factor, atol=1e-14, rtol=0)
    rows = naive.rows_by_qr(matrix)
    torch.testing.assert_close(rows @ rows.mT, torch.eye(8, dtype=torch.float64), atol=1e-14, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_contract_is_kept(method):
    for dtype in (torch.float32, torch.float64):
        kept = contract.shares(lambda matrix: orthogonalize(matrix, method), 5, 8, dtype, 0)
        assert max(kept.values()) <= 1, kept


@pytest.mark.parametrize("promise", contract.PROMISES)
def test_every_promise_is_broken_by_a_function(promise):
    name, function = contract.BREAKERS[promise]
    assert name
    for dtype in (torch.float32, torch.float64):
        assert contract.shares(function, 12, 30, dtype, 0, promises=(promise,))[promise] > 1


def test_lost_directions_are_counted():
    def dropped(matrix):
        return orthogonalize(matrix, "svd", tolerance=1e-2)

    # Twelve singular values from 1 to 1e-4: those below 1e-2 are half of them.
    assert contract.lost_directions(dropped, 12, 30, 1e4, 0) == 6
    assert contract.lost_directions(lambda matrix: orthogonalize(matrix, "eigh"), 12, 30, 1e4, 0) == 0


def test_gradient_is_reproducible_and_has_one_null_direction():
    gradient = gradient_at_initialisation(0)
    assert torch.equal(gradient, gradient_at_initialisation(0))
    assert gradient.shape == (64, 256)
    assert not gradient.requires_grad
    sigma = torch.linalg.svdvals(gradient)
    # Layer normalisation does not feel a shift of all its inputs: the columns of the gradient sum to zero.
    assert gradient.sum(0).abs().max() < 1e-12 * sigma[0]
    assert sigma[-1] < 1e-12 * sigma[0] < sigma[-2]
