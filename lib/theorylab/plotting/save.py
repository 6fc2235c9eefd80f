"""Figures are saved so that two runs on one machine give the same bytes, and shown with a text for those who cannot
see them."""

import io
import os
import pathlib

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

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

    Curves and filled bands are rounded to five significant digits first, so that the last bits of a sum, which depend
    on the number of threads, do not change the file. ``alt`` says in a sentence what the figure shows.
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
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100, metadata={"Software": "theorylab"})
    # Closing keeps the inline backend from showing the figure a second time.
    plt.close(figure)
    return Picture(path, alt, png.getvalue())


def _round_curves(figure: Figure) -> None:
    for axes in figure.axes:
        for line in axes.lines:
            line.set_data(*(_rounded(values) for values in line.get_data(orig=False)))
        for band in axes.collections:
            if isinstance(band, PolyCollection):
                band.set_verts([_rounded(path.vertices) for path in band.get_paths()], closed=False)


def _rounded(values) -> np.ndarray:
    """``values`` to five significant digits of each entry."""
    values = np.asarray(values, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = np.floor(np.log10(np.abs(values)))
    scale = 10.0 ** (DIGITS - 1 - np.where(np.isfinite(magnitude), magnitude, 0))
    return np.round(values * scale) / scale
