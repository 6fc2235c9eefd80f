"""Each check accepts a true and rejects a false sample, refuses unusable data, and errs as rarely as it declares."""

import math

import numpy as np
import pytest
from scipy import stats

from theorylab.claims import (
    CheckError,
    all_of,
    at_least,
    at_most,
    certified,
    equal,
    frequency,
    linear_rate,
    rate,
    same_law,
    separated,
    slope,
)
from theorylab.random import generator

NULL_DRAWS = 20_000
X = np.array([16.0, 32.0, 64.0, 128.0])


def powers(exponent, spread, seeds, stream):
    """``seeds`` noisy power laws over X: lognormal noise with standard deviation ``spread`` at each point."""
    return np.exp(exponent * np.log(X) + spread * stream.standard_normal((seeds, len(X))))


# Evidence that is true and evidence that is false, one pair per check.
TRUE_AND_FALSE = {
    "at_most": (lambda: at_most([0.1, 0.9], 1.0), lambda: at_most([0.1, 1.01], 1.0)),
    "at_most, 1 % too far": (lambda: at_most(1.0, 1.0), lambda: at_most(1.01, 1.0)),
    "at_most, negative": (lambda: at_most(-3.0, 1.0), lambda: at_most([-3.0, 2.0], 1.0)),
    "at_least": (lambda: at_least([2.0, 5.0], 2.0), lambda: at_least([1.99, 5.0], 2.0)),
    "at_least, negative": (lambda: at_least(3.0, 2.0), lambda: at_least(-3.0, 2.0)),
    "equal, relative": (lambda: equal(1.009, 1.0, relative=0.01), lambda: equal(1.011, 1.0, relative=0.01)),
    "equal, below": (lambda: equal(-0.991, -1.0, relative=0.01), lambda: equal(-0.989, -1.0, relative=0.01)),
    "equal, absolute": (lambda: equal([0, 1e-9], 0, absolute=1e-8), lambda: equal([0, -1e-7], 0, absolute=1e-8)),
    "certified": (lambda: certified(True, "2 = 2"), lambda: certified(False, "2 = 3")),
    "all_of": (lambda: all_of(at_most(1, 2), at_least(3, 2)), lambda: all_of(at_most(1, 2), at_least(1, 2))),
    "rate, one series": (
        lambda: rate(X, X**-2, low=-2.02, high=-1.98),
        lambda: rate(X, X**-2.1, low=-2.02, high=-1.98),
    ),
    "rate, above": (lambda: rate(X, X, low=0.5), lambda: rate(X, X**0.4, low=0.5)),
    "rate, below": (lambda: rate(X, X**0.4, high=0.5), lambda: rate(X, X, high=0.5)),
    "rate, at zero": (lambda: rate(X, X**-1, high=0), lambda: rate(X, X, high=0)),
    "linear_rate": (
        lambda: linear_rate(0.5 ** np.arange(9), at_most=0.51),
        lambda: linear_rate(0.6 ** np.arange(9), at_most=0.51),
    ),
    "frequency, at least": (lambda: frequency(99, 100, at_least=0.95), lambda: frequency(60, 100, at_least=0.95)),
    "frequency, all": (lambda: frequency(100, 100, at_least=0.95), lambda: frequency(0, 100, at_least=0.95)),
    "frequency, at most": (lambda: frequency(1, 100, at_most=0.05), lambda: frequency(40, 100, at_most=0.05)),
    "same_law": (
        lambda: same_law(stats.norm.ppf((np.arange(500) + 0.5) / 500), stats.norm.cdf),
        lambda: same_law(stats.norm.ppf((np.arange(500) + 0.5) / 500), stats.norm(0.3).cdf),
    ),
    "same_law, two samples": (
        lambda: same_law(np.arange(500.0), np.arange(500.0) + 0.5),
        lambda: same_law(np.arange(500.0), np.arange(500.0) + 100),
    ),
    "separated": (
        lambda: separated(np.arange(9.0) + [1, 1.1, 1.2] * 3, np.arange(9.0)),
        lambda: separated(np.arange(9.0) + [0.1, -0.1, 0.05] * 3, np.arange(9.0)),
    ),
}


@pytest.mark.parametrize("name", TRUE_AND_FALSE)
def test_accepts_the_true_and_rejects_the_false(name):
    true, false = (evidence() for evidence in TRUE_AND_FALSE[name])
    assert true.holds
    assert true.share is not None
    assert 0 <= true.share <= 1
    assert not false.holds
    assert false.share is None or false.share > 1


BAD_DATA = [np.nan, np.inf, -np.inf]
TAKES_DATA = {
    "at_most": lambda v: at_most([1.0, v], 2.0),
    "at_least": lambda v: at_least([1.0, v], 0.5),
    "equal": lambda v: equal([1.0, v], 1.0, absolute=1.0),
    "equal, target": lambda v: equal(1.0, [1.0, v], absolute=1.0),
    "rate": lambda v: rate(X, [1.0, 2.0, 3.0, v], low=0),
    "rate, x": lambda v: rate([1.0, 2.0, 3.0, v], X, low=0),
    "slope": lambda v: slope(X, [1.0, 2.0, 3.0, v]),
    "linear_rate": lambda v: linear_rate([1.0, 0.5, v], at_most=0.9),
    "frequency": lambda v: frequency(v, 10, at_least=0.5),
    "same_law": lambda v: same_law([0.1, 0.2, v], stats.uniform.cdf),
    "same_law, second": lambda v: same_law([0.1, 0.2], [0.1, v]),
    "separated": lambda v: separated([1.0, 2.0, v], [0.0, 0.0, 0.0]),
    "allowance": lambda v: at_most(1.0, v),
    "required": lambda v: at_least(1.0, v),
}


@pytest.mark.parametrize("bad", BAD_DATA)
@pytest.mark.parametrize("name", TAKES_DATA)
def test_refuses_nan_and_infinity(name, bad):
    with pytest.raises(CheckError, match=r"NaN|infinity"):
        TAKES_DATA[name](bad)


REFUSED = {
    "no data": (lambda: at_most([], 1.0), "empty"),
    "no data to compare": (lambda: equal([], [], absolute=1.0), "empty"),
    "no sample": (lambda: same_law([], stats.norm.cdf), "empty"),
    "no series": (lambda: rate([], [], low=0), "empty"),
    "no differences": (lambda: separated([], []), "empty"),
    "no checks": (lambda: all_of(), "at least one"),
    "zero allowance": (lambda: at_most(0.0, 0.0), "positive.*certified"),
    "negative allowance": (lambda: at_most(0.0, -1.0), "positive"),
    "zero requirement": (lambda: at_least(1.0, 0.0), "positive"),
    "zero tolerance": (lambda: equal(1.0, 1.0, absolute=0.0), "positive"),
    "relative to zero": (lambda: equal(1.0, 0.0, relative=0.1), "absolute="),
    "two tolerances": (lambda: equal(1.0, 1.0, relative=0.1, absolute=0.1), "exactly one"),
    "number as proof": (lambda: certified(1e-17, "tiny"), "True or False"),
    "nothing proved": (lambda: certified(True, ""), "what was proved"),
    "not a check": (lambda: all_of(True), "combines checks"),
    "negative series": (lambda: rate(X, -X, low=0), "positive"),
    "constant x": (lambda: rate([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], low=0), "different values"),
    "two points": (lambda: rate([1.0, 2.0], [1.0, 2.0], low=0), "three points"),
    "one seed": (lambda: rate(X, [X], low=0), "two seeds"),
    "shapes": (lambda: rate(X, X[:-1], low=0), "shape"),
    "no band": (lambda: rate(X, X), "finite"),
    "empty band": (lambda: rate(X, X, low=1, high=1), "low < high"),
    "certain": (lambda: rate(X, X, low=1, false_alarm=0.0), "false_alarm"),
    "short sequence": (lambda: linear_rate([1.0, 0.5], at_most=0.9), "three"),
    "no trials": (lambda: frequency(0, 0, at_least=0.5), "trials >= 1"),
    "more than all": (lambda: frequency(11, 10, at_least=0.5), "successes <= trials"),
    "half a success": (lambda: frequency(0.5, 10, at_least=0.5), "whole"),
    "both bounds": (lambda: frequency(5, 10, at_least=0.4, at_most=0.6), "exactly one"),
    "sure bound": (lambda: frequency(5, 10, at_least=1.0), "at_least"),
    "unpaired": (lambda: separated([1.0, 2.0, 3.0], [1.0, 2.0]), "equal length"),
    "two pairs": (lambda: separated([1.0, 2.0], [0.0, 0.0]), "three pairs"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_cannot_decide(name):
    evidence, message = REFUSED[name]
    with pytest.raises(CheckError, match=message):
        evidence()


def test_a_check_is_not_a_truth_value():
    with pytest.raises(TypeError, match=r"\.holds"):
        bool(at_most(1, 2))


def test_shares_are_shares_of_the_allowance():
    assert at_most([0.2, 0.31], 1.0).share == pytest.approx(0.31)
    assert at_most(-1, 2).share == 0
    assert at_least([4.0, 8.0], 1.0).share == pytest.approx(0.25)
    assert at_least(-1.0, 1.0).share is None
    assert equal(1.005, 1.0, relative=0.01).share == pytest.approx(0.5)
    assert certified(True, "exact").share == 0
    assert certified(False, "exact").share is None
    assert all_of(at_most(1, 4), at_most(1, 2)).share == pytest.approx(0.5)
    assert all_of(certified(False, "x"), at_most(1, 2)).share is None
    assert rate(X, X**2, low=1.9, high=2.1).share == pytest.approx(0, abs=1e-9)
    assert linear_rate([1, 0.5, 0.25], at_most=1.0).share == pytest.approx(0.5)


def test_false_alarms_of_combined_checks_add_up():
    first, second = frequency(9, 10, at_least=0.5), frequency(9, 10, at_least=0.5, false_alarm=1e-4)
    assert all_of(first, second, at_most(1, 2)).false_alarm == pytest.approx(1.1e-3)
    assert all_of(at_most(1, 2)).false_alarm is None


def binomial_rows(probability, trials):
    return generator(0, "null", "frequency", trials).binomial(trials, probability, NULL_DRAWS)


def normals(name, *shape):
    return generator(0, "null", name, *shape).standard_normal((NULL_DRAWS, *shape))


# Draws at the worst point of the hypothesis, each giving True when the check errs.
NULLS = {
    "rate, 4 seeds": lambda: (not rate(X, np.exp(z), low=-1, high=0).holds for z in 0.3 * normals("rate", 4, 4)),
    "rate, 10 seeds": lambda: (not rate(X, np.exp(z), low=-1, high=0).holds for z in 0.3 * normals("rate", 10, 4)),
    "rate, one series": lambda: (not rate(X, np.exp(z), low=0).holds for z in 0.3 * normals("rate", 4)),
    "frequency, 30 trials": lambda: (not frequency(k, 30, at_least=0.9).holds for k in binomial_rows(0.9, 30)),
    "frequency, 1000 trials": lambda: (not frequency(k, 1000, at_least=0.95).holds for k in binomial_rows(0.95, 1000)),
    "frequency, rare": lambda: (not frequency(k, 500, at_most=0.01).holds for k in binomial_rows(0.01, 500)),
    "same_law, 100": lambda: (not same_law(z, stats.norm.cdf).holds for z in normals("law", 100)),
    "same_law, two of 60": lambda: (not same_law(z[0], z[1]).holds for z in normals("law", 2, 60)),
    "separated, 8 pairs": lambda: (separated(z[0] + 0.5, z[1], margin=0.5).holds for z in normals("pairs", 2, 8)),
    "separated, 24 pairs": lambda: (separated(z[0], z[1]).holds for z in normals("pairs", 2, 24)),
}


@pytest.mark.parametrize("name", NULLS)
def test_false_alarm_rate_is_the_declared_one(name):
    """The Clopper-Pearson 99.9 % lower limit of the rate over 20,000 null draws must not exceed the declared 1e-3."""
    errors = list(NULLS[name]())
    assert len(errors) >= NULL_DRAWS
    count = sum(errors)
    lower = 0.0 if count == 0 else stats.beta.ppf(1e-3, count, len(errors) - count + 1)
    assert lower <= 1e-3, f"{count} false alarms"


def effects(name, *shape, draws=400):
    return generator(1, "power", name, *shape).standard_normal((draws, *shape))


# The effect stated in the name must be found in at least 95 % of draws.
POWERS = {
    "rate, 8 seeds, slope 0.2 outside with 20 % noise": lambda: (
        not rate(X, X**0.2 * np.exp(z), low=-1, high=0).holds for z in 0.1 * effects("rate", 8, 4)
    ),
    "rate, 4 seeds, slope 0.8 outside with 10 % noise": lambda: (
        not rate(X, X**0.8 * np.exp(z), low=-1, high=0).holds for z in 0.1 * effects("rate", 4, 4)
    ),
    "frequency, 100 trials, 0.7 instead of 0.95": lambda: (
        not frequency(k, 100, at_least=0.95).holds for k in generator(1, "power", "frequency").binomial(100, 0.7, 400)
    ),
    "same_law, 1000, mean off by 0.2 sd": lambda: (
        not same_law(z + 0.2, stats.norm.cdf).holds for z in effects("law", 1000)
    ),
    "same_law, two of 1000, mean off by 0.4 sd": lambda: (
        not same_law(z[0] + 0.4, z[1]).holds for z in effects("law", 2, 1000)
    ),
    "separated, 8 pairs, 3 sd": lambda: (
        separated(z[0] + 3.0 * math.sqrt(2), z[1]).holds for z in effects("pairs", 2, 8)
    ),
    "separated, 24 pairs, 1.2 sd": lambda: (
        separated(z[0] + 1.2 * math.sqrt(2), z[1]).holds for z in effects("pairs", 2, 24)
    ),
}


@pytest.mark.parametrize("name", POWERS)
def test_power_at_the_stated_effect(name):
    found = list(POWERS[name]())
    assert np.mean(found) >= 0.95


def test_slope_recovers_a_power_law_with_its_interval():
    found = slope(X, powers(-0.75, 0.05, 16, generator(0, "slope")))
    low, high = found.interval
    assert low < -0.75 < high
    assert found.half_width < 0.05
    assert slope(X, X**1.5).estimate == pytest.approx(1.5)
