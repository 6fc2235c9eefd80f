"""Random feature regression: what a layer sees when the layer below it is random.

All constructors return one :class:`LayerRegression` with the seeds as batch dimension. Data are drawn on the CPU from
streams named by the seed, in float64, and moved to ``device``.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from theorylab.random import torch_generator
from theorylab.studies.specgd_random_features.layer_regression import LayerRegression

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "silu": torch.nn.functional.silu, "identity": lambda x: x}
TARGETS = ("realisable", "noisy", "gaussian", "one-hot", "multiple of A", "rank R", "R rows")
CLASSES = 10
NOISE = 0.1


def _normal(seed: int, *purpose, rows: int, columns: int) -> Tensor:
    return torch.randn(rows, columns, generator=torch_generator(seed, *purpose), dtype=torch.float64)


def product_features(weights: Tensor, inputs: Tensor, activation: str = "relu") -> Tensor:
    """A = activation(W_1 X) for W_1 (..., k, latent) and X (..., latent, n).

    Raises ValueError when the product is not defined (naming both shapes) or the activation is unknown.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    if weights.shape[-1] != inputs.shape[-2]:
        raise ValueError(
            f"weights of shape {tuple(weights.shape[-2:])} and inputs of shape {tuple(inputs.shape[-2:])} have no "
            f"product: give inputs with {weights.shape[-1]} rows or weights with {inputs.shape[-2]} columns"
        )
    return ACTIVATIONS[activation](weights @ inputs)


def features(seed: int, d: int = 100, n: int = 400, latent: int | None = None, activation: str = "relu") -> Tensor:
    """A = activation(W_1 X), shape (d, n), with X (latent, n) of entries N(0, 1) and W_1 (d, latent) of entries
    N(0, 1/latent), so that every entry of W_1 X has variance one; latent = d/2 by default.

    The activation "swiglu" is gated by a second layer like the first: A = silu(W_1 X) o (W_2 X), entry by entry.
    Raises ValueError for sizes below one, or fewer samples than features.
    """
    latent = d // 2 if latent is None else latent
    if min(d, n, latent) < 1:
        raise ValueError(f"d, n and latent must be at least one, got {d}, {n}, {latent}")
    if n < d:
        raise ValueError(f"n = {n} samples cannot determine d = {d} features: give n >= d")
    inputs = _normal(seed, "inputs", rows=latent, columns=n)
    weights = _normal(seed, "first layer", rows=d, columns=latent) / math.sqrt(latent)
    if activation == "swiglu":
        gate = _normal(seed, "gate", rows=d, columns=latent) / math.sqrt(latent)
        return product_features(weights, inputs, "silu") * product_features(gate, inputs, "identity")
    return product_features(weights, inputs, activation)


def white(seed: int, d: int = 100, n: int = 400, spike: float = 0.0) -> Tensor:
    """A = Z + spike 1 1^T, shape (d, n), Z of entries N(0, 1): features without a mean, and with a prescribed one."""
    return _normal(seed, "white features", rows=d, columns=n) + spike


def targets(seed: int, A: Tensor, kind: str = "realisable", rank: int = 1) -> Tensor:
    """Targets Y for features A (k, n); entries of the hidden weights W# (k, k) are N(0, 1/k).

    ``realisable`` W# A; ``noisy`` W# A + 0.1 noise; ``gaussian`` pure noise N(0, 1), k rows; ``one-hot`` random labels
    of ten classes, ten rows; ``multiple of A`` 2 A; ``rank R`` W# A with W# = B C, B (k, rank), C (rank, k), scaled so
    that its entries have variance 1/k; ``R rows`` W# A with W# (rank, k) of entries N(0, 1/k): gradients of the same
    rank for a fraction of the work, and of full row rank, so that no direction has to be dropped. Raises ValueError
    for an unknown kind or a rank outside 1..k.
    """
    k, n = A.shape[-2:]
    if kind not in TARGETS:
        raise ValueError(f"kind must be one of {', '.join(TARGETS)}, got {kind!r}")
    if kind == "gaussian":
        return _normal(seed, "targets", rows=k, columns=n)
    if kind == "one-hot":
        labels = torch.randint(CLASSES, (n,), generator=torch_generator(seed, "labels"))
        return torch.nn.functional.one_hot(labels, CLASSES).T.to(A.dtype)
    if kind == "multiple of A":
        return 2 * A
    if kind in ("rank R", "R rows") and not 1 <= rank <= k:
        raise ValueError(f"rank must lie between 1 and k = {k}, got {rank}")
    if kind == "R rows":
        return _normal(seed, "hidden rows", rank, rows=rank, columns=k) / math.sqrt(k) @ A
    if kind == "rank R":
        left, right = _normal(seed, "left", rows=k, columns=rank), _normal(seed, "right", rows=rank, columns=k)
        return left @ right / math.sqrt(rank * k) @ A
    Y = _normal(seed, "hidden weights", rows=k, columns=k) / math.sqrt(k) @ A
    return Y + NOISE * _normal(seed, "noise", rows=k, columns=n) if kind == "noisy" else Y


def regression(
    seeds: Sequence[int],
    d: int = 100,
    target: str = "realisable",
    *,
    rank: int = 1,
    activation: str = "relu",
    latent: int | None = None,
    n: int | None = None,
    device: str = "cpu",
) -> LayerRegression:
    """The regression of Figure 14 of the source, one problem per seed: d features of n = 4 d samples, latent d/2.

    Raises ValueError for no seeds; other errors as in ``features`` and ``targets``.
    """
    n = 4 * d if n is None else n
    return gathered(seeds, lambda seed: features(seed, d, n, latent, activation), target, rank=rank, device=device)


def gathered(
    seeds: Sequence[int],
    make_features: Callable[[int], Tensor],
    target: str = "realisable",
    *,
    rank: int = 1,
    device: str = "cpu",
) -> LayerRegression:
    """One problem per seed with the features ``make_features(seed)``. Raises ValueError for no seeds."""
    seeds = list(seeds)
    if not seeds:
        raise ValueError("seeds is empty: give at least one seed")
    A = [make_features(seed) for seed in seeds]
    Y = [targets(seed, a, target, rank) for seed, a in zip(seeds, A)]
    return LayerRegression(torch.stack(A).to(device), torch.stack(Y).to(device))


def small_problems(
    seed: int, count: int, m: int = 4, k: int = 4, n: int = 6, decades: float = 2.0, device: str = "cpu"
) -> LayerRegression:
    """``count`` ill-conditioned problems: A (k, n) with Haar singular vectors and singular values log-uniform over
    ``decades`` decades, Y (m, n) of entries N(0, 1). Raises ValueError for count < 1 or n < k."""
    if count < 1 or n < k:
        raise ValueError(f"count must be at least one and n at least k, got count={count}, n={n}, k={k}")
    stream = torch_generator(seed, "small problems", m, k, n)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=stream, dtype=torch.float64)

    left, right = torch.linalg.qr(normal(count, k, k))[0], torch.linalg.qr(normal(count, n, k))[0]
    sigma = 10 ** (-decades * torch.rand(count, k, generator=stream, dtype=torch.float64))
    return LayerRegression(((left * sigma[:, None, :]) @ right.mT).to(device), normal(count, m, n).to(device))
