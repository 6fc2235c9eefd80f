"""theorylab: the claims of modern optimization theory, run, measured and given a verdict."""

__version__ = "0.1.0"
