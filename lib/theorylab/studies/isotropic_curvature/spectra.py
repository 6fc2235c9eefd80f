"""Two spectra compared: condition numbers, order, and pairwise ratios; and the spectra that tests are run on."""

import numpy as np


def condition(s):
    """Largest over smallest nonzero value along the last axis."""
    s = np.asarray(s, dtype=float)
    return np.max(s, axis=-1) / np.min(np.where(s > 0, s, np.inf), axis=-1)


def order_violations(sigma, s, tolerance=1e-14):
    """Number of adjacent pairs (sorted by sigma, decreasing) in which s increases by more than a relative tolerance."""
    s = np.take_along_axis(np.asarray(s, dtype=float), np.argsort(-np.asarray(sigma), axis=-1, kind="stable"), axis=-1)
    return int(np.sum(s[..., 1:] > s[..., :-1] * (1 + tolerance)))


def ratio_excess(sigma, s):
    """Largest of (s_i/s_j) / (sigma_i/sigma_j) - 1 over adjacent pairs sigma_i >= sigma_j: at most 0 if homogenized.

    Ratios of adjacent pairs multiply to the ratios of all pairs, so adjacent ones suffice.
    """
    sigma, s = np.asarray(sigma, dtype=float), np.asarray(s, dtype=float)
    order = np.argsort(-sigma, axis=-1, kind="stable")
    gain = np.take_along_axis(s / sigma, order, axis=-1)
    return float(np.max(gain[..., :-1] / gain[..., 1:] - 1))


def ratio_deficit(sigma, s):
    """Largest of 1 - (s_i/s_j) / (sigma_i/sigma_j) over adjacent pairs: at most 0 if the spectrum is spread out."""
    return ratio_excess(s, sigma) if np.all(np.asarray(s) > 0) else float("inf")


def log_uniform(count, cond):
    """`count` values from cond down to 1, equally spaced in the logarithm."""
    return cond ** np.linspace(1, 0, count)


def random_spectrum(generator, count, cond=10.0):
    """`count` random values, decreasing, of mean square one, log-uniform with condition number `cond` (default 10)."""
    logs = np.sort(generator.uniform(0, 1, count))[::-1]
    logs = (logs - logs[-1]) / (logs[0] - logs[-1])
    s = cond**logs
    return s / np.sqrt(np.mean(s**2))
