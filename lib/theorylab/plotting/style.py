"""The style of all figures: sober axes, readable at lecture distance; theory black dashed, controls grey."""

import matplotlib as mpl
import seaborn as sns
from cycler import cycler

from theorylab.plotting.palette import CYCLE

theory = {"color": "black", "linestyle": "--", "linewidth": 1.2, "zorder": 5}
control = {"color": "0.6", "linewidth": 1.5, "zorder": 1}


def use_style() -> None:
    """Set the style for all figures that follow."""
    sns.set_theme(
        context="notebook",
        style="ticks",
        rc={
            "axes.prop_cycle": cycler(color=CYCLE),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "axes.grid": True,
            "grid.alpha": 0.35,
            "grid.linewidth": 0.6,
            "legend.frameon": False,
            "legend.fontsize": 10,
            "figure.figsize": (7.5, 4.2),
            "figure.constrained_layout.use": True,
            "font.family": "DejaVu Sans",
            "mathtext.fontset": "dejavusans",
            # Element ids of an SVG are hashed with a salt that is random by default.
            "svg.hashsalt": "theorylab",
        },
    )
    mpl.rcParams["figure.dpi"] = 100
