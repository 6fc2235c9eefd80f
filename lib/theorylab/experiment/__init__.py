"""How an experiment is run: sizes by preset, sweeps as tables, notebooks as tasks."""

from theorylab.experiment.preset import preset
from theorylab.experiment.sweep import sweep

__all__ = ["preset", "sweep"]
