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

# Keys of a parameter group that are not hyper-parameters: torch's own, labels, and what add_param_group adds.
OTHER_KEYS = {"params", "param_names", "name", "initial_lr", "base_lr"}


class MatrixOptimizer(Optimizer):
    """Base of the optimizers: parameter groups, closure, ``maximize``, decoupled weight decay, the fallback.

    A step is W <- (1 - lr * weight_decay) W - lr * direction(G). Subclasses implement :meth:`direction`.

    ``fallback`` ("adamw" or "sgd") treats the parameters that are not matrices, with learning rate ``fallback_lr`` and
    the group's weight decay; the ratio fallback_lr / lr is kept, so that a learning-rate scheduler moves both. A
    parameter group may set every argument for itself, with two names of its own: ``fallback=True`` sends all of its
    parameters to the fallback, and ``fallback_method`` chooses which one. A group's ``lr`` changes the rate of its
    matrices only; its ``fallback_lr`` that of the others. Embeddings and output heads are best left to AdamW:

    >>> inside, outside = model.blocks, [model.embedding, model.head]
    >>> optimizer = Muon(
    ...     [
    ...         {"params": inside.parameters()},
    ...         {"params": [p for module in outside for p in module.parameters()], "fallback": True},
    ...     ],
    ...     lr=0.02,
    ...     fallback_lr=3e-4,
    ... )

    States have the dtype of their parameter, and ``state_dict`` restores them bit for bit.

    Gradients are not tested for NaN or infinities, because the test waits for the device at every step; such a gradient
    turns its parameter into NaN, which is seen in the loss.

    Raises ValueError for hyper-parameters out of range and for unknown keys of a parameter group, and TypeError for
    complex or sparse input, naming it.
    """

    def __init__(self, params, *, lr, weight_decay, maximize, fallback, fallback_lr, **method):
        defaults = dict(
            lr=lr,
            weight_decay=weight_decay,
            maximize=maximize,
            fallback=False,
            fallback_method=fallback,
            fallback_lr=fallback_lr,
            **method,
        )
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict) -> None:
        """Add a group, with the optimizer's values where it has none of its own; nothing is added if it is wrong."""
        if unknown := set(param_group) - set(self.defaults) - OTHER_KEYS:
            wrong, known = ", ".join(map(repr, sorted(unknown))), ", ".join(sorted(self.defaults))
            raise ValueError(f"unknown key {wrong} in a parameter group, which takes {known}")
        group = {**self.defaults, **param_group}
        self.check(group)
        # The rate at which fallback_lr holds: a scheduler changes lr alone.
        group.setdefault("base_lr", float(group["lr"]))
        super().add_param_group(group)
        for parameter in group["params"]:
            if parameter.is_complex():
                self.param_groups.pop()
                raise TypeError(f"params contains a complex parameter of shape {tuple(parameter.shape)}; use real ones")

    def check(self, group: dict) -> None:
        """Raises ValueError, naming the key, for a value of ``group`` that is out of range; subclasses add theirs."""
        if not 0 < float(group["lr"]) < math.inf:
            raise ValueError(
                f"lr must be a positive number, got {group['lr']!r}: the rate of the fallback is kept in proportion to "
                "it. To warm up from zero use a scheduler; to freeze parameters leave them out"
            )
        for name in ("weight_decay", "fallback_lr"):
            if not 0 <= group[name] < math.inf:
                raise ValueError(f"{name} must be a nonnegative number, got {group[name]!r}")
        if not isinstance(group["fallback"], bool):
            raise ValueError(
                f"fallback in a parameter group must be True or False, got {group['fallback']!r}; True sends all of "
                "its parameters to the fallback, and fallback_method chooses which one"
            )
        if group["fallback_method"] not in FALLBACKS:
            raise ValueError(f"fallback must be one of {', '.join(FALLBACKS)}, got {group['fallback_method']!r}")

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
        # and needs all directions in memory at once. In the parameter's own shape: as_matrix may have copied.
        for parameter, direction in zip(parameters, directions):
            if weight_decay:
                parameter.mul_(1 - lr * weight_decay)
            parameter.add_(direction.reshape(parameter.shape), alpha=-lr)

    def direction(
        self, gradients: list[Tensor], states: list[dict], weights: list[Tensor], group: dict
    ) -> Iterable[Tensor]:
        """The directions of one group, one for each matrix; ``states`` may be changed, nothing else."""
        raise NotImplementedError


def is_matrix(parameter: Tensor, group: dict) -> bool:
    """Whether the loop treats the parameter as a matrix; see the module's rule."""
    return parameter.ndim >= 2 and not group["fallback"]


def as_matrix(parameter: Tensor) -> Tensor:
    """A parameter of two or more dimensions as (out, everything else): to read, since it is a copy where the memory is
    laid out in another order (``channels_last``)."""
    return parameter if parameter.ndim == 2 else parameter.reshape(parameter.shape[0], -1)


def averaged(buffers: str, values: list[Tensor], states: list[dict], weight: float) -> list[Tensor]:
    """Exponential averages M <- M + weight (value - M) kept under the name ``buffers``, starting at zero."""
    for value, state in zip(values, states):
        if buffers not in state:
            state[buffers] = torch.zeros_like(value, memory_format=torch.contiguous_format)
    averages = [state[buffers] for state in states]
    torch._foreach_lerp_(averages, values, weight)
    return averages


def check_momentum(group: dict) -> None:
    """Raises ValueError unless 0 <= momentum < 1."""
    if not 0 <= group["momentum"] < 1:
        raise ValueError(f"momentum must lie in [0, 1), got {group['momentum']!r}")


def check_averaging(group: dict) -> None:
    """Raises ValueError unless 0 < averaging <= 1."""
    if not 0 < group["averaging"] <= 1:
        raise ValueError(f"averaging must lie in (0, 1], got {group['averaging']!r}")


def check_choice(group: dict, name: str, choices: Iterable[str]) -> None:
    """Raises ValueError unless the value is one of ``choices``."""
    if group[name] not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {group[name]!r}")
