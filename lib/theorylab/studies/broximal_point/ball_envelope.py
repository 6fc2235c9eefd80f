"""The ball envelope N(x) = min of f over B(x, t) and its gradient by differences of values alone."""

import numpy as np


def envelope(problem, x, radius: float) -> float:
    """N(x) = f(brox(x, t))."""
    return problem.loss(problem.brox(x, radius).point)


def envelope_gradient(problem, x, radius: float, h: float) -> np.ndarray:
    """Gradient of the envelope at x by central differences of its values with step h, shape (d,); error O(h^2).

    Uses no gradient of f, so that it can be evidence for grad N(x) = grad f(u).
    """
    columns = np.eye(x.size) * h
    return np.array([(envelope(problem, x + e, radius) - envelope(problem, x - e, radius)) / (2 * h) for e in columns])
