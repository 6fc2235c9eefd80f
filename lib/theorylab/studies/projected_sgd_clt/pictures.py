"""The lens, drawn: its section with the plane x2 = 0, and all of it as a wire frame. Axes come from the caller."""

import numpy as np

TILT, TURN = 0.42, 0.5


def draw_section(ax) -> None:
    """The section x2 = 0 of the lens: two arcs that meet in the corners (0, +-sqrt(3)), and their outward normals at
    the upper one."""
    angle = np.linspace(-np.pi / 3, np.pi / 3, 200)
    right, height = 2 * np.cos(angle) - 1, 2 * np.sin(angle)
    ax.fill(np.concatenate([right, -right[::-1]]), np.concatenate([height, height[::-1]]), color="0.92", zorder=0)
    for side in (right, -right):
        ax.plot(side, height, color="0.4", lw=1.5)
    top = np.sqrt(3)
    ax.fill([0, -0.55, 0.55], [top, top * 1.55, top * 1.55], color="C2", alpha=0.18)
    ax.text(0.0, 2.5, "normal cone", color="C2", ha="center", fontsize=10)
    for sign in (-1, 1):
        ax.annotate("", (sign * 0.45, top * 1.45), (0, top), arrowprops=dict(arrowstyle="->", color="C2"))


def view(points):
    """Parallel projection (..., 3) -> two arrays: horizontal and vertical place on the page, x3 upwards."""
    x1, x2, x3 = np.moveaxis(np.asarray(points), -1, 0)
    across, depth = np.cos(TURN) * x1 - np.sin(TURN) * x2, np.sin(TURN) * x1 + np.cos(TURN) * x2
    return across, np.cos(TILT) * x3 - np.sin(TILT) * depth


def draw_lens(ax) -> None:
    """Wire frame of the lens in grey, its corner circle in black."""
    around, up = np.linspace(0, 2 * np.pi, 160), np.linspace(0, np.pi / 3, 60)

    def on_sphere(sign, angle, turn):
        first, radius = sign * (2 * np.cos(angle) - 1), 2 * np.sin(angle)
        return np.stack(np.broadcast_arrays(first, radius * np.cos(turn), radius * np.sin(turn)), -1)

    for sign in (-1, 1):
        for turn in np.linspace(0, 2 * np.pi, 25):
            ax.plot(*view(on_sphere(sign, up, turn)), color="0.8", lw=0.6)
        for ring in np.linspace(0.15, 0.9, 5) * np.pi / 3:
            ax.plot(*view(on_sphere(sign, ring, around)), color="0.8", lw=0.6)
    ax.plot(*view(on_sphere(1, np.pi / 3, around)), color="black", lw=1.8)
    ax.set_aspect("equal")
    ax.axis("off")
