"""The one loop of all optimizers here; a method is the direction it takes.

Which parameters are matrices. One rule: a parameter with two or more dimensions is a matrix, unless its group says
``fallback=True`` (embeddings, output heads); everything else (biases, gains) goes to the fallback, AdamW or SGD. A
parameter with more than two dimensions, such as a convolution kernel (out, in, height, width), is the matrix
(out, in * height * width).
"""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from theorylab.optimizers.fallback import FALLBACKS, fallback_step


class MatrixOptimizer(Optimizer):
    """Base of the optimizers: parameter groups, closure, ``maximize``, decoupled weight decay, the fallback.

    A step is W <- (1 - lr * weight_decay) W - lr * direction(G). Subclasses implement :meth:`direction`.

    ``fallback`` ("adamw" or "sgd") treats the parameters that are not matrices, with learning rate ``fallback_lr``; the
    ratio fallback_lr / lr is kept, so that a learning-rate scheduler moves both. States have the dtype of their
    parameter, and ``state_dict`` restores them bit for bit.

    Gradients are not tested for NaN or infinities, because the test waits for the device at every step; such a gradient
    turns its parameter into NaN, which is seen in the loss.

    Raises ValueError for hyper-parameters out of range and TypeError for complex or sparse input, naming it.
    """

    def __init__(self, params, *, lr, weight_decay, maximize, fallback, fallback_lr, **method):
        if not 0 <= float(lr) < math.inf:
            raise ValueError(f"lr must be a nonnegative number, got {lr!r}")
        if not 0 <= weight_decay < math.inf:
            raise ValueError(f"weight_decay must be a nonnegative number, got {weight_decay!r}")
        if fallback not in FALLBACKS:
            raise ValueError(f"fallback must be one of {', '.join(FALLBACKS)}, got {fallback!r}")
        if not 0 <= fallback_lr < math.inf:
            raise ValueError(f"fallback_lr must be a nonnegative number, got {fallback_lr!r}")
        defaults = dict(
            lr=lr,
            weight_decay=weight_decay,
            maximize=maximize,
            fallback=False,
            fallback_method=fallback,
            fallback_ratio=fallback_lr / float(lr) if lr else 0.0,
            **method,
        )
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict) -> None:
        super().add_param_group(param_group)
        for parameter in self.param_groups[-1]["params"]:
            if parameter.is_complex():
                raise TypeError(f"params contains a complex parameter of shape {tuple(parameter.shape)}; use real ones")

    @torch.no_grad()
    def step(self, closure=None):
        """One step; ``closure``, if given, is called with gradients enabled and its loss returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            active = [parameter for parameter in group["params"] if parameter.grad is not None]
            for parameter in active:
                if parameter.grad.is_sparse:
                    raise TypeError(
                        f"the gradient of a parameter of shape {tuple(parameter.shape)} is sparse; use SparseAdam"
                    )
            matrices = [parameter for parameter in active if is_matrix(parameter, group)]
            others = [parameter for parameter in active if not is_matrix(parameter, group)]
            if matrices:
                self._matrix_step(matrices, group)
            if others:
                fallback_step(others, [self.state[parameter] for parameter in others], group)
        return loss

    def _matrix_step(self, parameters: Sequence[Tensor], group: dict) -> None:
        gradients = [as_matrix(parameter.grad) for parameter in parameters]
        if group["maximize"]:
            gradients = [-gradient for gradient in gradients]
        states = [self.state[parameter] for parameter in parameters]
        weights = [as_matrix(parameter) for parameter in parameters]
        directions = self.direction(gradients, states, weights, group)
        lr, weight_decay = float(group["lr"]), group["weight_decay"]
        # One at a time: the foreach form rounds the factor to the weights' dtype, which in bfloat16 loses the decay,
        # and needs all directions in memory at once.
        for weight, direction in zip(weights, directions):
            if weight_decay:
                weight.mul_(1 - lr * weight_decay)
            weight.add_(direction, alpha=-lr)

    def direction(
        self, gradients: list[Tensor], states: list[dict], weights: list[Tensor], group: dict
    ) -> Iterable[Tensor]:
        """The directions of one group, one for each matrix; ``states`` may be changed, nothing else."""
        raise NotImplementedError


def is_matrix(parameter: Tensor, group: dict) -> bool:
    """Whether the loop treats the parameter as a matrix; see the module's rule."""
    return parameter.ndim >= 2 and not group["fallback"]


def as_matrix(parameter: Tensor) -> Tensor:
    """View of a parameter of two or more dimensions as (out, everything else)."""
    return parameter if parameter.ndim == 2 else parameter.view(parameter.shape[0], -1)


def averaged(buffers: str, values: list[Tensor], states: list[dict], weight: float) -> list[Tensor]:
    """Exponential averages M <- M + weight (value - M) kept under the name ``buffers``, starting at zero."""
    for value, state in zip(values, states):
        if buffers not in state:
            state[buffers] = torch.zeros_like(value, memory_format=torch.contiguous_format)
    averages = [state[buffers] for state in states]
    torch._foreach_lerp_(averages, values, weight)
    return averages


def check_share(name: str, value: float) -> None:
    """Raises ValueError unless 0 <= value < 1, as momentum coefficients must be."""
    if not 0 <= value < 1:
        raise ValueError(f"{name} must lie in [0, 1), got {value!r}")
