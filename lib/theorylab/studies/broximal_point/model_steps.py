"""Broximal steps of a linear model: the normalised and sign-like steps of first-order methods (BP-19)."""

import numpy as np

from theorylab.random import generator


def linear_model_step(G, radius: float, norm: str) -> np.ndarray:
    """argmin <G, D> over |D| <= t: -t G/|G| ("euclidean"), -t sign(G) ("max"), -t polar(G) ("spectral", 2-D G).

    Returns an array of the shape of G. Raises ValueError for an unknown norm or G = 0.
    """
    if not np.any(G):
        raise ValueError("G must not be zero: every point of the ball minimises a zero model")
    match norm:
        case "euclidean":
            return -radius * G / np.linalg.norm(G)
        case "max":
            return -radius * np.sign(G)
        case "spectral":
            U, _, Vh = np.linalg.svd(G, full_matrices=False)
            return -radius * U @ Vh
    raise ValueError(f"norm must be 'euclidean', 'max' or 'spectral', got {norm!r}")


LENGTHS = {
    "euclidean": np.linalg.norm,
    "max": lambda v: np.abs(v).max(),
    "spectral": lambda m: np.linalg.norm(m, 2),
}
SHAPES = ((3, 4), (5, 8), (8, 10), (12, 16), (20, 30))


def compare_with_conic(seed: int, norm: str, radius: float = 0.7) -> dict:
    """One random linear model: the closed-form step against cvxpy, which is told only the ball.

    ``gap``: relative difference of the two values of the model; ``length``: length of the closed form over the radius.
    In the spectral ball also ``wrong``, the relative loss of the sign step scaled to the sphere, and ``unscaled``, the
    length of t sign(G) over the radius. G is a vector of length 2 to 39, or a matrix of one of ``SHAPES``.
    """
    import cvxpy as cp

    from theorylab.problems.polyhedral import solve_accurately
    from theorylab.studies.broximal_point.other_balls import spectral_brox_conic

    stream = generator(seed, "model", norm)
    shape = SHAPES[seed % len(SHAPES)] if norm == "spectral" else (int(stream.integers(2, 40)),)
    G = stream.standard_normal(shape)
    D = linear_model_step(G, radius, norm)
    if norm == "spectral":
        Z = spectral_brox_conic(lambda Z: cp.sum(cp.multiply(G, Z)), np.zeros(shape), radius)
    else:
        z = cp.Variable(shape)
        ball = (cp.norm if norm == "euclidean" else cp.norm_inf)(z) <= radius
        solve_accurately(cp.Problem(cp.Minimize(G @ z), [ball]))
        Z = z.value
    best = np.sum(G * Z)
    row = {"gap": abs(np.sum(G * D) / best - 1), "length": LENGTHS[norm](D) / radius}
    if norm == "spectral":
        size = np.linalg.norm(np.sign(G), 2)
        row |= {"wrong": 1 + radius * np.sum(np.abs(G)) / size / best, "unscaled": size}
    return row
