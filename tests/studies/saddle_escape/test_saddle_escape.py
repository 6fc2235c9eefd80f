"""The saddle of notebook 04: derivatives, exact reductions, closed forms against independent computations, errors."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.integrate import quad

from theorylab.claims import same_law, slope
from theorylab.spectral import orthogonalize
from theorylab.studies.saddle_escape import (
    factorisation_descent,
    isotropic_escape,
    matrix_steps,
    plane_landscape,
    rendered_digits,
    resolvent,
    saddle_kinematics,
    spiked,
)
from theorylab.studies.saddle_escape.escape import by_trial, escape, trajectory
from theorylab.studies.saddle_escape.escape_runs import EscapeRuns
from theorylab.studies.saddle_escape.factorisation import Factorisation
from theorylab.studies.saddle_escape.gradient_noise import LAWS, Noise, mean_operator_norm
from theorylab.studies.saddle_escape.saddle import Saddle, axial_slope, operator_aligned, reached_by_invariants

OP = Noise("OP", 0.5)


@pytest.mark.parametrize("build", [Saddle.delocalised, Saddle.localised])
@pytest.mark.parametrize("bulk", [0.0, 0.5, -1.0])
def test_gradient_is_the_derivative_of_the_loss(build, bulk):
    saddle = build(5, range(3), seed=0, curvature=1.3, bulk=bulk)
    W = torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
    s = saddle.along(W)
    total = saddle.loss(s, (W**2).sum((-2, -1)) - s**2).sum()
    (expected,) = torch.autograd.grad(total, W)
    torch.testing.assert_close(saddle.grad(W.detach()), expected, rtol=1e-4, atol=1e-5)


def test_signal_and_slope_of_the_escape_direction():
    saddle = Saddle.delocalised(6, range(2), seed=3)
    torch.testing.assert_close(saddle.along(saddle.at(0.7)), torch.full((2,), 0.7))
    s = np.linspace(-4.5, 4.5, 13)
    np.testing.assert_allclose(axial_slope(s, 1.3), 1.3 * (s**3 / 16 - s), atol=1e-12)
    assert axial_slope(4.0) == axial_slope(0.0) == 0


def test_a_localised_direction_is_one_entry_of_the_matrix():
    X = torch.arange(9.0).reshape(1, 3, 3)
    assert [float(Saddle.localised(3, range(1), entry=k).along(X)) for k in (0, 1, -1)] == [0, 4, 8]
    first, last, spread = (
        escape("SGD", 8, 2, OP, seed=0, entry=k, reduced=False).signal.tolist() for k in (0, -1, None)
    )
    assert first != last != spread != first


def test_slope_of_the_overlap_at_zero_by_singular_values_and_by_a_difference():
    Z = torch.randn(6, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64) / 12**0.5
    h = 1e-6
    # The mean over all entries (i, j), E = e_i e_j^T, of the derivative of <polar(Z + tE), E> is the trace of a linear
    # map over n^2, and a trace does not care for the basis.
    total = torch.zeros(6, dtype=torch.float64)
    for i in range(12):
        for j in range(12):
            E = torch.zeros(12, 12, dtype=torch.float64)
            E[i, j] = h
            total += ((orthogonalize(Z + E, "svd") - orthogonalize(Z - E, "svd"))[:, i, j]) / (2 * h)
    torch.testing.assert_close(total / 144, spiked.initial_slope(Z), rtol=1e-6, atol=0)
    many = spiked.initial_slope(torch.randn(64, 64, 64, generator=torch.Generator().manual_seed(1)) / 8)
    assert float(many.mean()) == pytest.approx(spiked.INITIAL_SLOPE - 1.1 / 64, abs=0.015)


def test_bursts_are_added_to_a_noise_that_stays_as_it_is():
    assert Noise("OP", 0.5, "bursts").deviation(16) == Noise("OP", 0.5).deviation(16)
    added = [
        LAWS["bursts"](16, torch.Generator().manual_seed(k)) - LAWS["Gaussian"](16, torch.Generator().manual_seed(k))
        for k in range(60)
    ]
    values = torch.linalg.svdvals(torch.stack(added).double())
    struck = values[:, 0] > 1e-3
    assert 0 < int(struck.sum()) < 20
    torch.testing.assert_close(
        values[struck, 0], torch.full((int(struck.sum()),), 80.0, dtype=torch.float64), rtol=1e-5, atol=0
    )
    assert float(values[:, 1].max()) < 1e-4


def test_haar_noise_is_orthogonal():
    Z = LAWS["Haar"](8, torch.Generator().manual_seed(0))
    torch.testing.assert_close(Z @ Z.T, 8 * torch.eye(8), rtol=1e-4, atol=1e-4)


def test_overlap_is_coulsons_integral_odd_and_smooth_where_the_series_takes_over():
    for theta in (1e-3, 0.049, 0.051, 0.3, 1.0, 2.0, 10.0):
        integral = quad(lambda q, t=theta: 2 * t / np.pi * (1 + q**2) / (1 + t**2 * q**2), 0, 1, epsabs=1e-13)[0]
        assert float(spiked.limit_overlap(theta)) == pytest.approx(integral, rel=1e-8)
        assert float(spiked.limit_overlap(-theta)) == -float(spiked.limit_overlap(theta))
    assert float(spiked.limit_overlap(1.0)) == pytest.approx(2 / np.pi, rel=1e-14)


def test_overlap_of_large_matrices_and_pairs_of_draws():
    spikes, G = spiked.sample(128, 1.0, 8, seed=0)
    assert spiked.overlaps(spikes, G, "exact").mean() == pytest.approx(2 / np.pi, abs=0.03)
    torch.testing.assert_close(G[:4] + G[4:], 2 * spikes.at(1.0)[:4])
    with pytest.raises(ValueError, match="draws must be even"):
        spiked.sample(8, 1.0, 3, seed=0)
    with pytest.raises(ValueError, match="kind must be"):
        spiked.overlaps(spikes, G, "median")


@pytest.mark.parametrize("method", ["SGD", "NGD"])
@pytest.mark.parametrize("convention", ["NATIVE", "FRO", "RMS"])
def test_two_numbers_carry_the_state_of_sgd_and_ngd(method, convention):
    settings = dict(seed=0, convention=convention, statistics=("S", "F", "L"), bulk=0.3, cap=400)
    full = escape(method, 8, 150, OP, reduced=False, **settings)
    chain = escape(method, 8, 150, OP, **settings)
    for statistic in "SFL":
        first, second = (found[found.statistic == statistic] for found in (full, chain))
        assert same_law(first.tau, second.tau).holds, statistic
        assert same_law(first.orthogonal.dropna(), second.orthogonal.dropna()).holds, statistic


def test_a_run_does_not_depend_on_the_batch_and_censoring_is_reported():
    few, many = (escape("exact polar", 8, trials, OP, seed=0) for trials in (2, 6))
    assert few.tau.tolist() == many.tau.tolist()[:2]
    assert escape("exact polar", 8, np.int64(2), OP, seed=0).equals(few)
    capped = escape("Muon", 8, 3, OP, seed=0, cap=2)
    assert capped.censored.all()
    assert (capped.tau == 2).all()
    assert capped.loss.isna().all()


@pytest.mark.parametrize("method", ["Muon", "SGD", "exact polar"])
def test_runs_made_once_are_those_of_one_batch(method, monkeypatch):
    settings = dict(statistics=("S", "L", "O") if method == "Muon" else ("S", "L"), bulk=0.5, cap=40)
    made, asked = EscapeRuns(seed=3), []

    def counted(method, n, trials, *args, **kwargs):
        asked.append(list(trials))
        return escape(method, n, trials, *args, **kwargs)

    monkeypatch.setattr("theorylab.studies.saddle_escape.escape_runs.escape", counted)
    for trials in (2, 5, 3):
        found = made(method, 8, trials, OP, **settings)
        pd.testing.assert_frame_equal(found, escape(method, 8, trials, OP, seed=3, **settings))
    assert asked == [[0, 1], [2, 3, 4]]
    made(method, 8, 3, OP, **{**settings, "cap": 41})
    made(method, 8, 3, Noise("OP", 0.4), **settings)
    assert len(asked) == 4
    with pytest.raises(ValueError, match="trials must be at least 1, got 0"):
        made(method, 8, 0, OP, **settings)


def test_escape_time_is_the_first_passage_of_the_trajectory():
    s, frobenius, operator = trajectory("Muon, momentum", 12, 3, OP, 60, seed=4)
    found = escape("Muon, momentum", 12, 3, OP, seed=4)
    assert (np.abs(s) >= 1).argmax(0).tolist() == found.tau.tolist()
    np.testing.assert_allclose(frobenius[found.tau, range(3)], found.orthogonal, rtol=1e-3)
    assert (operator <= frobenius * (1 + 1e-5)).all()
    assert trajectory("SGD", 6, 2, OP, 3, seed=0, norms=False).shape == (1, 4, 2)


def test_operator_alignment_agrees_with_singular_values():
    stream = torch.Generator().manual_seed(0)
    W = torch.randn(40, 7, 7, generator=stream)
    saddle = Saddle.delocalised(7, range(40), seed=0)
    W = W + saddle.at(1.0) * torch.linspace(0, 12, 40)[:, None, None]
    s = saddle.along(W)
    aligned, probe = operator_aligned(W, s, torch.ones(40, 7))
    assert torch.equal(aligned, s.abs() >= 0.5 * torch.linalg.matrix_norm(W, 2))
    assert 0 < int(aligned.sum()) < 40
    assert torch.isfinite(operator_aligned(torch.zeros_like(W), 0 * s, probe)[1]).all()


def test_conventions_fix_the_length():
    D = torch.randn(2, 6, 6, generator=torch.Generator().manual_seed(0))
    assert matrix_steps.scaled(D, "NATIVE") is D
    torch.testing.assert_close(torch.linalg.matrix_norm(matrix_steps.scaled(D, "FRO")), torch.ones(2))
    torch.testing.assert_close((matrix_steps.scaled(D, "RMS") ** 2).mean((-2, -1)).sqrt(), torch.full((2,), 0.2))
    assert torch.equal(matrix_steps.normalised(0 * D), 0 * D)


def test_adamw_is_torchs():
    W = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    parameter = torch.nn.Parameter(W.clone())
    reference = torch.optim.AdamW([parameter], lr=0.1, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.01)
    method, state = matrix_steps.method("AdamW"), (torch.zeros_like(W), torch.zeros_like(W))
    for t in range(1, 6):
        G = torch.sin(W * t)
        parameter.grad = torch.sin(parameter.detach() * t)
        reference.step()
        D, state = method.direction(G, state, t)
        W = (1 - 0.1 * method.decay) * W - 0.1 * D
    torch.testing.assert_close(W, parameter.detach())


def test_spectral_gradient_is_nuclear_norm_times_polar_factor():
    G = torch.randn(5, 5, generator=torch.Generator().manual_seed(0))
    expected = torch.linalg.matrix_norm(G, "nuc") * orthogonalize(G, "svd")
    torch.testing.assert_close(matrix_steps.spectral_gradient(G), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("law", sorted(set(LAWS) - {"bursts"}))
def test_laws_are_scaled_to_their_operator_norm(law):
    n, noise = 32, Noise("OP", 0.5, law)
    drawn = noise.draw(n, [torch.Generator().manual_seed(k) for k in range(40)])
    assert drawn.dtype == torch.float32
    # The Gaussian law is scaled by its limit 2 sqrt(n), which the mean approaches from below.
    assert float(torch.linalg.matrix_norm(drawn, 2).mean()) == pytest.approx(0.5, rel=0.25)
    assert float(Noise("ENTRY", 0.3, law).deviation(n)) == 0.3
    assert mean_operator_norm(law, 8) == mean_operator_norm(law, 8)


def test_one_random_entry_costs_order_d():
    tau = np.stack([isotropic_escape.one_random_entry(n, 6, seed=0) for n in (8, 16, 32)], axis=1)
    assert slope(np.array([8, 16, 32]) ** 2, tau).estimate == pytest.approx(1.0, abs=0.15)


def test_scalar_model_at_full_drift_needs_ten_steps():
    tau = isotropic_escape.scalar_model(np.sign, 10_000, 200, 0.5, seed=0)
    assert np.median(tau) in (10, 11)
    assert (isotropic_escape.scalar_model(lambda x: -np.sign(x), 100, 10, 0.5, seed=0, cap=50) == 50).all()


def test_scalar_model_with_linear_drift_is_a_geometric_sequence():
    tau = isotropic_escape.scalar_model(lambda theta: theta, 10**12, 3, 1e-6, seed=0, start=0.1, stepsize=0.1)
    s, steps = 0.1, 0
    while s < 1:
        s, steps = s + 0.1 * s * (1 - s**2 / 16), steps + 1
    assert tau.tolist() == [steps] * 3


def test_sign_sees_nothing_of_a_spread_out_signal_in_noise_of_random_signs():
    spikes, G = spiked.sample(32, 0.25, 4, seed=0, law="Rademacher")
    assert np.abs(spiked.overlaps(spikes, G, "sign")).max() < 0.2
    assert abs(spiked.overlaps(spikes, G, "sign").mean()) < 1e-7
    expected = float(
        torch.linalg.vecdot((G / torch.linalg.matrix_norm(G, keepdim=True)).flatten(1), spikes.direction.flatten(1))[0]
    )
    assert spiked.overlaps(spikes, G, "normalised")[0] == pytest.approx(expected, rel=1e-5)


def test_held_directions_follow_the_formula_and_need_two_draws():
    held = saddle_kinematics.held("exact polar", 32, 4, OP, 60, seed=0, operator=False)
    drift = 0.5 * (1 - 0.5**2 / 16)
    assert saddle_kinematics.interval(held["signal"])[0] == pytest.approx(
        spiked.limit_overlap(2 * drift / 0.5), abs=0.03
    )
    assert set(held) == {"signal", "cosine_signal", "cosine_successive"}
    with pytest.raises(ValueError, match="draws must be at least 2"):
        saddle_kinematics.held("SGD", 8, 2, OP, 1, seed=0)


def test_factorisation_gradient_and_halving():
    problem = Factorisation.random(10, range(2), seed=0, dtype=torch.float64)
    X = problem.start(0.3, seed=0).requires_grad_()
    (expected,) = torch.autograd.grad(problem.loss(X).sum(), X)
    torch.testing.assert_close(problem.grad(X.detach()), expected)
    assert float(problem.loss(0 * X.detach()).sum()) == pytest.approx(4.0)
    losses = factorisation_descent.descend("SGD", problem, X.detach(), 400, until_half=True)[1]
    half = factorisation_descent.steps_to_half(losses)
    assert half.max() == len(losses) - 1
    assert factorisation_descent.steps_to_half(np.ones((5, 2))).tolist() == [4, 4]


@pytest.mark.parametrize("nodes", [64, 101])
def test_contour_projector_of_an_outlier(nodes):
    G = torch.diag(torch.tensor([5.0, 1.0, 0.5, 0.2]))
    A = resolvent.dilation(G)
    expected = resolvent.eigenprojector(A, 4.0, 6.0)
    assert float((resolvent.contour_projector(A, 5.0, 1.0, nodes) - expected).abs().max()) < 1e-13
    assert float(expected.trace()) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="nodes must be at least 2"):
        resolvent.contour_projector(A, 5.0, 1.0, 1)


def test_landscape_axes_grid_and_derivatives():
    stream = torch.Generator().manual_seed(0)
    G, minibatch = torch.randn(4, 6, generator=stream).double(), torch.randn(20, 4, 6, generator=stream).double()
    A, B = plane_landscape.axes(G, minibatch)
    assert abs(float((A * B).sum())) < 1e-12
    assert float(torch.linalg.matrix_norm(A, 2)) == pytest.approx(1.0)
    assert float(torch.linalg.matrix_norm(B, 2)) == pytest.approx(1.0)
    W = torch.zeros(4, 6, dtype=torch.float64)

    def loss(X):
        return (G * X).sum() + 0.5 * (X**2).sum()

    heights = plane_landscape.grid(loss, W, A, B, 5)
    assert heights[2, 2] == 0
    steep, curved = plane_landscape.derivatives(loss, W, A)
    assert steep == pytest.approx(float(torch.linalg.matrix_norm(G, "nuc")), rel=1e-6)
    assert curved == pytest.approx(float((A**2).sum()), rel=1e-6)
    with pytest.raises(ValueError, match="points must be odd"):
        plane_landscape.grid(loss, W, A, B, 4)


def test_rendered_digits_are_reproducible_and_learnable():
    X, y = rendered_digits.digits(100, seed=0)
    again = rendered_digits.digits(100, seed=0)
    assert torch.equal(X, again[0])
    assert X.shape == (100, 256)
    assert set(y.tolist()) == set(range(10))
    weights = rendered_digits.train("Muon", 0.02, 30, X, y, seed=0)
    assert float(rendered_digits.cross_entropy(*weights, X, y)) < 0.7 * np.log(10)
    with pytest.raises(ValueError, match="count must be at least 1"):
        rendered_digits.digits(0, seed=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: escape("Adagrad", 8, 2, OP, seed=0), "method must be one of SGD"),
        (lambda: escape("SGD", 8, 0, OP, seed=0), "trials must be at least 1"),
        (lambda: escape("Muon", 1, 2, OP, seed=0), "n must be at least 2"),
        (lambda: escape("SGD", 8, 2, OP, seed=0, statistics=("X",)), "statistics must be some of S, F, O, L"),
        (lambda: escape("SGD", 8, 2, OP, seed=0, statistics=()), "statistics must be some of"),
        (lambda: escape("SGD", 8, 2, OP, seed=0, stepsize=-0.1), "stepsize must be positive"),
        (lambda: escape("SGD", 8, 2, OP, seed=0, cap=0), "cap must be at least one"),
        (lambda: escape("Muon", 8, 2, OP, seed=0, convention="MAX"), "convention must be one of NATIVE"),
        (lambda: escape("SGD", 8, 2, OP, seed=0, convention="MAX"), "convention must be one of NATIVE"),
        (lambda: Noise("SPECTRAL", 0.5), "convention must be one of ENTRY, OP"),
        (lambda: Noise("OP", 0.5, "Cauchy"), "law must be one of Gaussian"),
        (lambda: Noise("OP", -1.0), "size must be a nonnegative number"),
        (lambda: Saddle.delocalised(8, [], seed=0), "trials is empty"),
        (lambda: reached_by_invariants("O", 1.0, 0.0, 1.0, 0.0), "statistic must be one of"),
        (lambda: Factorisation.random(4, range(2), seed=0), "n must be at least 8"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_slope_needs_one_run_per_trial_and_width():
    found = escape("SGD", 8, 3, OP, seed=0)
    uneven = escape("SGD", 16, 2, OP, seed=0)
    with pytest.raises(ValueError, match="every trial needs one tau"):
        by_trial(pd.concat([found, uneven]))
