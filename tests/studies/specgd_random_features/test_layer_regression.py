"""Random feature regression and the two descents on it: oracles, lemmas and errors."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from theorylab.spectral import nuclear_rank, stable_rank
from theorylab.studies.specgd_random_features import layer_descent, sharp_band
from theorylab.studies.specgd_random_features.layer_descent import (
    GD,
    ExactLineSearch,
    SpecGD,
    along_gd,
    along_specgd,
    descend,
    facts,
    gd_gap,
    gd_gradient,
    gd_iterate,
    gd_steps_to,
    gradient_step,
    polar_factor,
    restarted,
    spectral_step,
    steps_to,
)
from theorylab.studies.specgd_random_features.layer_regression import LayerRegression
from theorylab.studies.specgd_random_features.norm_models import (
    dual_of_spectral_norm,
    euclidean_model_minimum,
    spectral_model_minimum,
)
from theorylab.studies.specgd_random_features.random_features import (
    features,
    gathered,
    product_features,
    regression,
    small_problems,
    targets,
    white,
)


@pytest.fixture(scope="module")
def problem():
    return regression([0, 1], 20)


def some_weights(problem, seed=0):
    return torch.randn(problem.cross.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_gradient_is_that_of_automatic_differentiation(problem):
    W = some_weights(problem).requires_grad_()
    (expected,) = torch.autograd.grad(problem.loss(W).sum(), W)
    torch.testing.assert_close(problem.gradient(W), expected)


def test_gap_and_decrease_are_differences_of_the_loss(problem):
    W, U = some_weights(problem), some_weights(problem, 1)
    torch.testing.assert_close(problem.gap(W), problem.loss(W) - problem.loss(problem.solution))
    torch.testing.assert_close(problem.decrease(problem.gradient(W), U), problem.loss(W) - problem.loss(W + U))
    assert problem.gradient(problem.solution).abs().max() < 1e-12


def test_constants_are_norms_of_the_features(problem):
    A = problem.features
    torch.testing.assert_close(problem.lipschitz, torch.linalg.matrix_norm(A, ord=2) ** 2 / A.shape[-1])
    torch.testing.assert_close(problem.spectral_lipschitz, torch.linalg.matrix_norm(A) ** 2 / A.shape[-1])
    torch.testing.assert_close(problem.spectral_lipschitz / problem.lipschitz, stable_rank(A))


def test_realisable_targets_are_solved_by_the_hidden_weights(problem):
    assert problem.loss(problem.solution).max() < 1e-20
    noisy = regression([0], 20, "noisy")
    assert 1e-3 < noisy.loss(noisy.solution).item() < 0.1 * 20


@given(seed=st.integers(0, 10**6), m=st.integers(1, 5), decades=st.floats(0, 3))
@settings(max_examples=40, deadline=None)
def test_guarantees_ratio_and_band(seed, m, decades):
    small = small_problems(seed, 5, m=m, decades=decades)
    found, euclidean, spectral = facts(small, small.zero(), 1e-13)
    start = small.loss(small.zero())
    for step, decrease, guarantee in (
        (euclidean, found.decrease_gd, found.guarantee_gd),
        (spectral, found.decrease_spec, found.guarantee_spec),
    ):
        torch.testing.assert_close(start - small.loss(step), decrease, rtol=1e-8, atol=0)
        assert (decrease >= guarantee * (1 - 1e-9)).all()
        assert (decrease <= 2 * guarantee * (1 + 1e-9)).all()
    ratio = nuclear_rank(small.gradient(small.zero())) / stable_rank(small.features)
    torch.testing.assert_close(found.guarantee_spec / found.guarantee_gd, ratio, rtol=1e-11, atol=0)
    assert (found.line_gd >= found.decrease_gd * (1 - 1e-12)).all()
    assert (found.line_spec >= found.decrease_spec * (1 - 1e-12)).all()


def test_line_search_is_the_best_multiple(problem):
    W = some_weights(problem)
    found, _, spectral = facts(problem, W)
    multiples = torch.linspace(0.5, 3, 2001, dtype=torch.float64)
    best = torch.stack([problem.loss(W) - problem.loss(W + s * spectral) for s in multiples]).amax(0)
    torch.testing.assert_close(best, found.line_spec, rtol=1e-5, atol=0)


def test_exact_line_search_takes_the_decrease_it_promises(problem):
    W = some_weights(problem)
    found, _, _ = facts(problem, W)
    for method, decrease in ((GD(), found.line_gd), (SpecGD(), found.line_spec)):
        reached = ExactLineSearch(method).step(problem, W)
        torch.testing.assert_close(problem.loss(W) - problem.loss(reached), decrease)


def test_closed_form_follows_the_loop(problem):
    W, gaps = descend(GD(), problem, problem.zero(), 50)
    torch.testing.assert_close(gd_iterate(problem, 50), W, rtol=0, atol=1e-12)
    torch.testing.assert_close(gd_gap(problem, range(51)), gaps, rtol=1e-10, atol=0)
    torch.testing.assert_close(gd_gradient(problem, 50), problem.gradient(W), rtol=0, atol=1e-12)
    along = along_gd(problem, [0, 7, 50])
    torch.testing.assert_close(along.gap, gaps[[0, 7, 50]], rtol=1e-10, atol=0)


def test_the_gradient_keeps_its_rank_after_convergence_to_rounding():
    easy = regression([0], 20, activation="tanh", n=200)
    assert easy.gradient(gd_iterate(easy, 20_000)).abs().max() < 1e-14
    assert nuclear_rank(easy.gradient(gd_iterate(easy, 20_000))).item() > 2
    assert nuclear_rank(gd_gradient(easy, 20_000)).item() < 1.01


def test_counts_of_steps_agree_with_the_curves(problem):
    gaps = gd_gap(problem, range(400))
    expected = (gaps <= 0.05 * gaps[0]).to(torch.int64).argmax(0)
    assert torch.equal(gd_steps_to(problem, 0.05).to(torch.int64), expected)
    assert torch.equal(steps_to(GD(), problem, 0.05).to(torch.int64), expected)
    spectral = descend(SpecGD(), problem, problem.zero(), 40)[1]
    expected = (spectral <= 0.05 * spectral[0]).to(torch.int64).argmax(0)
    assert torch.equal(steps_to(SpecGD(), problem, 0.05).to(torch.int64), expected)


def test_specgd_takes_the_step_that_the_facts_report(problem):
    path = along_specgd(problem, 6)
    _, gaps = descend(SpecGD(), problem, problem.zero(), 6)
    torch.testing.assert_close(path.gap, gaps, rtol=1e-9, atol=0)
    # On the GD path the rank is that of the library's own singular values.
    G = problem.gradient(gd_iterate(problem, 3))
    torch.testing.assert_close(along_gd(problem, [3]).nuclear_rank[0], nuclear_rank(G))


def test_restarts_leave_the_gd_path(problem):
    gaps = restarted(SpecGD(), problem, [0, 5], 12)
    assert gaps.shape == (2, 13, 2)
    assert gaps[1, :5].isnan().all()
    torch.testing.assert_close(gaps[0], descend(SpecGD(), problem, problem.zero(), 12)[1], rtol=1e-8, atol=0)
    torch.testing.assert_close(gaps[1, 5:], descend(SpecGD(), problem, gd_iterate(problem, 5), 7)[1], rtol=1e-8, atol=0)


def test_truncation_decides_what_happens_on_low_rank_gradients():
    low = regression([0], 20, "rank R", rank=2)
    G = low.gradient(low.zero())
    compact, full = polar_factor(G, 1e-10), polar_factor(G)
    torch.testing.assert_close(torch.linalg.svdvals(compact)[0, :3], torch.tensor([1.0, 1.0, 0.0]).double())
    torch.testing.assert_close(torch.linalg.svdvals(full)[0], torch.ones(20).double())
    # Both attain the model's minimum; only the compact one keeps the rank.
    torch.testing.assert_close((G * compact).sum(), (G * full).sum())
    step = spectral_step(low, G, compact)
    assert torch.linalg.matrix_rank(step).item() == 2


def test_rank_one_specgd_is_gd_with_the_smaller_step():
    low = regression([0], 20, "rank R")
    W = low.zero()
    G = low.gradient(W)
    torch.testing.assert_close(spectral_step(low, G, polar_factor(G, 1e-10)), -G / low.spectral_lipschitz[0])
    torch.testing.assert_close(gradient_step(low, G), -G / low.lipschitz[0])


def test_muons_polynomial_is_a_possible_factor(problem):
    W, gaps = descend(SpecGD(method="jordan"), problem, problem.zero(), 5)
    assert torch.isfinite(W).all()
    assert (gaps[-1] < 0.2 * gaps[0]).all()


def test_results_do_not_depend_on_the_batch():
    together, alone = regression([3, 4], 16), regression([4], 16)
    torch.testing.assert_close(together.features[1:], alone.features, rtol=0, atol=0)
    torch.testing.assert_close(along_specgd(together, 5).gap[:, 1:], along_specgd(alone, 5).gap, rtol=1e-10, atol=0)


def test_small_problems_have_the_promised_spectrum():
    small = small_problems(0, 200, decades=2.0)
    sigma = torch.linalg.svdvals(small.features)
    assert sigma.max() <= 1 + 1e-12
    assert sigma.min() >= 1e-2 * (1 - 1e-9)
    # log10 of a log-uniform value has mean -1 and deviation 0.58: within five standard errors.
    assert abs(float(sigma.log10().mean()) + 1) < 5 * 2 / math.sqrt(12 * 800)


def test_features_have_unit_variance_before_the_activation():
    A = features(0, 200, activation="identity")
    assert abs(float(A.square().mean()) - 1) < 0.1
    assert features(0, 50).min() == 0
    assert abs(float(white(0, 50, 200, spike=3.0).mean()) - 3) < 0.05
    assert targets(0, A, "one-hot").sum(0).eq(1).all()
    assert torch.linalg.matrix_rank(targets(0, A, "rank R", 5)).item() == 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: product_features(torch.zeros(100, 50), torch.zeros(100, 400)), "no product: give inputs with 50 rows"),
        (lambda: product_features(torch.zeros(2, 2), torch.zeros(2, 2), "sine"), "activation must be one of relu"),
        (lambda: LayerRegression(torch.zeros(3, 4), torch.zeros(3, 5)), "one column per sample; transpose"),
        (lambda: LayerRegression(torch.zeros(3), torch.zeros(3, 5)), "must be matrices"),
        (lambda: features(0, 100, 50), "give n >= d"),
        (lambda: features(0, 0), "at least one"),
        (lambda: regression([]), "at least one seed"),
        (lambda: regression([0], 8, "easy"), "kind must be one of"),
        (lambda: regression([0], 8, "rank R", rank=9), "between 1 and k = 8"),
        (lambda: small_problems(0, 0), "count must be at least one"),
        (lambda: descend(GD(), regression([0], 8), torch.zeros(4, 4).double(), 3), r"W must have shape \(8, 8\)"),
        (lambda: descend(GD(), regression([0], 8), torch.zeros(8, 8).double(), -1), "must not be negative"),
        (lambda: steps_to(GD(), regression([0], 8), 0.0), r"level must lie in \(0, 1\)"),
        (lambda: gd_steps_to(regression([0], 8), 1.0), r"level must lie in \(0, 1\)"),
        (lambda: restarted(SpecGD(), regression([0], 8), [3, 1], 5), "starts must increase"),
        (lambda: restarted(SpecGD(), regression([0], 8), [7], 5), "between 0 and steps = 5"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_limits_and_types_are_named():
    problem = regression([0], 8)
    with pytest.raises(RuntimeError, match="raise limit"):
        steps_to(GD(), problem, 1e-3, limit=2)
    with pytest.raises(RuntimeError, match="raise limit"):
        gd_steps_to(problem, 1e-3, limit=2)
    with pytest.raises(TypeError, match="share a floating-point dtype"):
        LayerRegression(torch.zeros(2, 3), torch.zeros(2, 3).double())


def test_conic_solver_finds_the_models_minima():
    G = some_weights(regression([0], 4))[0].numpy()
    nuclear = np.linalg.norm(G, "nuc")
    assert spectral_model_minimum(G, 3.0) == pytest.approx(-(nuclear**2) / 6, rel=1e-6)
    assert euclidean_model_minimum(G, 3.0) == pytest.approx(-np.sum(G**2) / 6, rel=1e-6)
    assert dual_of_spectral_norm(G) == pytest.approx(nuclear, rel=1e-6)
    with pytest.raises(ValueError, match="curvature must be positive"):
        spectral_model_minimum(G, 0.0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same_run():
    here, there = regression([0, 1], 32), regression([0, 1], 32, device="cuda")
    np.testing.assert_allclose(along_specgd(there, 10).gap.cpu(), along_specgd(here, 10).gap, rtol=1e-6)


def test_gathered_takes_any_features():
    problem = gathered([0], lambda seed: white(seed, 6, 24))
    assert problem.features.shape == (1, 6, 24)


def test_rows_of_a_target_are_the_rank_of_its_gradient():
    few = regression([0, 1], 20, "R rows", rank=3)
    assert few.zero().shape == (2, 3, 20)
    assert torch.linalg.matrix_rank(few.gradient(few.zero())).eq(3).all()
    # The same problem with more rows: an isometry from the left changes no gap, if null directions are dropped.
    isometry = torch.linalg.qr(some_weights(regression([0, 1], 20))[..., :3])[0]
    many = LayerRegression(few.features, isometry @ few.targets)
    _, gaps = descend(SpecGD(), few, few.zero(), 8)
    torch.testing.assert_close(descend(SpecGD(1e-10), many, many.zero(), 8)[1], gaps, rtol=1e-9, atol=0)


def test_gated_features_are_products_without_a_mean():
    A = features(0, 64, 256, activation="swiglu")
    assert A.shape == (64, 256)
    assert stable_rank(A) > 4 * stable_rank(features(0, 64, 256))


def test_promises_do_not_trust_the_polar_factor(problem, monkeypatch):
    wrong = torch.linalg.qr(some_weights(problem))[0]
    monkeypatch.setattr(layer_descent, "polar_factor", lambda G, tolerance=0.0, method="svd": wrong)
    found, _, _ = facts(problem, problem.zero())
    assert (found.decrease_spec < 0.5 * found.guarantee_spec).all()


def test_diagonal_formulas_are_those_of_the_library():
    for diagonal in (sharp_band.upper_end(0.3, 0.05), sharp_band.lower_end(2.0, 8)):
        g, a = diagonal
        # A with a tiny entry in place of zero, so that the library's problem has a unique solution; G = -Y A^T/n.
        A = torch.diag(a.clamp_min(1e-6))
        small = LayerRegression(A, -len(a) * torch.diag(g) @ torch.linalg.inv(A))
        found, _, _ = facts(small, small.zero(), 1e-12)
        ratio = float(found.nuclear_rank / stable_rank(A))
        assert sharp_band.margin(diagonal) == pytest.approx(ratio, rel=1e-6)
        assert sharp_band.realised_ratio(diagonal) == pytest.approx(
            float(found.decrease_spec / found.decrease_gd), rel=1e-6
        )


@pytest.mark.parametrize(
    "call",
    [
        lambda: sharp_band.upper_end(0.0, 0.1),
        lambda: sharp_band.lower_end(-1.0, 3),
        lambda: sharp_band.lower_end(1.0, 3, 2.0),
    ],
)
def test_ends_of_the_band_refuse_what_they_cannot_build(call):
    with pytest.raises(ValueError, match="got"):
        call()
