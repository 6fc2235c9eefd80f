"""Best odd polynomials, in relative error, for a target on a set of points; and compositions of two of them."""

import numpy as np
from scipy.optimize import least_squares, linprog


def minimax(points, target, degree):
    """Coefficients (c_1, c_3, ..., c_degree) of the odd polynomial of least maximal relative error, and that error.

    A linear programme: minimise E subject to |p(x)/y - 1| <= E at the points. Raises ValueError for an even degree.
    """
    if degree % 2 == 0:
        raise ValueError(f"degree must be odd, got {degree}")
    top = np.max(points)
    basis = (points[:, None] / top) ** np.arange(1, degree + 1, 2) / target[:, None]
    ones = np.ones((len(points), 1))
    result = linprog(
        np.r_[np.zeros(basis.shape[1]), 1.0],
        A_ub=np.block([[basis, -ones], [-basis, -ones]]),
        b_ub=np.r_[np.ones(len(points)), -np.ones(len(points))],
        bounds=[(None, None)] * basis.shape[1] + [(0, None)],
    )
    if not result.success:
        raise RuntimeError(f"linear programme for the best polynomial failed: {result.message}")
    return result.x[:-1] / top ** np.arange(1, degree + 1, 2), float(result.x[-1])


def evaluate(coefficients, x):
    """c_1 x + c_3 x^3 + ... by Horner's rule."""
    square, total = np.square(x), 0.0
    for c in coefficients[::-1]:
        total = total * square + c
    return total * x


def two_steps(points, target, degree):
    """Relative error of a composition of two odd polynomials of the same degree; a local optimum, not a certificate.

    Starts from the best single polynomial followed by the identity and minimises the mean of |error|^q, q = 2, 8, 32.
    """
    first, error = minimax(points, target, degree)
    scale = np.max(points) ** np.arange(1, degree + 1, 2)
    height = np.max(target) ** np.arange(1, degree + 1, 2)
    identity = np.eye(len(first))[0]
    unknowns = np.r_[first * scale, identity * height]

    def errors(v):
        half = len(first)
        return evaluate(v[half:] / height, evaluate(v[:half] / scale, points)) / target - 1

    best = error
    for q in (2, 8, 32):
        size = np.max(np.abs(errors(unknowns)))
        if size == 0:
            break
        power = q / 2
        fit = least_squares(
            lambda v, size=size, power=power: np.abs(errors(v) / size) ** power, unknowns, x_scale="jac"
        )
        unknowns = fit.x
        best = min(best, float(np.max(np.abs(errors(unknowns)))))
    return best
