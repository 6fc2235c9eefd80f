"""Optimizers for networks: one loop, and a direction per method."""

from theorylab.optimizers.gluon import Gluon
from theorylab.optimizers.muon import Muon
from theorylab.optimizers.orthogonal_sgdm import OrthogonalSGDM
from theorylab.optimizers.polargrad import PolarGrad
from theorylab.optimizers.scion import Scion
from theorylab.optimizers.specgd import SpecGD

__all__ = ["Gluon", "Muon", "OrthogonalSGDM", "PolarGrad", "Scion", "SpecGD"]
