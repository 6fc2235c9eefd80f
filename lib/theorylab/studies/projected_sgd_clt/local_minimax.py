"""The local minimax bound of Hajek and Le Cam in its finite form: shifts of bounded size, every estimator.

After k samples a shift c + h / sqrt(k) of the objective is seen through the mean of the noise alone, an observation
X ~ N(h, 1) of the shift along the tangent; the solution moves by -h / curvature / sqrt(k). Estimating it is estimating
h, with mean squares multiplied by 1 / curvature^2.

For |h| <= H the best worst case of *all* estimators lies between the Bayes risk of any prior on [-H, H] and the risk of
the best linear estimator. For the prior cos^2(pi h / (2 H)) / H, whose Fisher information is pi^2 / H^2, the inequality
of van Trees bounds the Bayes risk from below:

    1 / (1 + pi^2 / H^2)  <=  Bayes risk  <=  minimax risk  <=  H^2 / (1 + H^2),

and both ends tend to 1, the value of the asymptotic theorem, as H grows. R. Gill, B. Levit, Bernoulli 1 (1995).
"""

import numpy as np


def van_trees_bound(width) -> np.ndarray:
    """1 / (1 + pi^2 / H^2) for shifts up to ``width`` H. Raises ValueError for a width that is not positive."""
    return 1 / (1 + np.pi**2 / checked_width(width) ** 2)


def linear_minimax(width) -> np.ndarray:
    """H^2 / (1 + H^2): worst case of the best linear estimator, X times H^2 / (1 + H^2)."""
    squared = checked_width(width) ** 2
    return squared / (1 + squared)


def shrunk_risk(factor, shift) -> np.ndarray:
    """Mean square of the estimator factor * X at one shift: factor^2 + (1 - factor)^2 shift^2."""
    return np.asarray(factor) ** 2 + (1 - np.asarray(factor)) ** 2 * np.asarray(shift) ** 2


def bayes_risk(width: float, nodes: int = 400, spacing: float = 0.02) -> float:
    """Bayes risk E Var(h | X) of the prior cos^2(pi h / (2 H)) / H, by Gauss-Legendre quadrature over h and the
    trapezoidal rule over X (both integrands are smooth; the errors are below 1e-10 up to H = 20)."""
    H = float(checked_width(width))
    t, w = np.polynomial.legendre.leggauss(nodes)
    h, weight = H * t, w * np.cos(np.pi * t / 2) ** 2
    x = np.arange(-H - 9, H + 9 + spacing / 2, spacing)
    likelihood = np.exp(-((x[:, None] - h) ** 2) / 2) / np.sqrt(2 * np.pi) * weight
    mass, first, second = likelihood.sum(axis=1), likelihood @ h, likelihood @ h**2
    return float(np.sum(second - first**2 / mass) * spacing)


def checked_width(width) -> np.ndarray:
    """``width`` as positive floats. Raises ValueError otherwise."""
    width = np.asarray(width, dtype=float)
    if not (width > 0).all():
        raise ValueError(f"the largest shift must be positive, got {width.tolist()}")
    return width
