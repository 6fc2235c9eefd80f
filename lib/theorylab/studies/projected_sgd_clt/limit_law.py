"""Deviations of averages held against a normal law: standardised errors, coverage, batch means."""

import numpy as np
from scipy.special import ndtr, stdtrit

QUANTILE = 1.959963984540054
"""97.5 percent quantile of the standard normal law."""


def variance_z(sample, variance) -> np.ndarray:
    """(sample variance - variance) in standard errors, variance * sqrt(2 / (R - 1)), for normal samples along the last
    axis. Raises ValueError for fewer than two runs."""
    sample = np.asarray(sample, dtype=float)
    runs = sample.shape[-1]
    if runs < 2:
        raise ValueError(f"a variance needs at least two runs, got {runs}")
    return (sample.var(axis=-1, ddof=1) / np.asarray(variance) - 1) / np.sqrt(2 / (runs - 1))


def mean_z(sample) -> np.ndarray:
    """Sample mean in standard errors, along the last axis."""
    sample = np.asarray(sample, dtype=float)
    return sample.mean(axis=-1) / (sample.std(axis=-1, ddof=1) / np.sqrt(sample.shape[-1]))


def skewness_z(sample) -> float:
    """Sample skewness in standard errors sqrt(6 / R) of a normal sample."""
    sample = np.asarray(sample, dtype=float)
    centred = (sample - sample.mean()) / sample.std()
    return float(np.mean(centred**3) / np.sqrt(6 / len(sample)))


def normal_cdf(variance: float):
    """Distribution function of N(0, variance)."""
    return lambda values: ndtr(np.asarray(values) / np.sqrt(variance))


def coverage(deviations, variance: float) -> np.ndarray:
    """Share of |deviations| <= 1.96 sqrt(variance) along the last axis: coverage of the 95 percent interval."""
    return np.mean(np.abs(deviations) <= QUANTILE * np.sqrt(variance), axis=-1)


def predicted_coverage(true_variance: float, variance: float) -> float:
    """Coverage of an interval made for ``variance`` when the deviations follow N(0, true_variance)."""
    return float(2 * ndtr(QUANTILE * np.sqrt(variance / true_variance)) - 1)


def batch_edges(steps: int, batches: int, exponent: float) -> np.ndarray:
    """Edges of ``batches`` batches that are equally long in the time of the recursion, sum of eta_k ~ k^(1-exponent).

    The first sixth of that time is left out as a start. Integers, the last one is ``steps``; duplicates of short runs
    are merged.
    """
    time = np.linspace(1 / 6, 1, batches + 1)
    return np.unique(np.maximum(1, np.round(steps * time ** (1 / (1 - exponent))).astype(np.int64)))


def batch_mean_intervals(edges, means) -> tuple[np.ndarray, np.ndarray]:
    """Centre and half-width of the 95 percent batch-means interval of each run.

    ``means`` (edges, runs) are the running means at the ``edges``. With batch lengths n_m and batch means b_m the
    variance of sqrt(k) (mean) is estimated by sum n_m (b_m - mean)^2 / (batches - 1); Student's quantile.
    """
    edges = np.asarray(edges, dtype=float)[:, None]
    lengths = np.diff(edges, axis=0)
    batch = np.diff(edges * means, axis=0) / lengths
    centre = means[-1]
    estimate = (lengths * (batch - centre) ** 2).sum(axis=0) / (len(batch) - 1)
    return centre, stdtrit(len(batch) - 1, 0.975) * np.sqrt(estimate / edges[-1])
