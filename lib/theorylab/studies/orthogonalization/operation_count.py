"""Operations that were performed, counted in the matrix products themselves and not in a formula about them."""

from collections.abc import Callable

from torch.utils.flop_counter import FlopCounterMode


def products(function: Callable, rows: int) -> float:
    """Floating-point operations of all matrix products in ``function()``, in units of 2 rows^3."""
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops() / (2 * rows**3)
