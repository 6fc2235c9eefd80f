"""Averaged SGD for well-specified logistic regression with normal features, all chains at once."""

import numpy as np
from scipy.special import expit

from theorylab.studies.projected_sgd_clt.projected_sgd import checked_runs


def information(theta, nodes: int = 80) -> np.ndarray:
    """A = E[s'(z'theta) z z'] for standard normal z and the logistic function s: Hessian at theta and covariance of
    the gradient there. Gauss-Hermite rule along theta."""
    theta = np.asarray(theta, dtype=float)
    size = np.linalg.norm(theta)
    t, w = np.polynomial.hermite_e.hermegauss(nodes)
    w = w / w.sum()
    p = expit(size * t)
    weight, along = np.sum(w * p * (1 - p)), np.sum(w * p * (1 - p) * t**2)
    e = theta / size
    return weight * np.eye(len(theta)) + (along - weight) * np.outer(e, e)


def averaged_logistic(theta, exponent: float, scale: float, steps: int, runs: int, stream) -> tuple:
    """Running mean and last iterate (runs, d) after ``steps`` steps scale * k^-exponent from 0.

    Features are standard normal; the label is 1 with probability s(z'theta). ``stream`` is a NumPy generator.
    """
    theta = np.asarray(theta, dtype=float)
    x = np.zeros((checked_runs(runs), len(theta)))
    total = np.zeros_like(x)
    for k in range(1, steps + 1):
        z = stream.standard_normal(x.shape)
        label = stream.random(len(x)) < expit(z @ theta)
        x = x - scale * k**-exponent * (expit(np.sum(z * x, axis=1)) - label)[:, None] * z
        total += x
    return total / steps, x
