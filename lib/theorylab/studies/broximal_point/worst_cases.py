"""Worst cases over all convex functions in all dimensions, by semidefinite programming (PEPit).

A broximal step that ends off Argmin f is a proximal step: u = x - gamma g with g a subgradient at u and gamma = t/|g|
(Second Brox Theorem, arXiv 2502.02002), so that |x - u| = gamma |g| = t. In these terms Results 3 and 7 are
inequalities between inner products and values of f, and the largest violation over all convex f is a small semidefinite
programme (Drori and Teboulle 2014; Taylor, Hendrickx and Glineur 2017). It knows neither this library's operators nor
its test functions, and its answer holds in every dimension.

``convex = False`` replaces the convex functions by all functions with a 1-Lipschitz gradient: the control.
Every function raises RuntimeError when the solver does not report an optimum.
"""

#: The solver stops at a duality gap and an infeasibility of 1e-8, on data of order one; the bound reported is its dual
#: value, corrected for infeasibility. A hundred times the solver's accuracy is allowed for it.
ACCURACY = 1e-6


class _WorstCase:
    """max of a quantity over f, a minimiser ``star`` with value ``least``, a start ``x0`` and steps from it."""

    def __init__(self, convex: bool = True):
        from PEPit import PEP
        from PEPit.functions import ConvexFunction, SmoothFunction

        self.problem = PEP()
        self.f = self.problem.declare_function(ConvexFunction) if convex else self._smooth(SmoothFunction)
        self.star = self.f.stationary_point()
        self.least = self.f(self.star)
        self.x0 = self.problem.set_initial_point()
        self.convex = convex

    def _smooth(self, kind):
        return self.problem.declare_function(kind, L=1.0)

    def at_most(self, quantity, bound: float = 1.0) -> None:
        self.problem.set_initial_condition(quantity <= bound)

    def step(self, x, gamma: float):
        """(u, g, f(u)) with u = x - gamma g and g a subgradient at u."""
        from PEPit.primitive_steps import proximal_step

        u, g, value = proximal_step(x, self.f, gamma)
        if not self.convex:  # a stationary point of a nonconvex f need not be a minimiser: say that this one is
            self.problem.add_constraint(value >= self.least)
        return u, g, value

    def largest(self, quantity) -> float:
        from cvxpy import SolverError

        self.problem.set_performance_metric(quantity)
        try:
            value = self.problem.solve(wrapper="cvxpy", solver="CLARABEL", verbose=0)
        except SolverError as error:
            raise RuntimeError("the solver failed on the semidefinite programme; rescale its steps") from error
        if value is None:
            raise RuntimeError("the semidefinite programme has no optimum: its quantity is unbounded")
        return float(value)


def distance_excess(convex: bool = True, gamma: float = 0.5, gain: float = 1.0) -> float:
    """Largest |u - x_*|^2 - |x - x_*|^2 + gain |x - u|^2 of one step with |x - x_*| <= 1; Result 3 says 0 for gain 1,
    and a step that ends at x_* leaves gain - 1: no larger gain is true.

    For convex f the value of ``gamma`` does not matter: scaling f changes it, not the step.
    """
    worst = _WorstCase(convex)
    worst.at_most((worst.x0 - worst.star) ** 2)
    u, _, _ = worst.step(worst.x0, gamma)
    return worst.largest((u - worst.star) ** 2 - (worst.x0 - worst.star) ** 2 + gain * (worst.x0 - u) ** 2)


def distance_excess_with_minimiser_in_reach() -> float:
    """Largest |u - x_*|^2 - |x - x_*|^2 + t^2, t = 1, when u is any minimiser of f in B(x, 1) and |x - x_*| <= 1."""
    worst = _WorstCase()
    worst.at_most((worst.x0 - worst.star) ** 2)
    u = worst.f.stationary_point()
    worst.problem.add_constraint((u - worst.x0) ** 2 <= 1)
    return worst.largest((u - worst.star) ** 2 - (worst.x0 - worst.star) ** 2 + 1)


def weighted_slopes(gammas, convex: bool = True) -> float:
    """Largest sum of t_k |g_{k+1}| = gamma_k |g_{k+1}|^2 over the steps, with f(x_0) - f_* <= 1; Result 7 says 1."""
    worst = _WorstCase(convex)
    x, total = worst.x0, 0
    worst.at_most(worst.f(x) - worst.least)
    for gamma in gammas:
        x, g, _ = worst.step(x, gamma)
        total = total + gamma * g**2
    return worst.largest(total)


def proximal_point_gap(steps: int, gamma: float = 1.0) -> float:
    """Largest f(x_k) - f_* after k = ``steps`` proximal steps, over convex f with |x_0 - x_*| <= 1.

    Known value: 1 / (4 gamma k), attained by |x| / (2 gamma k) on the line from x_0 = 1.
    """
    worst = _WorstCase()
    worst.at_most((worst.x0 - worst.star) ** 2)
    x = worst.x0
    for _ in range(steps):
        x, _, value = worst.step(x, gamma)
    return worst.largest(value - worst.least)
