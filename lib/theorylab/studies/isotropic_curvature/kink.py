"""Curvatures with a kink, H(r) = A r below r_0 and slope B above: when is orthogonalization exactly optimal?

For m >= n and G of full column rank, ||r_0 msgn(G) u|| = r_0 for every u: all of the sphere sits on the kink, and the
subdifferential of E H(||Qu||) there is { r-independent averages E[xi(u) u_i^2] : xi(u) in [A, B] }. So r_0 msgn(G) is
optimal iff sigma is such an average, which convex duality turns into a family of linear inequalities (`slack`).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear, minimize_scalar
from scipy.special import betainc, betaincc, ndtr

from theorylab.studies.isotropic_curvature import sphere


@dataclass(frozen=True)
class Kink:
    """H(r) = below * r + (above - below) * max(r - radius, 0) with 0 <= below < above."""

    below: float
    above: float
    radius: float = 1.0

    def __post_init__(self):
        if not 0 <= self.below < self.above:
            raise ValueError(f"a kink needs 0 <= below < above, got below={self.below}, above={self.above}")

    @property
    def name(self):
        return f"kink {self.below:g} to {self.above:g}"

    def value(self, r):
        return self.below * r + (self.above - self.below) * np.maximum(r - self.radius, 0)

    def slope(self, r):
        return np.where(r > self.radius, self.above, self.below)


def slack(directions, sigma, kink, x, weights):
    """E[B (w.x)_+ - A (w.x)_-] - <w, sigma> for rows w of `directions` (D, n); shape (D,).

    r_0 msgn(G) is optimal iff this is nonnegative for every w. `x`, `weights`: a rule of
    :mod:`~theorylab.studies.isotropic_curvature.sphere`.
    """
    return np.sum(directions * (extreme_points(directions, kink, x, weights) - sigma), axis=1)


def extreme_points(directions, kink, x, weights):
    """E[xi(u) u^2], shape (D, n), for the bang-bang xi = B where w.x > 0 and A elsewhere, one for each row w (D, n).

    These are the boundary points of the convex set of spectra sigma for which r_0 msgn(G) is optimal.
    """
    xi = np.where(directions @ x.T > 0, kink.above, kink.below)
    return (xi * weights) @ x


def minimum_slack(sigma, kink, order=None, count=2000):
    """Smallest slack over unit vectors w, for two or three singular values (a grid of w, refined twice).

    Nonnegative iff r_0 msgn(G) is optimal. The rule has `order` nodes per axis (2000 for n = 2, 48 for n = 3).
    """
    sigma = np.asarray(sigma, dtype=float)
    n = len(sigma)
    if n not in (2, 3):
        raise ValueError(f"minimum_slack scans directions in two or three dimensions, got {n} singular values")
    x, weights = sphere.octant(n, order or {2: 2000, 3: 48}[n])

    def scan(lows, highs, points):
        axes = [np.linspace(a, b, points) for a, b in zip(lows, highs, strict=True)]
        angles = np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")], axis=1)
        values = slack(_unit(angles), sigma, kink, x, weights)
        best = int(np.argmin(values))
        width = [(b - a) / (points - 1) for a, b in zip(lows, highs, strict=True)]
        return float(values[best]), angles[best], width

    points = count // 4 if n == 2 else 40
    lows, highs = ([0.0], [2 * np.pi]) if n == 2 else ([0.0, 0.0], [np.pi, 2 * np.pi])
    smallest = np.inf
    for _ in range(3):
        value, angle, width = scan(lows, highs, points)
        smallest = min(smallest, value)
        lows, highs = angle - 1.5 * np.array(width), angle + 1.5 * np.array(width)
        points = 31 if n == 2 else 13
    return smallest


def slack_in_the_plane(directions, sigma, kink):
    """`slack` for two singular values without a rule: shape (D,) for directions (D, 2).

    With u = (cos t, sin t) the form is w.x = a + b cos 2t, a = (w_1 + w_2)/2, b = (w_1 - w_2)/2, and
    E (w.x)_+ = (a arccos(-a/|b|) + sqrt(b^2 - a^2)) / pi for |a| < |b|, else max(a, 0).
    """
    w = np.asarray(directions, dtype=float)
    a, b = (w[:, 0] + w[:, 1]) / 2, np.abs(w[:, 0] - w[:, 1]) / 2
    ratio = np.clip(a / np.where(b > 0, b, 1), -1, 1)
    inside = (a * np.arccos(-ratio) + np.sqrt(np.maximum(b**2 - a**2, 0))) / np.pi
    positive = np.where(np.abs(a) < b, inside, np.maximum(a, 0))
    return kink.below * a + (kink.above - kink.below) * positive - w @ np.asarray(sigma, dtype=float)


def minimum_slack_in_the_plane(sigma, kink, count=4001):
    """Smallest `slack_in_the_plane` over unit vectors: a grid of angles, refined by Brent's method."""

    def at(angle):
        return float(slack_in_the_plane(_unit(np.array([[angle]])), sigma, kink)[0])

    angles = np.linspace(0, 2 * np.pi, count)
    best = angles[np.argmin(slack_in_the_plane(_unit(angles[:, None]), sigma, kink))]
    step = 2 * np.pi / (count - 1)
    found = minimize_scalar(at, bounds=(best - step, best + step), method="bounded", options={"xatol": 1e-10})
    return float(min(found.fun, at(best)))


def smallest_subgradient(sigma, kink, x, weights):
    """Norm of the shortest subgradient E[xi(u) u^2] - sigma at r_0 msgn(G), over xi in [A, B] at the nodes.

    Zero exactly when r_0 msgn(G) is optimal; a bounded least-squares problem, solved as such and not through `slack`.
    """
    moments = (x * weights[:, None]).T
    found = lsq_linear(moments, np.asarray(sigma, dtype=float), bounds=(kink.below, kink.above), tol=1e-14)
    return float(np.linalg.norm(moments @ found.x - sigma))


def _unit(angles):
    if angles.shape[1] == 1:
        return np.stack([np.cos(angles[:, 0]), np.sin(angles[:, 0])], axis=1)
    polar, azimuth = angles.T
    return np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], axis=1)


def necessary(sigma, kink):
    """Whether A/n <= sigma_i <= B/n for all i: necessary for optimality, not sufficient."""
    sigma = np.asarray(sigma, dtype=float)
    n = len(sigma)
    return bool(np.all(kink.below / n <= sigma) and np.all(sigma <= kink.above / n))


def sufficient(sigma, kink):
    """Whether xi(u) = sum_j a_j u_j^2, a_j = (n/2)((n+2) sigma_j - sum sigma), lies in [A, B]: sufficient."""
    sigma = np.asarray(sigma, dtype=float)
    n = len(sigma)
    a = n / 2 * ((n + 2) * sigma - sigma.sum())
    return bool(np.all(kink.below <= a) and np.all(a <= kink.above))


def threshold(cond, dimension, shape="spike"):
    """Smallest B/A at which msgn is optimal for a spectrum of two values, its scale matched; closed form.

    `shape` "spike" is (k, 1, ..., 1), "inverse spike" is (k, ..., k, 1). An extremal xi is B where f > 0, else A, with
    f = x_1 - k (1 - x_1)/(n-1) for the spike and f = (1 - x_n)/(n-1) - k x_n for the inverse spike, so that
    B/A = E f_- / E f_+ = 1 + (k - 1) / (n E f_+).
    """
    gain = _expected_positive(cond, dimension, shape)[0]
    return 1 + (cond - 1) / (dimension * gain)


def matched_spectrum(cond, dimension, shape="spike", below=1.0):
    """The spectrum sigma (n,) of the extremal xi at the threshold, with A = below and B = threshold * below."""
    n = dimension
    _, mass, mean = _expected_positive(cond, n, shape)
    jump = threshold(cond, n, shape) - 1
    # x is the square of the single coordinate: of the large value for the spike, of the small one otherwise.
    single = below * (1 / n + jump * mean)
    other = below * ((1 - 1 / n) + jump * (mass - mean)) / (n - 1)
    return np.array([single] + [other] * (n - 1)) if shape == "spike" else np.array([other] * (n - 1) + [single])


def threshold_in_the_limit(cond, shape="spike"):
    """`threshold` for dimension -> infinity, where n x is the square of a standard normal variable z.

    n E f_+ tends to E (z^2 - k)_+ = 2 (c phi(c) + (1 - k) Q(c)), c = sqrt(k), for the spike and to
    E (1 - k z^2)_+ = 2 ((1 - k)(1/2 - Q(c)) + k c phi(c)), c = 1/sqrt(k), for the inverse spike
    (phi the normal density, Q its upper tail). At k = 1 the slope of both is 1/(2 phi(1)) = 2.066.
    """
    k = cond
    c = np.sqrt(k) if shape == "spike" else 1 / np.sqrt(k)
    density, upper = np.exp(-(c**2) / 2) / np.sqrt(2 * np.pi), ndtr(-c)
    gain = 2 * (c * density + (1 - k) * upper) if shape == "spike" else 2 * ((1 - k) * (0.5 - upper) + k * c * density)
    return float(1 + (k - 1) / gain)


def _expected_positive(cond, n, shape):
    """E f_+, P(f > 0) and E[x 1(f > 0)] for x ~ Beta(1/2, (n-1)/2)."""
    k, b = cond, (n - 1) / 2
    if n < 2 or cond < 1:
        raise ValueError(f"a threshold needs dimension >= 2 and cond >= 1, got dimension={n}, cond={cond}")
    if shape == "spike":
        edge = k / (n - 1 + k)
        mass, mean = betaincc(0.5, b, edge), betaincc(1.5, b, edge) / n
        return mean - k * (mass - mean) / (n - 1), mass, mean
    if shape == "inverse spike":
        edge = 1 / (1 + k * (n - 1))
        mass, mean = betainc(0.5, b, edge), betainc(1.5, b, edge) / n
        return (mass - mean) / (n - 1) - k * mean, mass, mean
    raise ValueError(f'shape must be "spike" or "inverse spike", got {shape!r}')
