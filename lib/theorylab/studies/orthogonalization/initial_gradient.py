"""The gradient of one weight of a small transformer at its random initialisation: a spectrum nobody chose."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from theorylab.random import torch_generator

WIDTH, HEADS, LAYERS, VOCABULARY, CONTEXT, SEQUENCES = 64, 4, 2, 96, 32, 16
# The initialisation of GPT-2: normal with this deviation, output projections over the root of their number.
DEVIATION = 0.02


def gradient_at_initialisation(seed: int) -> Tensor:
    """Gradient (64, 256), float64, of the mean next-token cross-entropy with respect to the output projection of the
    first multilayer perceptron.

    The network: two pre-norm blocks of causal attention (4 heads, width 64) and a GELU perceptron (256), learned
    positions, tied embedding, initialised as GPT-2. The data: 16 sequences of 32 tokens from a random Markov chain on
    96 symbols. Everything is drawn from streams named by ``seed``.
    """
    weights = _initial(seed)
    target = weights["block 0 mlp out"].requires_grad_()
    tokens = _markov_tokens(seed)
    logits = _logits(weights, tokens[:, :-1])
    loss = functional.cross_entropy(logits.reshape(-1, VOCABULARY), tokens[:, 1:].reshape(-1))
    (gradient,) = torch.autograd.grad(loss, target)
    return gradient


def _initial(seed: int) -> dict[str, Tensor]:
    stream = torch_generator(seed, "transformer")

    def normal(rows: int, columns: int, scale: float = 1.0) -> Tensor:
        return DEVIATION * scale * torch.randn(rows, columns, generator=stream, dtype=torch.float64)

    residual = 1 / math.sqrt(2 * LAYERS)
    weights = {"tokens": normal(VOCABULARY, WIDTH), "positions": normal(CONTEXT, WIDTH)}
    for block in range(LAYERS):
        weights[f"block {block} qkv"] = normal(3 * WIDTH, WIDTH)
        weights[f"block {block} attention out"] = normal(WIDTH, WIDTH, residual)
        weights[f"block {block} mlp in"] = normal(4 * WIDTH, WIDTH)
        weights[f"block {block} mlp out"] = normal(WIDTH, 4 * WIDTH, residual)
    return weights


def _logits(weights: dict[str, Tensor], tokens: Tensor) -> Tensor:
    x = weights["tokens"][tokens] + weights["positions"][: tokens.shape[1]]
    for block in range(LAYERS):
        x = x + _attention(_normalised(x), weights[f"block {block} qkv"]) @ weights[f"block {block} attention out"].T
        hidden = functional.gelu(_normalised(x) @ weights[f"block {block} mlp in"].T)
        x = x + hidden @ weights[f"block {block} mlp out"].T
    return _normalised(x) @ weights["tokens"].T


def _normalised(x: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:])


def _attention(x: Tensor, projection: Tensor) -> Tensor:
    sequences, length, width = x.shape
    query, key, value = (x @ projection.T).view(sequences, length, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
    scores = query @ key.mT / math.sqrt(width // HEADS)
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    mixed = scores.masked_fill(future, -math.inf).softmax(-1) @ value
    return mixed.transpose(1, 2).reshape(sequences, length, width)


def _markov_tokens(seed: int) -> Tensor:
    stream = torch_generator(seed, "markov chain")
    transition = torch.randn(VOCABULARY, VOCABULARY, generator=stream, dtype=torch.float64).mul(2).softmax(-1)
    tokens = [torch.randint(VOCABULARY, (SEQUENCES,), generator=stream)]
    for _ in range(CONTEXT):
        tokens.append(torch.multinomial(transition[tokens[-1]], 1, generator=stream).squeeze(1))
    return torch.stack(tokens, dim=1)
