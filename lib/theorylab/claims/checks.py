"""The vocabulary in which evidence is given: each function returns a :class:`Check`.

A check asks one question and answers it with ``holds`` and ``share``, the share of its allowance that was used:
measured / allowed, or required / measured for lower bounds. 0.31 and 0.999 tell a reader more than two times "yes".

A false claim makes a check fail; unusable data make it raise :class:`CheckError`: NaN, infinities, no data, or an
allowance that is zero or negative. Exact zeros and counts have no allowance to use up and go through
:func:`certified`.

Statistical checks declare ``false_alarm``, the probability that a single check errs although its hypothesis is true:

===============  ==========================================================  =====================
check            hypothesis                                                  the error bounded
===============  ==========================================================  =====================
`rate`           the mean log-log slope lies in [low, high]                  check fails
`frequency`      the success probability is at least (most) the bound        check fails
`same_law`       the sample follows the given law                            check fails
`separated`      the mean difference is at most ``margin``                   check holds
===============  ==========================================================  =====================
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FALSE_ALARM = 1e-3


class CheckError(ValueError):
    """The data or the allowance given to a check cannot decide anything; the message says which and what to do."""


# What a reader is shown where a relation does not hold: never the relation itself.
NEGATED = {"≤": ">", "≥": "<", "=": "≠", ">": "≤", "in": "not in"}


@dataclass(frozen=True)
class Check:
    """Answer of a check: whether it ``holds``, the ``share`` of the allowance used (None when there is none to
    speak of), what was ``measured``, the ``sign`` it should bear to what is ``allowed``, and the declared
    ``false_alarm`` rate of a statistical check. A proof is a statement alone, with an empty ``sign``."""

    holds: bool
    share: float | None
    measured: str
    sign: str = ""
    allowed: str = ""
    false_alarm: float | None = None

    @property
    def relation(self) -> str:
        """What was found, in words: the relation, or its negation where the check fails."""
        if not self.sign:
            return self.measured if self.holds else f"NOT: {self.measured}"
        return f"{self.measured} {self.found_sign} {self.allowed}"

    @property
    def found_sign(self) -> str:
        """The sign between what was measured and what is allowed: the negated one where the check fails."""
        return self.sign if self.holds else NEGATED.get(self.sign, "")

    def __bool__(self) -> bool:
        raise TypeError("a Check is evidence, not a truth value: give it to claim(...).judge, or ask for `.holds`")


@dataclass(frozen=True)
class Slope:
    """Log-log slope: its ``estimate`` and the ``half_width`` of its confidence interval."""

    estimate: float
    half_width: float

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends of the confidence interval."""
        return self.estimate - self.half_width, self.estimate + self.half_width


def _data(name: str, values) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.size == 0:
        raise CheckError(f"{name} is empty: a check without data proves nothing; look at the sweep that made it")
    if np.isnan(array).any():
        raise CheckError(f"{name} contains NaN: NaN never holds; find the run that produced it")
    if np.isinf(array).any():
        raise CheckError(f"{name} contains an infinity: cap or report divergent runs before they are checked")
    return array


def _allowance(name: str, value) -> np.ndarray:
    array = _data(name, value)
    if (array <= 0).any():
        raise CheckError(
            f"{name} must be positive, got {np.min(array):.6g}; exact zeros and counts go through certified()"
        )
    return array


def _probability(name: str, value: float, *, upper: float = 1.0) -> float:
    if not 0 < value < upper:
        raise CheckError(f"{name} must lie in (0, {upper:g}), got {value!r}")
    return float(value)


def at_most(measured, allowed) -> Check:
    """measured <= allowed, element by element; the share is the largest measured / allowed (0 if negative)."""
    measured, allowed = np.broadcast_arrays(_data("measured", measured), _allowance("allowed", allowed))
    shares = measured / allowed
    worst = int(np.argmax(shares))
    share = max(float(shares.flat[worst]), 0.0)
    holds = bool((measured <= allowed).all())
    return Check(holds, share, f"{measured.flat[worst]:.6g}", "≤", f"{allowed.flat[worst]:.6g}")


def at_least(measured, required) -> Check:
    """measured >= required > 0, element by element; the share is the largest required / measured.

    A measured value of zero or below fails and has no share.
    """
    measured, required = np.broadcast_arrays(_data("measured", measured), _allowance("required", required))
    worst = int(np.argmin(measured / required))
    smallest, bound = float(measured.flat[worst]), float(required.flat[worst])
    share = bound / smallest if smallest > 0 else None
    return Check(bool((measured >= required).all()), share, f"{smallest:.6g}", "≥", f"{bound:.6g}")


def within(measured, low, high) -> Check:
    """low <= measured <= high, element by element; the share is the largest distance from the middle of the interval
    over half its length."""
    low, high = np.broadcast_arrays(_data("low", low), _data("high", high))
    _allowance("high - low", high - low)
    measured, low, high = np.broadcast_arrays(_data("measured", measured), low, high)
    shares = np.abs(measured - (low + high) / 2) / ((high - low) / 2)
    worst = int(np.argmax(shares))
    holds = bool(((low <= measured) & (measured <= high)).all())
    interval = f"[{low.flat[worst]:.6g}, {high.flat[worst]:.6g}]"
    return Check(holds, float(shares.flat[worst]), f"{measured.flat[worst]:.6g}", "in", interval)


def equal(measured, target, *, relative=None, absolute=None) -> Check:
    """|measured - target| <= ``absolute``, or <= ``relative`` * |target|; give exactly one of the two."""
    if (relative is None) == (absolute is None):
        raise CheckError("give exactly one of relative= and absolute=")
    measured, target = np.broadcast_arrays(_data("measured", measured), _data("target", target))
    if absolute is None:
        if (target == 0).any():
            raise CheckError("a relative tolerance around a target of zero allows nothing; use absolute=")
        allowed = _allowance("relative", relative) * np.abs(target)
    else:
        allowed = _allowance("absolute", absolute)
    difference = np.abs(measured - target)
    shares = difference / allowed
    worst = int(np.argmax(shares))
    allowed = np.broadcast_to(allowed, shares.shape)
    wanted = f"{target.flat[worst]:.8g} ± {allowed.flat[worst]:.3g}"
    holds = bool((difference <= allowed).all())
    return Check(holds, float(shares.flat[worst]), f"{measured.flat[worst]:.8g}", "=", wanted)


def certified(proved: bool, statement: str) -> Check:
    """A proof, an exact zero or a count that was verified: share 0 if ``proved``, none otherwise.

    ``statement`` says what was proved. ``proved`` must be a boolean: a number would be a tolerance in disguise.
    """
    if not isinstance(proved, bool | np.bool_):
        raise CheckError(
            f"proved must be True or False, got {proved!r}; compare the number with what it should be first"
        )
    if not statement:
        raise CheckError("statement must say what was proved")
    return Check(bool(proved), 0.0 if proved else None, statement)


def all_of(*checks: Check) -> Check:
    """Several numbers under one name: holds if all ``checks`` do; the share is the worst of them (none if a failing
    check has none).

    What a reader would call by different names are different parts of a verdict instead. The declared false-alarm
    rates add up (union bound).
    """
    if not checks:
        raise CheckError("all_of needs at least one check")
    for check in checks:
        if not isinstance(check, Check):
            raise CheckError(f"all_of combines checks, got {check!r}")
    rates = [check.false_alarm for check in checks if check.false_alarm is not None]
    lost = any(check.share is None for check in checks)
    return Check(
        all(check.holds for check in checks),
        None if lost else max(check.share for check in checks),
        "; ".join(dict.fromkeys(check.relation for check in checks)),
        false_alarm=sum(rates) if rates else None,
    )


def _student_quantile(probability: float, freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def slope(x, y, *, confidence: float = 0.95) -> Slope:
    """Slope of log y against log x with a two-sided t interval.

    ``x`` has shape (n,). ``y`` of shape (n,), n >= 3: least squares, interval from the residuals. ``y`` of shape
    (seeds, n), seeds >= 2, n >= 2: one slope per seed, interval from their spread.
    """
    _probability("confidence", confidence)
    x, y = _allowance("x", x), _allowance("y", y)
    if x.ndim != 1 or y.shape[-1:] != x.shape or y.ndim not in (1, 2):
        raise CheckError(f"x must have shape (n,) and y (n,) or (seeds, n); got {x.shape} and {y.shape}")
    centred = np.log(x) - np.log(x).mean()
    if not (centred**2).sum() > 0:
        raise CheckError("x must contain at least two different values to have a slope")
    slopes = np.log(y) @ centred / (centred**2).sum()
    if y.ndim == 1:
        freedom = len(x) - 2
        if freedom < 1:
            raise CheckError("a slope with an interval needs at least three points")
        residuals = np.log(y) - np.log(y).mean() - slopes * centred
        error = math.sqrt((residuals**2).sum() / freedom / (centred**2).sum())
    else:
        freedom = len(y) - 1
        if freedom < 1:
            raise CheckError("a slope over seeds needs at least two seeds")
        error = float(slopes.std(ddof=1)) / math.sqrt(len(y))
    half_width = _student_quantile((1 + confidence) / 2, freedom) * error
    return Slope(float(np.mean(slopes)), half_width)


def rate(x, y, *, low: float = -math.inf, high: float = math.inf, false_alarm: float = FALSE_ALARM) -> Check:
    """The log-log slope of y against x lies in [low, high]: its (1 - false_alarm) interval meets that band.

    Data as in :func:`slope`. For a gate on the point estimate use ``equal(slope(x, y).estimate, ...)``. A wide
    interval makes this check weak, never strict: its negative control shows whether it can still fail.
    """
    _probability("false_alarm", false_alarm, upper=0.5)
    if not low < high or (math.isinf(low) and math.isinf(high)):
        raise CheckError(f"low < high with at least one of them finite is needed, got low={low}, high={high}")
    found = slope(x, y, confidence=1 - false_alarm)

    def used(excess: float, bound: float) -> float:
        """Share of a one-sided allowance |bound| + half-width: 1 where the interval just touches the bound."""
        allowance = abs(bound) + found.half_width
        return max(0.0, 1 + (excess - found.half_width) / allowance) if allowance > 0 else (0.0 if excess <= 0 else 2.0)

    if math.isinf(low):
        share = used(found.estimate - high, high)
    elif math.isinf(high):
        share = used(low - found.estimate, low)
    else:
        share = abs(found.estimate - (low + high) / 2) / ((high - low) / 2 + found.half_width)
    holds = found.interval[1] >= low and found.interval[0] <= high
    band = f"[{low:.4g}, {high:.4g}]"
    return Check(holds, share, f"slope {found.estimate:.4g} ± {found.half_width:.2g}", "in", band, false_alarm)


def linear_rate(values, *, at_most: float) -> Check:
    """The sequence contracts at least geometrically: the factor fitted to log ``values`` is below ``at_most``."""
    allowed = float(_allowance("at_most", at_most))
    values = _allowance("values", values)
    if values.ndim != 1 or len(values) < 3:
        raise CheckError(f"values must be a sequence of at least three positive numbers, got shape {values.shape}")
    steps = np.arange(len(values)) - (len(values) - 1) / 2
    factor = math.exp(float(np.log(values) @ steps / (steps**2).sum()))
    return Check(factor <= allowed, factor / allowed, f"contraction factor {factor:.6g}", "≤", f"{allowed:.6g}")


def frequency(
    successes: int,
    trials: int,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    false_alarm: float = FALSE_ALARM,
) -> Check:
    """The success probability is at least (at most) the bound, by the exact binomial (Clopper-Pearson) limit.

    Fails only if the one-sided limit at level 1 - false_alarm excludes the bound. The Wilson interval would be
    shorter, but its true error exceeds the declared one for some bounds and sizes; this one never does.
    """
    from scipy.special import betaincinv

    _probability("false_alarm", false_alarm, upper=0.5)
    if (at_least is None) == (at_most is None):
        raise CheckError("give exactly one of at_least= and at_most=")
    counts = _data("successes and trials", [successes, trials])
    if (counts != np.round(counts)).any() or not 0 <= successes <= trials or trials < 1:
        raise CheckError(
            f"0 <= successes <= trials with trials >= 1 must be whole numbers, got {successes} of {trials}"
        )
    if at_least is not None:
        bound = _probability("at_least", at_least)
        upper = 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1 - false_alarm))
        holds, share, sign, limit = upper >= bound, bound / upper, "≥", f"p up to {upper:.3g}"
    else:
        bound = _probability("at_most", at_most)
        lower = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, false_alarm))
        holds, share, sign, limit = lower <= bound, lower / bound, "≤", f"p from {lower:.3g}"
    return Check(holds, share, f"{limit} ({successes} of {trials})", sign, f"{bound:.6g}", false_alarm)


def same_law(sample, law: Callable | np.ndarray, *, false_alarm: float = FALSE_ALARM) -> Check:
    """The sample follows ``law``, a cumulative distribution function or a second, independent sample.

    Kolmogorov-Smirnov; the share is the distance over its critical value at level ``false_alarm``.
    """
    _probability("false_alarm", false_alarm, upper=0.5)
    sample = np.sort(_data("sample", sample).ravel())
    size = len(sample)
    ranks = np.arange(size + 1) / size
    if callable(law):
        heights = _data("law(sample)", law(sample))
        distance = max((heights - ranks[:-1]).max(), (ranks[1:] - heights).max())
    else:
        other = np.sort(_data("law", law).ravel())
        both = np.concatenate([sample, other])
        distance = np.abs(_empirical(sample, both) - _empirical(other, both)).max()
        size = max(1, round(len(sample) * len(other) / (len(sample) + len(other))))
    critical = _kolmogorov_critical(false_alarm, size)
    measured = f"Kolmogorov-Smirnov distance {distance:.4g}"
    return Check(bool(distance <= critical), float(distance / critical), measured, "≤", f"{critical:.4g}", false_alarm)


def _empirical(ordered: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.searchsorted(ordered, at, side="right") / len(ordered)


@functools.cache
def _kolmogorov_critical(false_alarm: float, size: int) -> float:
    from scipy import stats

    return float(stats.kstwo.isf(false_alarm, size))


def separated(first, second, *, margin: float = 0.0, false_alarm: float = FALSE_ALARM) -> Check:
    """The mean of the paired differences first - second exceeds ``margin`` (one-sided t limit).

    Holds only if the lower limit at level 1 - false_alarm does; the share is the half-width over the distance of the
    mean difference from ``margin`` (none when the mean lies on the wrong side).
    """
    _probability("false_alarm", false_alarm, upper=0.5)
    first, second = _data("first", first).ravel(), _data("second", second).ravel()
    if first.shape != second.shape:
        raise CheckError(f"paired samples must have equal length, got {len(first)} and {len(second)}")
    if len(first) < 3:
        raise CheckError("a paired difference needs at least three pairs")
    differences = first - second
    half_width = _student_quantile(1 - false_alarm, len(first) - 1) * differences.std(ddof=1) / math.sqrt(len(first))
    distance = float(differences.mean()) - margin
    share = float(half_width / distance) if distance > 0 else None
    measured = f"mean difference {differences.mean():.4g} ± {half_width:.2g}"
    return Check(bool(distance > half_width), share, measured, ">", f"{margin:.4g}", false_alarm)
