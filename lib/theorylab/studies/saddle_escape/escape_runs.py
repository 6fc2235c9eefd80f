"""Escape times of which every run is made once.

A run is named by its seed, its trial and its settings and does not depend on the batch in which it is made (see
``saddle_escape``). Who asks for twelve trials where eight are known gets those and four new ones.
"""

import pandas as pd

from theorylab.studies.saddle_escape.escape import escape
from theorylab.studies.saddle_escape.gradient_noise import Noise


class EscapeRuns:
    """All runs of one ``seed`` on one ``device`` that were asked for: a callable that stands in for ``escape``."""

    def __init__(self, *, seed: int, device: str = "cpu"):
        self.seed, self.device = seed, device
        self._made: dict[tuple, pd.DataFrame] = {}

    def __call__(self, method: str, n: int, trials: int, noise: Noise, **settings) -> pd.DataFrame:
        """The table of ``escape`` for the first ``trials`` runs; ``settings`` and errors are those of ``escape``."""
        key = (method, n, noise, *sorted(settings.items()))
        known = self._made.get(key)
        count = 0 if known is None else known.trial.nunique()
        if trials > count or trials < 1:
            missing = range(count, trials)
            new = escape(method, n, missing, noise, seed=self.seed, device=self.device, **settings)
            self._made[key] = known = new if known is None else _joined(known, new)
        return known[known.trial < trials].reset_index(drop=True)


def _joined(known: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Both tables as one, the statistics in their order."""
    by_statistic = pd.concat([known, new]).groupby("statistic", sort=False)
    return pd.concat([rows for _, rows in by_statistic], ignore_index=True)
