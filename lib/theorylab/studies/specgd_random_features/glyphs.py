"""Seven-segment digits: a small classification set that is drawn by a formula, for want of a shipped one."""

import torch
from torch import Tensor

from theorylab.random import torch_generator

SIDE, CLASSES = 12, 10
# Segments lit by each digit: top, upper left, upper right, middle, lower left, lower right, bottom.
LIT = (
    (1, 1, 1, 0, 1, 1, 1),
    (0, 0, 1, 0, 0, 1, 0),
    (1, 0, 1, 1, 1, 0, 1),
    (1, 0, 1, 1, 0, 1, 1),
    (0, 1, 1, 1, 0, 1, 0),
    (1, 1, 0, 1, 0, 1, 1),
    (1, 1, 0, 1, 1, 1, 1),
    (1, 0, 1, 0, 0, 1, 0),
    (1, 1, 1, 1, 1, 1, 1),
    (1, 1, 1, 1, 0, 1, 1),
)
# Ends of the segments in a box of width 1 and height 2, in the same order.
ENDS = (
    ((0, 0), (1, 0)),
    ((0, 0), (0, 1)),
    ((1, 0), (1, 1)),
    ((0, 1), (1, 1)),
    ((0, 1), (0, 2)),
    ((1, 1), (1, 2)),
    ((0, 2), (1, 2)),
)


def glyphs(seed: int, count: int, noise: float = 0.15) -> tuple[Tensor, Tensor]:
    """``count`` images (144, count), float64, and their digits (count,): random position, size, slant, pen width and
    brightness per segment, then noise N(0, noise^2), clipped to [0, 1].

    A pixel is exp(-r^2/w^2) for its distance r to the nearest lit segment. Raises ValueError for count < 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least one, got {count}")
    stream = torch_generator(seed, "glyphs", count)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=stream, dtype=torch.float64)

    digits = torch.randint(CLASSES, (count,), generator=stream)
    ends = torch.tensor(ENDS, dtype=torch.float64)
    scale, corner = uniform(3.0, 4.5, 1, 1, 1), torch.stack([uniform(2.0, 4.5), uniform(1.0, 2.5)], -1)
    slant = uniform(-0.25, 0.25)
    points = ends * scale
    x = points[..., 0] + corner[:, 0, None, None] + slant[:, None, None] * points[..., 1]
    y = points[..., 1] + corner[:, 1, None, None]
    grid = torch.arange(SIDE, dtype=torch.float64)
    pixels = torch.stack(torch.meshgrid(grid, grid, indexing="xy"), -1).reshape(-1, 2)
    first, last = torch.stack([x[..., 0], y[..., 0]], -1), torch.stack([x[..., 1], y[..., 1]], -1)
    along = last - first
    offset = pixels - first[:, :, None]
    share = ((offset * along[:, :, None]).sum(-1) / along.square().sum(-1, keepdim=True)).clamp(0, 1)
    squared = (offset - share[..., None] * along[:, :, None]).square().sum(-1)
    ink = uniform(0.6, 1.0, 7, 1) * torch.exp(-squared / uniform(0.5, 1.0, 1, 1).square())
    lit = torch.tensor(LIT, dtype=torch.float64)[digits][..., None]
    images = (ink * lit).amax(1) + noise * torch.randn(count, SIDE**2, generator=stream, dtype=torch.float64)
    return images.clamp(0, 1).T.contiguous(), digits
