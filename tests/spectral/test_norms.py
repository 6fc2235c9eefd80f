"""Norm, dual and oracle belong together (<g, lmo(g)> = -dual(g), value(lmo(g)) = 1)."""

import cvxpy as cp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from theorylab.random import torch_generator
from theorylab.spectral.norms import Frobenius, MaxColumn, MaxEntry, Spectral, rms_operator, sharp

SHAPE = (5, 7)
NORMS = {
    "frobenius": Frobenius(),
    "spectral": Spectral(),
    "rms operator": rms_operator(SHAPE),
    "max entry": MaxEntry(),
    "scaled max entry": MaxEntry(scale=1 / 7),
    "max column": MaxColumn(),
}


def draw(seed, *batch):
    return torch.randn(*batch, *SHAPE, generator=torch_generator(seed, "norms"), dtype=torch.float64)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_oracle_dual_and_value(seed):
    g, x = draw(seed), draw(seed + 1)
    for norm in NORMS.values():
        lmo = norm.lmo(g)
        assert float((g * lmo).sum()) == pytest.approx(-float(norm.dual(g)), rel=1e-9)
        assert float(norm.value(lmo)) == pytest.approx(1, rel=1e-9)
        assert float((g * x).sum()) <= float(norm.dual(g) * norm.value(x)) * (1 + 1e-12)
        assert float((g * sharp(norm, g)).sum()) == pytest.approx(float(norm.dual(g)) ** 2, rel=1e-9)


@pytest.mark.parametrize("name", NORMS)
def test_batches_and_zero(name):
    norm, batch = NORMS[name], draw(3, 4)
    torch.testing.assert_close(norm.lmo(batch)[2], norm.lmo(batch[2]))
    assert norm.value(batch).shape == norm.dual(batch).shape == (4,)
    assert torch.equal(norm.lmo(torch.zeros(SHAPE)), torch.zeros(SHAPE))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frobenius", lambda X: cp.norm(X, "fro")),
        ("spectral", cp.sigma_max),
        ("max entry", lambda X: cp.max(cp.abs(X))),
    ],
)
def test_against_convex_programming(name, value):
    g = draw(5)
    X = cp.Variable(SHAPE)
    problem = cp.Problem(cp.Minimize(cp.sum(cp.multiply(g.numpy(), X))), [value(X) <= 1])
    problem.solve(solver=cp.CLARABEL)
    assert float(NORMS[name].dual(g)) == pytest.approx(-problem.value, rel=1e-6)
    np.testing.assert_allclose(NORMS[name].lmo(g).numpy(), X.value, atol=1e-4)
