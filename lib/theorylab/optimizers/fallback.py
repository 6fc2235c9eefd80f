"""What happens to parameters that are not matrices: AdamW or SGD, as torch computes them."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

FALLBACKS = ("adamw", "sgd")
BETAS, EPS = (0.9, 0.95), 1e-8


def fallback_step(parameters: Sequence[Tensor], states: Sequence[dict], group: dict) -> None:
    """One step of the group's fallback with learning rate fallback_lr * lr / base_lr and the group's weight decay."""
    lr = group["fallback_lr"] * float(group["lr"]) / group["base_lr"]
    gradients = [parameter.grad for parameter in parameters]
    if group["fallback_method"] == "sgd":
        for parameter in parameters:
            parameter.mul_(1 - lr * group["weight_decay"])
        torch._foreach_add_(list(parameters), gradients, alpha=lr if group["maximize"] else -lr)
        return
    for parameter, state in zip(parameters, states):
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
    adamw(
        list(parameters),
        gradients,
        [state["exp_avg"] for state in states],
        [state["exp_avg_sq"] for state in states],
        [],
        [state["step"] for state in states],
        amsgrad=False,
        beta1=BETAS[0],
        beta2=BETAS[1],
        lr=lr,
        weight_decay=group["weight_decay"],
        eps=EPS,
        maximize=group["maximize"],
    )
