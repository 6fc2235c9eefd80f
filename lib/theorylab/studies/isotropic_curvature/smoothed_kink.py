"""The minimiser at a rounded kink, H'(r) = A + (B - A) sigmoid((r - 1)/eps), as eps goes to zero.

The minimiser sits within O(eps) of (1, ..., 1); in the unknowns z = (s - 1)/eps the problem has a limit, so that
Newton's method works for any eps without cancellation.
"""

import numpy as np
from scipy.special import expit

from theorylab.studies.isotropic_curvature import sphere


def minimise(sigma, kink, widths, order=400):
    """Scaled minimisers z = (s - 1)/eps, shape (len(widths), n), for decreasing widths eps; radius of the kink 1.

    Continuation from the widest. Stops at a stationarity residual of 1e-13 relative to sigma. Raises RuntimeError
    when Newton's method fails, and ValueError unless the kink sits at radius one.
    """
    if kink.radius != 1.0:
        raise ValueError(f"smoothed_kink works at radius one, got {kink.radius}; rescale s by the radius")
    sigma = np.asarray(sigma, dtype=float)
    x, weights = sphere.octant(len(sigma), order)
    jump = kink.above - kink.below
    z = np.zeros(len(sigma))
    found = []
    for eps in widths:
        for _ in range(200):
            s = 1 + eps * z
            r = np.sqrt(x @ s**2)
            lift = (x @ (2 * z + eps * z**2)) / (r + 1)  # (r - 1)/eps without subtracting
            gate = expit(lift)
            slope = kink.below + jump * gate
            grad = -sigma + s * ((weights * slope / r) @ x)
            if np.max(np.abs(grad) / sigma) < 1e-13:
                break
            rows = s * x
            bend = jump * gate * expit(-lift)  # eps * H''
            hessian = (
                eps * np.diag((weights * slope / r) @ x) + (rows.T * (weights * (bend - eps * slope / r) / r**2)) @ rows
            )
            step = -np.linalg.solve(hessian, grad)
            z = z + step * min(1.0, 1.0 / np.max(np.abs(step)))
        else:
            raise RuntimeError(f"Newton's method did not converge at width {eps:g}; add widths in between")
        found.append(z)
    return np.array(found)
