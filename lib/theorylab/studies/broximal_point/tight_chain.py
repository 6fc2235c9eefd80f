"""The convex function on which the broximal point method needs every step that Result 4 allows, in exact arithmetic.

Vectors p_1, ..., p_K with <p_j, p_{j+1}> = e = 1/(4K), |p_j| = 1 for j < K, |p_K|^2 = 1 - 2(K-1)e, all other
products 0; f(y) = max_j c_j max(<p_j, y>, 0) with c_j / c_{j+1} = 2(1 + 2e)/e; start x_0 = p_1 + ... + p_K, radius 1.
Then |x_0|^2 = K, the minimiser nearest to x_0 is 0, and x_k = p_{k+1} + ... + p_K. Only inner products enter, so the
whole run is certified in Fractions without coordinates.
"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class ChainCertificate:
    """What was proved for one K: each field is a fact about the exact numbers; ``proved`` is their conjunction.

    ``runner_up`` is the largest ratio, over the steps, of the second largest piece to the active one. Below 1 it
    certifies the steps; its exact value tells whether the products were computed right.
    """

    K: int
    start_norm_squared: Fraction
    gram_positive_definite: bool
    every_step_certified: bool
    last_step_reaches: bool
    runner_up: Fraction

    @property
    def proved(self) -> bool:
        start = self.start_norm_squared == self.K
        return start and self.gram_positive_definite and self.every_step_certified and self.last_step_reaches


def certify_chain(K: int, epsilon: Fraction | None = None, ratio: Fraction | None = None) -> ChainCertificate:
    """Certificate that BPM with t = 1 needs exactly K steps on the chain of length K.

    Step k (1 <= k < K) is certified by: at x_k piece k is the only one of the largest positive value, so c_k p_k is the
    gradient there; x_{k-1} - x_k = p_k has length 1; hence x_k is the broximal point of x_{k-1} (converse of the Second
    Brox Theorem) and f(x_k) > 0. ``epsilon`` and ``ratio`` (of consecutive c_j) replace the construction's values.
    Raises ValueError for K < 2.
    """
    if K < 2:
        raise ValueError(f"K must be at least 2, got {K}: a chain of one vector needs one step by definition")
    e = Fraction(1, 4 * K) if epsilon is None else Fraction(epsilon)
    q = 2 * (1 + 2 * e) / e if ratio is None else Fraction(ratio)
    length = [Fraction(1)] * (K - 1) + [1 - 2 * (K - 1) * e]  # |p_j|^2

    pivot, positive = length[0], length[0] > 0
    for j in range(1, K):  # LDL^T of the tridiagonal Gram matrix
        if not positive:
            break
        pivot = length[j] - e * e / pivot
        positive = pivot > 0

    certified, runner_up = True, Fraction(0)
    for k in range(1, K):
        # <p_j, x_k> is 0 for j < k, e for j = k, and sums of neighbours beyond; weights relative to c_k.
        own = e
        weight, others = Fraction(1), []
        for j in range(k + 1, K + 1):
            weight /= q
            product = length[j - 1] + (e if j > k + 1 else 0) + (e if j < K else 0)
            others.append(weight * product)
        certified &= own > 0 and all(other < own for other in others) and length[k - 1] == 1
        runner_up = max(runner_up, max(others) / own)
    start = sum(length) + 2 * (K - 1) * e
    return ChainCertificate(K, start, positive, certified, 0 < length[K - 1] <= 1, runner_up)


def expected_runner_up(K: int) -> Fraction:
    """Closed form of ``ChainCertificate.runner_up`` for the construction above.

    At x_k the next piece has <p_{k+1}, x_k> = 1 + e (its own length and one neighbour) for k + 1 < K, and
    |p_K|^2 = 1 - 2(K-1)e for k + 1 = K; times c_{k+1} / c_k = e / (2(1 + 2e)), over <p_k, x_k> = e.
    """
    e = Fraction(1, 4 * K)
    product = 1 + e if K > 2 else 1 - 2 * e
    return product / (2 * (1 + 2 * e))
