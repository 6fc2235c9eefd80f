"""Broximal steps of a linear model: the normalised and sign-like steps of first-order methods (BP-19)."""

import numpy as np


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
