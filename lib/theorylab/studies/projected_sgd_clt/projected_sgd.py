"""Many chains of projected SGD or dual averaging, averaged on the way: compiled, in blocks, with named streams.

**Random streams.** Chain r reads its noise in order, d standard normals per step, from
``theorylab.random.generator(seed, purpose, r)``, a Philox stream of its own. Results therefore do not depend on the
block length or on how many chains run beside it, a chain can be replayed alone, and lanes (several step sizes or
objectives) of one chain see the same noise.

**Memory.** One block of noise at a time; what is kept is the mean and the last iterate at the checkpoints.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from theorylab.random import generator
from theorylab.session import resolve_device
from theorylab.studies.projected_sgd_clt import kernels, lens
from theorylab.studies.projected_sgd_clt.stepsizes import dual_weights, stepsizes

BLOCK = 8192


class Chains(NamedTuple):
    """Chains at their ``checkpoints``: the running ``mean`` (checkpoints, lanes, runs, d) of the iterates 1..k, the
    ``last`` iterate (same shape) and, on the lens, how many iterates so far lay exactly ``on_circle``
    (checkpoints, lanes, runs)."""

    checkpoints: np.ndarray
    mean: np.ndarray
    last: np.ndarray
    on_circle: np.ndarray | None = None

    def deviations(self, star) -> np.ndarray:
        """S_k = sqrt(k) (mean - star), shape (checkpoints, lanes, runs, d)."""
        return np.sqrt(self.checkpoints)[:, None, None, None] * (self.mean - star)


def running_mean(total: np.ndarray, steps: int) -> np.ndarray:
    """Mean of the iterates 1..steps from their sum."""
    return total / steps


def checked_checkpoints(checkpoints) -> np.ndarray:
    """Checkpoints as increasing positive integers. Raises ValueError otherwise."""
    array = np.atleast_1d(np.asarray(checkpoints, dtype=np.int64))
    if array.size == 0 or array[0] < 1 or (np.diff(array) <= 0).any():
        raise ValueError(f"checkpoints must be increasing step counts from 1 on, got {array.tolist()}")
    return array


def checked_runs(runs: int) -> int:
    """Number of chains, at least one. Raises ValueError otherwise."""
    if runs < 1:
        raise ValueError(f"runs must be at least 1, got {runs}: no law can be read off zero chains")
    return int(runs)


def checked_root(root, dimension: int) -> np.ndarray:
    """Root L (dimension, dimension) of a noise covariance L L'. Raises ValueError for another shape."""
    root = np.asarray(root, dtype=float)
    if root.shape != (dimension, dimension):
        raise ValueError(f"noise_root must have shape ({dimension}, {dimension}), got {root.shape}")
    return root


def blocks(checkpoints, block: int = BLOCK):
    """Pieces (first step, number of steps, checkpoint index or None) that end at every checkpoint."""
    done = 0
    for index, checkpoint in enumerate(checkpoints):
        while done < checkpoint:
            count = int(min(block, checkpoint - done))
            yield done + 1, count, index if done + count == checkpoint else None
            done += count


def _advance_all(advance, dimension, schedule, lanes, *, seed, purpose, runs, checkpoints, block, noise_root=None):
    """Run ``advance(run, noise, steps)`` over all blocks and chains; ``schedule(first, count)`` gives the steps of a
    block, ``lanes`` are (total, x, on_circle or None), ``noise_root`` L turns normals w into the noise L w."""
    root = None if noise_root is None else checked_root(noise_root, dimension)
    runs, checkpoints = checked_runs(runs), checked_checkpoints(checkpoints)
    total, x, on_circle = lanes
    streams = [generator(seed, purpose, run) for run in range(runs)]
    noise = np.empty((min(block, int(checkpoints[-1])), dimension))
    means, lasts, hits = [], [], []
    for first, count, reached in blocks(checkpoints, block):
        steps = schedule(first, count)
        for run, stream in enumerate(streams):
            stream.standard_normal(out=noise[:count])
            advance(run, noise[:count] if root is None else noise[:count] @ root.T, steps)
        if reached is not None:
            means.append(running_mean(total, int(checkpoints[reached])).swapaxes(0, 1))
            lasts.append(x.swapaxes(0, 1).copy())
            hits.append(None if on_circle is None else on_circle.T.copy())
    kept = None if on_circle is None else np.stack(hits)
    return Chains(checkpoints, np.stack(means), np.stack(lasts), kept)


def simulate(
    objectives=lens.UP,
    exponents: float | Sequence[float] = 0.75,
    *,
    seed: int,
    purpose: str,
    runs: int,
    checkpoints,
    start=(0.0, 0.0, 0.0),
    noise_root=None,
    block: int = BLOCK,
    device: str = "cpu",
) -> Chains:
    """Projected SGD on the lens, x_k = P(x_{k-1} - k^-a (c + g_k)), ``runs`` chains.

    ``objectives`` (3,) or (lanes, 3) and ``exponents`` (scalar or one per lane) are broadcast to lanes. The noise is
    standard normal, or L w with w standard normal for ``noise_root`` L (3, 3): its covariance is L L'. On a CUDA
    ``device`` the chains run in :mod:`~theorylab.studies.projected_sgd_clt.vectorised_sgd`, with the same law and
    other draws.
    Raises ValueError for an exponent outside (0, 2], a ``start`` outside the lens, no chains, or checkpoints that do
    not increase; RuntimeError for a device that is not there.
    """
    if resolve_device(device) == "cuda":
        from theorylab.studies.projected_sgd_clt.vectorised_sgd import simulate_vectorised

        return simulate_vectorised(
            objectives,
            exponents,
            seed=seed,
            purpose=purpose,
            runs=runs,
            checkpoints=checkpoints,
            start=start,
            noise_root=noise_root,
            device=device,
        )
    exponents, objectives = lanes_of(exponents, objectives, 3)
    start = lens.checked_start(start)
    runs = checked_runs(runs)
    x = np.tile(start, (runs, len(exponents), 1))
    total, on_circle = np.zeros_like(x), np.zeros(x.shape[:2], dtype=np.int64)

    def advance(run, noise, steps):
        kernels.lens_sgd(noise, steps, objectives, x[run], total[run], on_circle[run])

    def schedule(first, count):
        return stepsizes(exponents, first, count)

    lanes = total, x, on_circle
    named = dict(seed=seed, purpose=purpose, runs=runs, checkpoints=checkpoints, block=block, noise_root=noise_root)
    return _advance_all(advance, 3, schedule, lanes, **named)


def simulate_affine(
    matrix,
    offset,
    exponents: float | Sequence[float] = 0.75,
    *,
    method: str = "SGD",
    domain: str = "free",
    radius: float = 1.0,
    seed: int,
    purpose: str,
    runs: int,
    checkpoints,
    noise_root=None,
    block: int = BLOCK,
) -> Chains:
    """Projected SGD or dual averaging for the map A x + b, started at 0, with the noise of :func:`simulate`.

    ``matrix`` (d, d) and ``offset`` (d,) or (lanes, d); ``method`` "SGD" or "DA"; ``domain`` one of
    ``kernels.DOMAINS``. Raises ValueError for an unknown method or domain, shapes that do not conform, an exponent
    outside (0, 2] (SGD) or [0, 1) (DA), or no chains.
    """
    if method not in ("SGD", "DA"):
        raise ValueError(f'method must be "SGD" or "DA", got {method!r}')
    if domain not in kernels.DOMAINS:
        raise ValueError(f"domain must be one of {', '.join(kernels.DOMAINS)}, got {domain!r}")
    matrix = np.asarray(matrix, dtype=float)
    d = matrix.shape[-1]
    if matrix.shape != (d, d):
        raise ValueError(f"matrix must be square, got shape {matrix.shape}")
    if (domain == "lens" and d != 3) or (domain == "discs" and d % 2):
        raise ValueError(f"the domain {domain!r} does not exist in dimension {d}: the lens has 3, discs an even number")
    exponents, offset = lanes_of(exponents, offset, d)
    matrices = np.ascontiguousarray(np.broadcast_to(matrix, (len(exponents), d, d)))
    x = np.zeros((checked_runs(runs), len(exponents), d))
    total, dual, code = np.zeros_like(x), np.zeros_like(x), kernels.DOMAINS[domain]

    def advance(run, noise, steps):
        if method == "DA":
            kernels.dual_averaging(noise, steps, matrices, offset, code, radius, dual[run], x[run], total[run])
        else:
            kernels.affine_sgd(noise, steps, matrices, offset, code, radius, x[run], total[run])

    def schedule(first, count):
        return (dual_weights if method == "DA" else stepsizes)(exponents, first, count)

    named = dict(seed=seed, purpose=purpose, runs=runs, checkpoints=checkpoints, block=block, noise_root=noise_root)
    return _advance_all(advance, d, schedule, (total, x, None), **named)


def lanes_of(exponents, vectors, dimension: int) -> tuple[np.ndarray, np.ndarray]:
    """Exponents (lanes,) and vectors (lanes, dimension), one of them repeated where the other has several lanes.

    Raises ValueError for vectors of another dimension and for numbers that cannot be paired.
    """
    exponents = np.atleast_1d(np.asarray(exponents, dtype=float))
    vectors = np.atleast_2d(np.asarray(vectors, dtype=float))
    if vectors.shape[-1] != dimension:
        raise ValueError(f"the objective has {vectors.shape[-1]} entries, the domain has {dimension}")
    lanes = max(len(exponents), len(vectors))
    if {len(exponents), len(vectors)} - {1, lanes}:
        raise ValueError(f"{len(exponents)} exponents and {len(vectors)} objectives cannot be paired into lanes")
    return (
        np.broadcast_to(exponents, (lanes,)).copy(),
        np.broadcast_to(vectors, (lanes, dimension)).copy(),
    )
