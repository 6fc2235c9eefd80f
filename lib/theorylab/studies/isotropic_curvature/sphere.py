"""Averages over the unit sphere of functions of r = ||Qu||, which depend on Q through its singular values only.

Write s for the singular values of Q and x_i = u_i^2. Then r^2 = sum_i s_i^2 x_i with x ~ Dirichlet(1/2, ..., 1/2), and
three exact tools follow:

* even moments are polynomials in the power sums of s^2 (`even_moment`);
* any power r^p is one integral over a half line, because u = g / ||g|| for a Gaussian g, whose quadratic forms have an
  explicit Laplace transform (`power_moment`, `power_weights`);
* everything else, in dimension two to five, is a product Gauss rule in x (`octant`).
"""

import itertools
import math

import numpy as np
from scipy.special import gammaln, roots_chebyt, roots_gegenbauer

# Trapezoidal step in log t. The integrand is analytic for |Im log t| < pi: the error is of order exp(-2 pi^2 / step).
_LOG_STEP = 0.4


def octant(dimension, order):
    """Gauss rule for sphere averages of even functions of u: nodes x = u^2 of shape (K, dimension), weights (K,).

    Stick breaking: u_1^2 ~ Beta(1/2, (n-1)/2), and the rest of u is uniform on a smaller sphere. With K = order^(n-1)
    nodes the rule is exact for polynomials of degree 2 * order - 1 in every x_i. The weights add to one.

    Raises ValueError for a dimension below one or an order below one.
    """
    if dimension < 1 or order < 1:
        raise ValueError(f"octant needs dimension >= 1 and order >= 1, got dimension={dimension}, order={order}")
    if dimension == 1:
        return np.ones((1, 1)), np.ones(1)
    # u_1 has the Gegenbauer weight (1 - z^2)^((n-3)/2); the positive half of its even rule is the Gauss rule in z^2.
    z, w = roots_gegenbauer(2 * order, (dimension - 2) / 2) if dimension > 2 else roots_chebyt(2 * order)
    first, w = z[order:] ** 2, w[order:] / w[order:].sum()
    rest, rest_w = octant(dimension - 1, order)
    x = np.concatenate(
        [np.repeat(first, len(rest))[:, None], np.kron((1 - first)[:, None], rest)],
        axis=1,
    )
    return x, np.kron(w, rest_w)


def directions(dimension, order):
    """The rule of `octant` as unit vectors u of shape (K, dimension) with all signs up to u -> -u, and weights (K,)."""
    x, w = octant(dimension, order)
    signs = np.array(np.meshgrid(*[[1.0, -1.0]] * (dimension - 1), indexing="ij")).reshape(dimension - 1, -1).T
    signs = np.concatenate([np.ones((len(signs), 1)), signs], axis=1)
    u = (np.sqrt(x)[:, None, :] * signs[None, :, :]).reshape(-1, dimension)
    return u, np.repeat(w, len(signs)) / len(signs)


def exchangeable(dimension, order, count=None):
    """The rule of `octant` averaged over all orders of the coordinates: x (K, count), weights (K,).

    Swapping two columns changes nothing, as on the sphere itself, so that an argument by symmetry holds for the rule
    exactly and not only up to its error. `count` columns are kept (default all): a wide Q has fewer than `dimension`.
    """
    x, w = octant(dimension, order)
    orders = list(itertools.permutations(range(dimension)))
    x = np.concatenate([x[:, columns] for columns in orders])[:, : count or dimension]
    return x, np.tile(w, len(orders)) / len(orders)


def draw(generator, count, dimension):
    """`count` independent uniform points on the unit sphere, shape (count, dimension)."""
    g = generator.standard_normal((count, dimension))
    return g / np.linalg.norm(g, axis=1, keepdims=True)


def _form_moment(scales, order, twice=False):
    """E X^order of X = sum_i scales_i g_i^2 over the last axis, shape (...).

    With `twice` one value for each i, shape (..., p): the moment of X + scales_i chi^2(2).
    Cumulants are kappa_j = 2^(j-1) (j-1)! sum_i freedom_i scales_i^j; every term of the recursion is positive.
    """
    cumulants, moments = [], [1.0]
    for k in range(1, order + 1):
        sums = np.sum(scales**k, axis=-1, keepdims=twice) + (2 * scales**k if twice else 0)
        cumulants.append(2.0 ** (k - 1) * math.factorial(k - 1) * sums)
        moments.append(sum(math.comb(k - 1, j - 1) * cumulants[j - 1] * moments[k - j] for j in range(1, k + 1)))
    return np.broadcast_to(moments[order], scales.shape if twice else scales.shape[:-1])


def even_moment(s, order, dimension=None):
    """E ||Qu||^(2 order) on the unit sphere of R^dimension for singular values s (..., p); shape (...).

    With S_k = sum_i s_i^k and S = S_2 the first three are S/n, (S^2 + 2 S_4) / (n(n+2)) and
    (S^3 + 6 S S_4 + 8 S_6) / (n(n+2)(n+4)). `dimension` defaults to p; a larger one means a wide Q.
    """
    s = np.asarray(s, dtype=float)
    n = _dimension(s, dimension)
    moment = _form_moment(s**2, order)
    return moment / math.prod(n + 2 * k for k in range(order))


def power_moment(s, power, dimension=None):
    """E ||Qu||^power for positive singular values s (..., p) and any real power > 0; shape (...), relative error 1e-14.

    For X = sum_i s_i^2 g_i^2 and power/2 = k - a with an integer k:
    E X^(k-a) = (1/Gamma(a)) int_0^inf t^(a-1) E[X^k e^(-tX)] dt, and e^(-tX) only rescales s_i^2 to s_i^2/(1+2ts_i^2).
    """
    return _laplace(s, power, dimension, weighted=False)


def power_weights(s, power, dimension=None):
    """E[||Qu||^(power-2) u_i^2] for positive singular values s (..., p); shape (..., p).

    The gradient of E ||Qu||^power is power * s_i times this. A factor g_i^2 turns chi^2(1) into chi^2(3), which is all
    that changes in the integral of `power_moment`.
    """
    return _laplace(s, power, dimension, weighted=True)


def _dimension(s, dimension):
    n = s.shape[-1] if dimension is None else dimension
    if n < s.shape[-1]:
        raise ValueError(f"dimension={n} is smaller than the number of singular values, {s.shape[-1]}")
    return n


def _laplace(s, power, dimension, weighted):
    s = np.asarray(s, dtype=float)
    n = _dimension(s, dimension)
    if power <= 0:
        raise ValueError(f"power must be positive, got {power}")
    if not np.all(s > 0):
        raise ValueError("power averages need positive singular values; drop the zeros and pass dimension=n")
    p = s.shape[-1]
    top = s.max(axis=-1, keepdims=True)
    scales = (s / top) ** 2
    q = power / 2
    log_radial = q * math.log(2) + gammaln(n / 2 + q) - gammaln(n / 2)  # log E ||g||^power
    if abs(q - round(q)) < 1e-12:
        moment = _form_moment(scales, round(q) - weighted, weighted)
    else:
        k = math.ceil(q + 0.5)
        a = k - q  # in [1/2, 3/2)
        low, high = -40 / a, -math.log(scales.min()) + 40 / (q + p / 2)
        t = np.exp(np.arange(low, high, _LOG_STEP)).reshape((-1,) + (1,) * scales.ndim)
        logs = np.log1p(2 * t * scales)
        transform = np.exp(-0.5 * np.sum(logs, axis=-1, keepdims=True) - logs if weighted else -0.5 * np.sum(logs, -1))
        moment = transform * _form_moment(scales / (1 + 2 * t * scales), k - weighted, weighted)
        moment = _LOG_STEP * np.sum(t.reshape((-1,) + (1,) * (moment.ndim - 1)) ** a * moment, axis=0) / math.gamma(a)
    scale = top ** (power - 2) if weighted else top[..., 0] ** power
    return moment * scale * math.exp(-log_radial)
