"""Which weight matrix of a small network gains more from a spectral step than from a Euclidean one?

A perceptron z_l = W_l relu(z_(l-1)) with three weights and cross-entropy loss. At several times during training one
block at a time is moved, all others stay.
"""

import itertools

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from theorylab.random import torch_generator
from theorylab.spectral.orthogonalize import orthogonalize
from theorylab.studies.specgd_random_features.glyphs import CLASSES, SIDE, glyphs

HIDDEN = (48, 48)
TRAINING_STEP, MOMENTUM = 0.1, 0.9
# Multiples of each direction's own guaranteed step over which the line search looks.
GRID = tuple(2.0**exponent for exponent in range(20))


def compare_blocks(seed: int, times: int = 20, samples: int = 300, spacing: int = 8) -> pd.DataFrame:
    """Table with one row per block and training time: ``nuclear_rank`` of the block's gradient, ``stable_rank`` of its
    incoming activations, and the decrease of the loss by a Euclidean and a spectral step of that block alone, with the
    steps 1/L and 1/L_F (``fixed_gd``, ``fixed_spec``) and with the best multiple of each on a common grid
    (``search_gd``, ``search_spec``; the multiples are ``multiple_gd``, ``multiple_spec``).

    L = c ||A||_op^2/n and L_F = c ||A||_F^2/n, with c the largest eigenvalue over the samples of the Gauss-Newton
    matrix of the loss in the block's output. The network is trained by gradient descent with momentum on all blocks,
    ``spacing`` steps between two looks. Raises ValueError for times or samples below one.
    """
    if min(times, samples, spacing) < 1:
        raise ValueError(f"times, samples and spacing must be at least one, got {times}, {samples}, {spacing}")
    images, digits = glyphs(seed, samples)
    weights = _initial(seed)
    momenta = [torch.zeros_like(W) for W in weights]
    rows = []
    for step in range(spacing * (times - 1) + 1):
        inputs, gradients, loss, curvatures = _look(weights, images, digits, measure=step % spacing == 0)
        if step % spacing == 0:
            for block in range(len(weights)):
                row = _compare(weights, block, inputs[block], gradients[block], curvatures[block], images, digits, loss)
                rows.append({"block": block + 1, "step": step, "loss": float(loss), **row})
        momenta = [MOMENTUM * V + G for V, G in zip(momenta, gradients)]
        weights = [W - TRAINING_STEP * V for W, V in zip(weights, momenta)]
    return pd.DataFrame(rows)


def _initial(seed: int) -> list[Tensor]:
    stream = torch_generator(seed, "perceptron")
    sizes = (SIDE**2, *HIDDEN, CLASSES)
    return [
        torch.randn(rows, columns, generator=stream, dtype=torch.float64) * (2 / columns) ** 0.5
        for columns, rows in itertools.pairwise(sizes)
    ]


def _forward(weights: list[Tensor], images: Tensor) -> tuple[list[Tensor], Tensor]:
    """Inputs of every block (k_l, n) and the logits (10, n)."""
    inputs = [images]
    for W in weights[:-1]:
        inputs.append(torch.relu(W @ inputs[-1]))
    return inputs, weights[-1] @ inputs[-1]


def loss_of(weights: list[Tensor], images: Tensor, digits: Tensor) -> Tensor:
    """Mean cross-entropy."""
    return functional.cross_entropy(_forward(weights, images)[1].T, digits)


def _look(weights, images, digits, measure: bool):
    """Inputs, gradients by block, loss, and (when asked for) the curvature c of every block."""
    inputs, logits = _forward(weights, images)
    probabilities = logits.softmax(0)
    hot = functional.one_hot(digits, CLASSES).T.to(logits.dtype)
    loss = functional.cross_entropy(logits.T, digits)
    n = images.shape[1]
    # jacobian: derivative of the logits by the output of the block, (n, 10, width), from the last block to the first.
    jacobian = torch.eye(CLASSES, dtype=logits.dtype).expand(n, -1, -1)
    if measure:
        root = _root(torch.diag_embed(probabilities.T) - probabilities.T[:, :, None] * probabilities.T[:, None])
    slope = (probabilities - hot) / n
    gradients, curvatures = [], []
    for block in reversed(range(len(weights))):
        gradients.append(slope @ inputs[block].T)
        if measure:
            # The nonzero eigenvalues of J^T H J are those of R^T J J^T R with H = R R^T, a 10 x 10 matrix.
            half = root.mT @ jacobian
            curvatures.append(torch.linalg.eigvalsh(half @ half.mT)[:, -1].max())
        if block:
            open_units = (inputs[block] > 0).to(slope.dtype)
            slope = (weights[block].T @ slope) * open_units
            jacobian = (jacobian @ weights[block]) * open_units.T[:, None]
    return inputs, gradients[::-1], loss, curvatures[::-1] if measure else [None] * len(weights)


def _root(hessian: Tensor) -> Tensor:
    """R with R R^T = H for a batch of positive semidefinite matrices."""
    values, vectors = torch.linalg.eigh(hessian)
    return vectors * values.clamp_min(0).sqrt()[..., None, :]


def _compare(weights, block, A, G, curvature, images, digits, loss) -> dict:
    n = A.shape[1]
    factor = orthogonalize(G, "svd")
    nuclear, energy = (G * factor).sum(), G.square().sum()
    operator, frobenius = torch.linalg.matrix_norm(A, ord=2).square(), A.square().sum()
    steps = {
        "gd": -G / (curvature * operator / n),
        "spec": -nuclear / (curvature * frobenius / n) * factor,
    }
    found = {"nuclear_rank": float(nuclear.square() / energy), "stable_rank": float(frobenius / operator)}
    for name, step in steps.items():
        decreases = [
            float(loss - loss_of([W + t * step if l == block else W for l, W in enumerate(weights)], images, digits))
            for t in GRID
        ]
        found[f"fixed_{name}"] = decreases[GRID.index(1.0)]
        found[f"search_{name}"] = max(decreases)
        found[f"multiple_{name}"] = GRID[decreases.index(max(decreases))]
    return found
