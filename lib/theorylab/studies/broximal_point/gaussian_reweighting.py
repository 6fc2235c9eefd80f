"""Reweighted stochastic queries: gradients of a smoothed function at many x from samples around one y.

For xi ~ N(y, s^2) the estimator f'(xi) phi_s(xi - x) / phi_s(xi - y) has mean the derivative at x of the Gaussian
smoothing of f (arXiv 2106.09481, 2301.00457). Here f = |.| on the line, whose smoothed derivative is an error function.
"""

import numpy as np
from scipy.special import erf


def smoothed_modulus_slope(x: float, s: float) -> float:
    """Derivative of E |x + s Z|: erf(x / (s sqrt 2))."""
    return float(erf(x / (s * np.sqrt(2.0))))


def weights(xi, x: float, y: float, s: float) -> np.ndarray:
    """phi_s(xi - x) / phi_s(xi - y)."""
    return np.exp(((xi - y) ** 2 - (xi - x) ** 2) / (2.0 * s * s))


def second_moment(x: float, y: float, s: float) -> float:
    """E of the squared weight, exp(|x - y|^2 / s^2): it bounds the second moment of the estimator, |f'| <= 1."""
    return float(np.exp((x - y) ** 2 / (s * s)))


def reweighted_slopes(x: float, y: float, s: float, samples: int, generator) -> np.ndarray:
    """``samples`` draws of the estimator for f = |.|."""
    xi = y + s * generator.standard_normal(samples)
    return np.sign(xi) * weights(xi, x, y, s)
