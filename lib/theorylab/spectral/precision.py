"""Which working precision is fast on this machine: measured once per process, never assumed.

Processors with matrix units or AVX-512 multiply bfloat16 matrices two to sixteen times as fast as float32 ones; others
emulate it and are thirty times slower. The polynomial methods need no more than bfloat16 to stay in their band, so that
the faster of the two is the better choice where results need not be the same on every machine.
"""

import functools
import time

import torch

# One product of this size takes well below a millisecond where a type is fast, and some ten where it is emulated.
SIZE, ROUNDS = 256, 3


@functools.cache
def fastest(device_type: str) -> torch.dtype:
    """float32 or bfloat16, whichever multiplies matrices faster: on a CPU by one measurement of a few hundredths of a
    second, remembered for the rest of the process; on CUDA bfloat16 where the hardware has it; elsewhere float32."""
    if device_type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device_type != "cpu":
        return torch.float32
    return min((torch.float32, torch.bfloat16), key=_seconds)


# The choice is a constant for a compiled graph; see ``orthogonalize.polynomials_of``.
fastest._dynamo_marked_constant = True


def _seconds(dtype: torch.dtype) -> float:
    """The shortest of a few products, after one that wakes the library up."""
    matrix = torch.ones(SIZE, SIZE, dtype=dtype, device="cpu")
    times = []
    for _ in range(1 + ROUNDS):
        begun = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - begun)
    return min(times[1:])
