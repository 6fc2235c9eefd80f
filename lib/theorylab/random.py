"""Independent named random streams; nothing is ever seeded globally.

``generator(seed, "brox", "quadratic", 3)`` always gives the same stream, whatever else has been drawn, on whatever
device and in whatever order: the key of a Philox counter-based generator is the SHA-256 digest of the seed and the
purpose.
"""

import hashlib

import numpy as np


def _digest(seed: int, purpose: tuple) -> bytes:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"seed must be an integer, got {seed!r}; pass the notebook's `seed` parameter")
    if not purpose:
        raise ValueError(
            "name the purpose of the stream, as in generator(seed, 'targets'), so that no two uses share it"
        )
    text = "\x1f".join([str(int(seed)), *(str(part) for part in purpose)])
    return hashlib.sha256(text.encode()).digest()


def generator(seed: int, *purpose) -> np.random.Generator:
    """NumPy generator of the stream named by ``seed`` and ``purpose`` (strings or integers).

    Raises TypeError for a seed that is not an integer and ValueError when no purpose is given.
    """
    key = np.frombuffer(_digest(seed, purpose)[:16], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def torch_generator(seed: int, *purpose):
    """CPU ``torch.Generator`` of the stream named by ``seed`` and ``purpose``: draw on the CPU, then move.

    Raises TypeError for a seed that is not an integer and ValueError when no purpose is given.
    """
    import torch

    # torch takes a signed 64-bit seed; the digest bytes beyond those of the NumPy key keep the two streams apart.
    value = int.from_bytes(_digest(seed, purpose)[16:24], "little") >> 1
    return torch.Generator("cpu").manual_seed(value)
