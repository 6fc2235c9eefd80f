"""Figures are saved so that two runs on one machine give the same bytes, and shown with a text for those who cannot
see them."""

import io
import os
import pathlib

import matplotlib as mpl
import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from PIL import Image

from theorylab.session import current, output_folder

DIGITS = 5
METADATA = {"Date": None, "Creator": "theorylab"}


class Picture:
    """A saved figure as a notebook shows it: a PNG with its alternative text ``alt``; the SVG lies at ``path``."""

    def __init__(self, path: pathlib.Path, alt: str, png: bytes):
        self.path, self.alt, self._png = path, alt, png

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"image/png": self._png, "text/plain": self.alt}, {"image/png": {"alt": self.alt}}

    def __repr__(self) -> str:
        return f"Picture({self.path.name}: {self.alt})"


def save(figure: Figure, name: str, *, alt: str) -> Picture:
    """Write ``figures/<notebook>/<name>.svg`` in the output folder and return the picture to show.

    Curves, filled bands and limits are rounded to five digits of the axis first, so that the last bits of a sum, which
    depend on the number of threads, do not change the file. ``alt`` says in a sentence what the figure shows.
    Raises ValueError without ``alt`` and OSError naming the folder when it cannot be written.
    """
    import matplotlib.pyplot as plt

    if not alt.strip():
        raise ValueError("alt must say in a sentence what the figure shows")
    folder = output_folder() / "figures" / current().notebook
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"the figure folder {folder.name}/ cannot be made ({error.strerror}); is a file in its place? remove it"
        ) from error
    _round_curves(figure)
    path, partial = folder / f"{name}.svg", folder / f"{name}.partial"
    figure.savefig(partial, format="svg", metadata=METADATA)
    os.replace(partial, path)
    # The layout that was found for the SVG serves the PNG too: to find it again, or only to ask a placeholder whether
    # it must be found, takes as long as to draw.
    with mpl.rc_context({"figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)
    png = _small_png(figure)
    # Closing keeps the inline backend from showing the figure a second time.
    plt.close(figure)
    return Picture(path, alt, png)


def _small_png(figure: Figure) -> bytes:
    """The figure as a PNG of 256 colours: a third of the size, so that a notebook of ten figures stays below 1 MB."""
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", dpi=100)
    image = Image.open(full).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(small, format="png", optimize=True)
    return small.getvalue()


def _round_curves(figure: Figure) -> None:
    for axes in figure.axes:
        grids = [_Grid(axes.xaxis), _Grid(axes.yaxis)]
        for axis_grid in grids:
            axis_grid.round_limits()
        for line in axes.lines:
            if line.get_transform() == axes.transData:
                line.set_data(*(grid.rounded(values) for grid, values in zip(grids, line.get_data(orig=False))))
        for band in axes.collections:
            if isinstance(band, PolyCollection):
                corners = [zip(grids, path.vertices.T) for path in band.get_paths()]
                rounded = [np.transpose([grid.rounded(values) for grid, values in pairs]) for pairs in corners]
                band.set_verts(rounded, closed=False)


class _Grid:
    """The values of one axis to which data are rounded: 1e-5 of its span, in logarithms on a logarithmic axis."""

    def __init__(self, axis):
        self.axis, self.scale = axis, axis.get_transform()
        low, high = self.scale.transform(np.asarray(axis.get_view_interval(), dtype=float))
        span = abs(high - low)
        self.quantum = 10.0 ** (np.floor(np.log10(span)) - DIGITS) if span > 0 else 0.0

    def rounded(self, values) -> np.ndarray:
        values = np.asarray(values, dtype=float)
        if not self.quantum:
            return values
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.scale.inverted().transform(np.round(self.scale.transform(values) / self.quantum) * self.quantum)

    def round_limits(self) -> None:
        self.axis.set_view_interval(*self.rounded(self.axis.get_view_interval()), ignore=True)
