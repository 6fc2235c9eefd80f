"""A small data set that comes with every matplotlib: the ten digits, drawn in its fonts, shifted and blurred by noise;
and a perceptron with one hidden layer that tells them apart."""

import pathlib

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional

from theorylab.random import generator, torch_generator
from theorylab.studies.saddle_escape.matrix_steps import method as method_of

SIDE, HIDDEN, CLASSES = 16, 64, 10
FACES = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSansMono")


def digits(count: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """(pictures (count, 256) in float64 with mean zero and variance one, labels (count,)).

    Face, size (11 to 15 pixels) and place of each digit are random; noise of deviation 0.1 is added. Raises ValueError
    for a count below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    folder = pathlib.Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    stream = generator(seed, "rendered digits")
    pictures, labels = [], np.arange(count) % CLASSES
    for label in labels:
        face, size = FACES[stream.integers(len(FACES))], int(stream.integers(11, 16))
        canvas = Image.new("L", (SIDE, SIDE))
        place = (int(stream.integers(2, 6)), int(stream.integers(-2, 2)))
        ImageDraw.Draw(canvas).text(place, str(label), fill=255, font=ImageFont.truetype(folder / f"{face}.ttf", size))
        pictures.append(np.asarray(canvas, dtype=float).ravel() / 255 + 0.1 * stream.standard_normal(SIDE**2))
    X = np.array(pictures)
    return torch.from_numpy((X - X.mean()) / X.std()), torch.from_numpy(labels)


def perceptron(*, seed: int) -> tuple[Tensor, Tensor]:
    """Weights (64, 256) and (10, 64) of a ReLU perceptron without biases, Gaussian over the root of the fan-in."""
    stream = torch_generator(seed, "perceptron")

    def drawn(rows: int, columns: int) -> Tensor:
        return torch.randn(rows, columns, generator=stream, dtype=torch.float64) / columns**0.5

    return drawn(HIDDEN, SIDE**2), drawn(CLASSES, HIDDEN)


def cross_entropy(first: Tensor, second: Tensor, pictures: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the perceptron."""
    return functional.cross_entropy(functional.relu(pictures @ first.T) @ second.T, labels)


def train(method: str, stepsize: float, steps: int, pictures, labels, *, seed: int, batch: int = 64):
    """Both weights after ``steps`` minibatch steps of ``method`` with its native direction."""
    weights, chosen = perceptron(seed=seed), method_of(method)
    states = [tuple(torch.zeros_like(W) for _ in range(chosen.memory)) for W in weights]
    stream = generator(seed, "minibatches")
    for t in range(1, steps + 1):
        chosen_rows = torch.from_numpy(stream.integers(len(labels), size=batch))
        gradients = gradient(*weights, pictures[chosen_rows], labels[chosen_rows])
        moved = []
        for k, (W, G) in enumerate(zip(weights, gradients)):
            D, states[k] = chosen.direction(G, states[k], t)
            moved.append((1 - stepsize * chosen.decay) * W - stepsize * D)
        weights = tuple(moved)
    return weights


def gradient(first: Tensor, second: Tensor, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of the cross-entropy with respect to both weights."""
    leaves = first.detach().requires_grad_(), second.detach().requires_grad_()
    return torch.autograd.grad(cross_entropy(*leaves, pictures, labels), leaves)


def minibatch_gradients(first, second, pictures, labels, *, seed: int, count: int = 64, batch: int = 64) -> Tensor:
    """``count`` minibatch gradients (count, 64, 256) of the first weight at a frozen network."""
    stream = generator(seed, "frozen minibatches")
    rows = [torch.from_numpy(stream.integers(len(labels), size=batch)) for _ in range(count)]
    return torch.stack([gradient(first, second, pictures[chosen], labels[chosen])[0] for chosen in rows])
