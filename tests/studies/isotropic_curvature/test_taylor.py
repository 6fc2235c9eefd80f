"""The losses behind the model: derivatives, and Taylor's formula with its integral remainder."""

import numpy as np
import pytest

from theorylab.random import generator
from theorylab.studies.isotropic_curvature import taylor

LOSSES = [taylor.logistic(), taylor.cross_entropy(), taylor.quadratic(1.7), taylor.fourth_power()]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_derivatives(loss):
    z, h = generator(0, "test", "loss").standard_normal((5, 3)), 1e-5
    for j, e in enumerate(np.eye(3)):
        np.testing.assert_allclose(
            (loss.value(z + h * e) - loss.value(z - h * e)) / (2 * h), loss.grad(z)[:, j], atol=1e-7
        )
        np.testing.assert_allclose(
            (loss.grad(z + h * e) - loss.grad(z - h * e)) / (2 * h), loss.hess(z)[:, j], atol=1e-7
        )


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_taylor_formula(loss):
    stream = generator(0, "test", "taylor")
    W, D, u = (stream.standard_normal(shape) for shape in ((3, 4), (3, 4), (6, 4)))
    assert taylor.relative_residual(loss, W, D, u) < 1e-12
    assert taylor.relative_residual(loss, W, D, u, weight=lambda t: 1.0) > 0.1
