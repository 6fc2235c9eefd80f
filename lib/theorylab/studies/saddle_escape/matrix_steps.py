"""Update directions of matrix optimizers, as pure functions batched over the leading dimensions, and the conventions
that make their lengths comparable.

A step is W <- (1 - stepsize * decay) W - stepsize * scaled(D). Under NATIVE D is taken as it comes: Muon's has operator
norm about one, the sign's has entries +-1, the normalised gradient has Frobenius norm one: in an n x n matrix their
Frobenius norms are sqrt(n), n and 1. FRO gives every D Frobenius norm one, RMS a root-mean-square entry of 0.2.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from theorylab.spectral import orthogonalize

CONVENTIONS = ("NATIVE", "FRO", "RMS")
RMS_ENTRY = 0.2
MOMENTUM = 0.95
ADAM_BETAS, ADAM_EPSILON, ADAM_DECAY = (0.9, 0.95), 1e-8, 0.01


class Method(NamedTuple):
    """``direction(G, state, t) -> (D, state)`` at step t = 1, 2, ... ; ``state`` is a tuple of tensors like G, first
    zero, ``memory`` of them; ``decay`` is the decoupled weight decay."""

    direction: Callable[[Tensor, tuple, int], tuple[Tensor, tuple]]
    memory: int = 0
    decay: float = 0.0


def normalised(G: Tensor) -> Tensor:
    """G / ||G||_F per matrix; zero stays zero."""
    norm = torch.linalg.matrix_norm(G, keepdim=True)
    return G / torch.where(norm > 0, norm, 1)


def polynomial(G: Tensor) -> Tensor:
    """Five steps of Muon's quintic: singular values near one."""
    return orthogonalize(G, "jordan", check=False)


def exact_polar(G: Tensor) -> Tensor:
    """The polar factor."""
    return orthogonalize(G, "exact", check=False)


def spectral_gradient(G: Tensor) -> Tensor:
    """SpecGD: the polar factor times the nuclear norm, the steepest descent step in the operator norm."""
    O = exact_polar(G)
    return O * (G * O).sum((-2, -1), keepdim=True)


def with_momentum(G: Tensor, state: tuple, beta: float) -> tuple[Tensor, tuple]:
    """The quintic of the heavy-ball sum m <- beta m + G."""
    m = beta * state[0] + G
    return polynomial(m), (m,)


def adam(G: Tensor, state: tuple, t: int) -> tuple[Tensor, tuple]:
    """Adam's direction m_hat / (sqrt(v_hat) + 1e-8), decays 0.9 and 0.95, bias corrected."""
    first, second = ADAM_BETAS
    m = torch.lerp(state[0], G, 1 - first)
    v = torch.lerp(state[1], G * G, 1 - second)
    length = (v / (1 - second**t)).sqrt_().add_(ADAM_EPSILON)
    return (m / (1 - first**t)).div_(length), (m, v)


# The functions are looked up when called, so that a test can replace one of them.
METHODS = {
    "SGD": Method(lambda G, state, t: (G, state)),
    "NGD": Method(lambda G, state, t: (normalised(G), state)),
    "sign": Method(lambda G, state, t: (torch.sign(G), state)),
    "AdamW": Method(lambda G, state, t: adam(G, state, t), memory=2, decay=ADAM_DECAY),
    "Muon": Method(lambda G, state, t: (polynomial(G), state)),
    "Muon, momentum": Method(lambda G, state, t: with_momentum(G, state, MOMENTUM), memory=1),
    "Muon, momentum 0.999": Method(lambda G, state, t: with_momentum(G, state, 0.999), memory=1),
    "exact polar": Method(lambda G, state, t: (exact_polar(G), state)),
    "SpecGD": Method(lambda G, state, t: (spectral_gradient(G), state)),
}


def scaled(D: Tensor, convention: str) -> Tensor:
    """D under the step convention NATIVE, FRO or RMS (see the module). Raises ValueError for another one."""
    if convention == "NATIVE":
        return D
    if convention == "FRO":
        return normalised(D)
    if convention == "RMS":
        return RMS_ENTRY * (D.shape[-2] * D.shape[-1]) ** 0.5 * normalised(D)
    raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}")


def method(name: str) -> Method:
    """The method of that name. Raises ValueError naming the known ones."""
    if name not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {name!r}")
    return METHODS[name]
