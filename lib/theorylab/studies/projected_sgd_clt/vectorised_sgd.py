"""Projected SGD on the lens, all chains at once, in torch: for a GPU, or as a second implementation on the CPU.

The stream contract is that of ``theorylab.studies.projected_sgd_clt.projected_sgd`` where the draws are made on the CPU
(``draws="chain"``: the same numbers, hence the same chains up to rounding). On a device the normals come from one
generator of that device (``draws="device"``), seeded by the stream named (seed, purpose): agreement is then in law.
"""

from collections.abc import Sequence

import numpy as np
import torch

from theorylab.random import generator, torch_generator
from theorylab.session import resolve_device
from theorylab.studies.projected_sgd_clt import lens
from theorylab.studies.projected_sgd_clt.projected_sgd import (
    Chains,
    blocks,
    checked_checkpoints,
    checked_root,
    checked_runs,
    lanes_of,
    running_mean,
)
from theorylab.studies.projected_sgd_clt.stepsizes import stepsizes

NUMBERS_PER_BLOCK = 6_000_000
"""Normals drawn at a time: 48 MB."""


def simulate_vectorised(
    objectives=lens.UP,
    exponents: float | Sequence[float] = 0.75,
    *,
    seed: int,
    purpose: str,
    runs: int,
    checkpoints,
    start=(0.0, 0.0, 0.0),
    noise_root=None,
    device: str = "auto",
    draws: str = "device",
) -> Chains:
    """What :func:`~theorylab.studies.projected_sgd_clt.projected_sgd.simulate` returns, by torch operations over all
    chains.

    Raises ValueError as that function does, and for unknown ``draws``; RuntimeError when ``device`` is not there.
    """
    if draws not in ("device", "chain"):
        raise ValueError(f'draws must be "device" or "chain", got {draws!r}')
    device = resolve_device(device)
    runs, checkpoints = checked_runs(runs), checked_checkpoints(checkpoints)
    exponents, objectives = lanes_of(exponents, objectives, 3)
    x = torch.as_tensor(lens.checked_start(start), device=device).expand(len(exponents), runs, 3).clone()
    total = torch.zeros_like(x)
    on_circle = torch.zeros(x.shape[:2], dtype=torch.int64, device=device)
    c = torch.as_tensor(objectives, device=device)[:, None, :]
    draw = _draws(draws, seed, purpose, runs, device)
    root = None if noise_root is None else torch.as_tensor(checked_root(noise_root, 3), device=device)
    means, lasts, hits = [], [], []
    for first, count, reached in blocks(checkpoints, max(1, NUMBERS_PER_BLOCK // (3 * runs))):
        steps = torch.as_tensor(stepsizes(exponents, first, count), device=device)[:, :, None, None]
        noise = draw(count) if root is None else draw(count) @ root.T
        for i in range(count):
            x = lens.project(x - steps[:, i] * (c + noise[i]))
            total += x
            on_circle += x[..., 0] == 0
        if reached is not None:
            means.append(running_mean(total.cpu().numpy(), int(checkpoints[reached])))
            lasts.append(x.cpu().numpy().copy())
            hits.append(on_circle.cpu().numpy().copy())
    return Chains(checkpoints, np.stack(means), np.stack(lasts), np.stack(hits))


def _draws(draws, seed, purpose, runs, device):
    """A function count -> normals (count, runs, 3) on the device."""
    if draws == "chain":
        streams = [generator(seed, purpose, run) for run in range(runs)]

        def draw(count):
            return torch.as_tensor(np.stack([s.standard_normal((count, 3)) for s in streams], axis=1), device=device)

        return draw
    source = torch.Generator(device).manual_seed(torch_generator(seed, purpose).initial_seed())
    return lambda count: torch.randn(count, runs, 3, generator=source, device=device, dtype=torch.float64)
