"""One look for all figures: style, colours by method, and saving that gives the same bytes twice."""

from theorylab.extras import missing

try:
    from theorylab.plotting.palette import colour
    from theorylab.plotting.save import save
    from theorylab.plotting.style import control, theory, use_style
except ModuleNotFoundError as error:
    raise missing(error, "theorylab.plotting") from None

__all__ = ["colour", "control", "save", "theory", "use_style"]
