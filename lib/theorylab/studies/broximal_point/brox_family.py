"""The test family of the broximal point method: closed forms, Newton-based operators and conic programmes."""

import numpy as np

from theorylab.problems.polyhedral import L1Regression, MaxAffine
from theorylab.problems.quadratic import Quadratic, spectrum
from theorylab.problems.sharp import EuclideanNorm, WeightedL1
from theorylab.problems.smooth_convex import Logistic, PseudoHuber, Quartic
from theorylab.random import generator

CLOSED_FORM = ("quadratic 10", "quadratic 1e6", "quadratic singular", "l1", "weighted l1", "norm2")
NEWTON = ("logistic", "quartic", "pseudo-Huber")
CONIC = ("l1 regression", "max-affine")
FAMILY = CLOSED_FORM + NEWTON + CONIC


def member(name: str, dimension: int, seed: int, trial=0):
    """Problem ``name`` of the family in the given dimension, from its own random stream.

    Raises ValueError for an unknown name.
    """
    stream = generator(seed, "brox family", name, dimension, trial)
    d = dimension
    match name:
        case "quadratic 10":
            return Quadratic.random(spectrum(10.0, d), stream)
        case "quadratic 1e6":
            return Quadratic.random(spectrum(1e6, d), stream)
        case "quadratic singular":
            w = spectrum(10.0, d)
            w[(d + 1) // 2 :] = 0.0
            return Quadratic.random(w, stream)
        case "l1":
            return WeightedL1(np.ones(d))
        case "weighted l1":
            return WeightedL1(stream.permutation(np.geomspace(1.0, 1e-4, d)))
        case "norm2":
            return EuclideanNorm(d)
        case "logistic":
            return Logistic.random(d, 6 * d, stream)
        case "quartic":
            return Quartic(stream.uniform(0.5, 2.0, d))
        case "pseudo-Huber":
            return PseudoHuber.random(d, 3 * d, stream)
        case "l1 regression":
            return L1Regression.random(d, 4 * d, stream)
        case "max-affine":
            return MaxAffine.random(d, 4 * d, stream)
    raise ValueError(f"unknown member {name!r}; choose one of {', '.join(FAMILY)}")
