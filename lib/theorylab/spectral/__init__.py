"""Functions of singular values: tensors in, tensors out."""

from theorylab.spectral.orthogonalize import orthogonalize, polar
from theorylab.spectral.ranks import nuclear_rank, stable_rank

__all__ = ["nuclear_rank", "orthogonalize", "polar", "stable_rank"]
