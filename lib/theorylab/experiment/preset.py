"""The sizes of a notebook: every preset in sight, one chosen by name."""

from types import SimpleNamespace


def preset(name: str, *, quick: dict, full: dict, paper: dict | None = None) -> SimpleNamespace:
    """The sizes of preset ``name`` as attributes.

    ``quick`` rehearses in under a minute, ``full`` makes the record, ``paper`` (optional, default: ``full``) is for a
    GPU or a cluster. Raises ValueError for an unknown name or when the presets do not name the same sizes.
    """
    presets = {"quick": quick, "full": full, "paper": paper if paper is not None else full}
    if name not in presets:
        raise ValueError(f"preset must be one of {', '.join(presets)}, got {name!r}")
    for other, sizes in presets.items():
        if set(sizes) != set(quick):
            odd = ", ".join(sorted(set(sizes) ^ set(quick)))
            raise ValueError(f"the presets quick and {other} must name the same sizes; only one of them has: {odd}")
    return SimpleNamespace(**presets[name])
