"""First passages of a batch of runs at a saddle, kept on the device on which they run."""

import numpy as np
import torch
from torch import Tensor

from theorylab.studies.saddle_escape.saddle import Saddle, operator_aligned, reached_by_invariants


def first_passages(statistic: str, saddle: Saddle) -> "FirstPassages":
    """The record of one statistic (S, F, O or L) for the runs of ``saddle``'s batch."""
    return (AlignedPassages if statistic == "O" else FirstPassages)(statistic, saddle)


class FirstPassages:
    """When one statistic first said "escaped", per run, and what was seen there.

    Runs leave the batch: ``open`` says of each that is still there whether it has not passed.
    """

    def __init__(self, statistic: str, saddle: Saddle):
        count, device = len(saddle.u), saddle.u.device
        self.statistic = statistic
        self.open = torch.ones(count, dtype=torch.bool, device=device)
        self._runs = torch.arange(count, device=device)
        self._tau = torch.zeros(count, dtype=torch.long, device=device)
        self._seen = torch.full((3, count), torch.nan, device=device)

    def look(self, t: int, saddle: Saddle, W: Tensor, s: Tensor, orthogonal_squared: Tensor) -> None:
        """Note the runs that pass at step t, at W (batch, n, n) with signal s and squared distance from it (batch,)."""
        first = self.open & self.reached(saddle, W, s, orthogonal_squared)
        # Looking costs nothing on the CPU; on a GPU it would wait for the device.
        if first.device.type == "cpu" and not first.any():
            return
        self.open = self.open & ~first
        values = torch.stack([saddle.loss(s, orthogonal_squared), orthogonal_squared.sqrt(), s])
        self._seen[:, self._runs] = torch.where(first, values, self._seen[:, self._runs])
        self._tau[self._runs] = torch.where(first, t, self._tau[self._runs])

    def reached(self, saddle: Saddle, W: Tensor, s: Tensor, orthogonal_squared: Tensor) -> Tensor:
        """Whether the statistic says "escaped", per run of the batch."""
        return reached_by_invariants(self.statistic, s, orthogonal_squared, saddle.curvature, saddle.bulk)

    def keep(self, members: Tensor) -> None:
        """Only these members stay in the batch."""
        self.open, self._runs = self.open[members], self._runs[members]

    def columns(self, cap: int) -> dict[str, np.ndarray]:
        """Arrays over all runs: ``tau`` (the cap where ``censored``), ``loss``, ``orthogonal`` and ``signal``."""
        return table_columns(self._tau.cpu().numpy(), self._seen.cpu().double().numpy(), cap)


def table_columns(tau: np.ndarray, seen: np.ndarray, cap: int) -> dict[str, np.ndarray]:
    """The columns of a table of escape times: ``tau`` (runs,) is 0 where a run never passed, ``seen`` (3, runs) holds
    loss, orthogonal norm and signal at the passage."""
    names, censored = ("loss", "orthogonal", "signal"), tau == 0
    return {"tau": np.where(censored, cap, tau), "censored": censored, **dict(zip(names, seen))}


class AlignedPassages(FirstPassages):
    """Those of statistic O, which needs the operator norm of W."""

    def __init__(self, statistic: str, saddle: Saddle):
        super().__init__(statistic, saddle)
        self._probe = torch.ones_like(saddle.u)

    def reached(self, saddle: Saddle, W: Tensor, s: Tensor, orthogonal_squared: Tensor) -> Tensor:
        # A run that has passed is not asked: its singular values would be computed at every later step.
        reached, self._probe = operator_aligned(W, torch.where(self.open, s, 0), self._probe)
        return reached

    def keep(self, members: Tensor) -> None:
        super().keep(members)
        self._probe = self._probe[members]
