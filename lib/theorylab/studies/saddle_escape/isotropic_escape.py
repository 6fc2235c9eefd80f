"""Escape from the saddle when two numbers carry the whole state.

Lemma. Let the noise be isotropic Gaussian and the method SGD or NGD. Then (s, r), the signal and the norm r of
W - s u v^T, is a Markov chain: with independent z_1, z_2 ~ N(0,1) and q^2 ~ chi^2(n^2 - 2),

    a = f'(s) + sigma z_1,   b = mu r + sigma z_2,   ||G||^2 = a^2 + b^2 + sigma^2 q^2,
    s <- s - eta a,          r^2 <- (r - eta b)^2 + eta^2 sigma^2 q^2,

where eta is the stepsize over ||G|| for NGD. (Rotate the bulk so that its first axis is W - s u v^T.) A step costs a
few flops at every n: exact in law, though not path by path, for the price of nothing.
"""

import numpy as np

from theorylab.random import generator
from theorylab.studies.saddle_escape.first_passage import table_columns
from theorylab.studies.saddle_escape.matrix_steps import RMS_ENTRY
from theorylab.studies.saddle_escape.saddle import axial_slope, loss, reached_by_invariants

BLOCK = 64


def escape(
    method: str,
    n: int,
    trials: range,
    deviation: float,
    *,
    seed: int,
    convention: str = "NATIVE",
    stepsize=0.1,
    statistics: tuple[str, ...] = ("S",),
    cap: int = 1500,
    curvature: float = 1.0,
    bulk: float = 0.0,
) -> dict:
    """First passages of SGD or NGD by the chain of the lemma: {statistic: {column: array}} as ``saddle_escape``."""
    streams, runs = [generator(seed, "isotropic", n, trial) for trial in trials], len(trials)
    step = np.broadcast_to(np.asarray(stepsize, dtype=float), (runs,))
    s, r2 = np.zeros(runs), np.zeros(runs)
    tau = {q: np.zeros(runs, dtype=int) for q in statistics}
    seen = {q: np.full((3, runs), np.nan) for q in statistics}
    normalised = method == "NGD" or convention != "NATIVE"
    length = RMS_ENTRY * n if convention == "RMS" else 1.0
    for t in range(1, cap + 1):
        k = (t - 1) % BLOCK
        if k == 0:
            if t > 1 and all(np.all((tau[q] > 0) | ~np.isfinite(s)) for q in statistics):
                break
            z = np.stack([stream.standard_normal((BLOCK, 2)) for stream in streams], axis=1)
            q2 = np.stack([stream.chisquare(n * n - 2, BLOCK) for stream in streams], axis=1)
        # Steps that are too long diverge; such runs are censored, not errors.
        with np.errstate(over="ignore", invalid="ignore"):
            a = axial_slope(s, curvature) + deviation * z[k, :, 0]
            r = np.sqrt(r2)
            b = bulk * r + deviation * z[k, :, 1]
            rest = deviation**2 * q2[k]
            eta = step * length / np.sqrt(a**2 + b**2 + rest) if normalised else step
            s, r2 = s - eta * a, (r - eta * b) ** 2 + eta**2 * rest
            for q in statistics:
                first = reached_by_invariants(q, s, r2, curvature, bulk) & (tau[q] == 0)
                if first.any():
                    tau[q][first] = t
                    seen[q][:, first] = loss(s, r2, curvature, bulk)[first], np.sqrt(r2[first]), s[first]
    return {q: table_columns(tau[q], seen[q], cap) for q in statistics}


def scalar_model(
    overlap,
    n: int,
    paths: int,
    entry: float,
    *,
    seed: int,
    stepsize: float = 0.1,
    start: float = 0.0,
    length: float = 1.0,
    cap: int = 20_000,
) -> np.ndarray:
    """Escape times (paths,) of s <- s + stepsize (phi(lambda s (1 - s^2/16) / (sigma sqrt n)) + xi / sqrt n).

    lambda = 1 and sigma = ``entry``. A polar factor does not see the size of a gradient, so another lambda is another
    sigma / lambda.

    The matrix has disappeared: ``overlap`` is the drift phi, an odd vectorised function of theta, and xi / sqrt n, xi
    standard normal, is the overlap of a Haar orthogonal matrix with u v^T; ``length``, the root-mean-square singular
    value of another image of the noise, multiplies it. Paths start at s = ``start``; those that stay are given the cap.
    """
    stream = generator(seed, "scalar model", n)
    s, tau = np.full(paths, float(start)), np.zeros(paths, dtype=int)
    for t in range(1, cap + 1):
        theta = -axial_slope(s) / (entry * np.sqrt(n))
        s = s + stepsize * (overlap(theta) + length * stream.standard_normal(paths) / np.sqrt(n))
        tau[(np.abs(s) >= 1) & (tau == 0)] = t
        if (tau > 0).all():
            break
    return np.where(tau == 0, cap, tau)


def one_random_entry(n: int, trials: int, *, seed: int, stepsize: float = 1.0, start: float = 0.1) -> np.ndarray:
    """Steps (trials,) until |s| >= 1 of the noiseless gradient step on one random entry: a cost of order D by design.

    Entry (i, j) of the gradient is f'(s) u_i v_j and moves s by u_i v_j times the step: s grows by the factor
    1 + stepsize (1 - s^2/16) u_i^2 v_j^2, whose mean is of order 1/n^2.
    """
    streams = [generator(seed, "one entry", n, trial) for trial in range(trials)]
    units = [stream.standard_normal((2, n)) for stream in streams]
    squares = np.array([(w / np.linalg.norm(w, axis=1, keepdims=True)) ** 2 for w in units])
    s, tau, t = np.full(trials, start), np.zeros(trials, dtype=int), 0
    rows = np.arange(trials)
    while (tau == 0).any():
        drawn = np.stack([stream.integers(n, size=(4096, 2)) for stream in streams], axis=1)
        gains = stepsize * squares[rows, 0, drawn[..., 0]] * squares[rows, 1, drawn[..., 1]]
        for gain in gains:
            t += 1
            s = s - gain * axial_slope(s)
            tau[(s >= 1) & (tau == 0)] = t
    return tau
