"""Colour is method, in every figure of every notebook.

The colours are those of Okabe and Ito (2008), distinguishable with the common forms of colour blindness; black is kept
for theory and grey for controls (see ``style``). Related methods share a colour and differ by line style.
"""

ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
CYCLE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)

METHODS = {
    "BPM": BLUE,
    "PPM": ORANGE,
    # Blue and gold, as in the figures of Davis and Drusvyatskiy.
    "GD": BLUE,
    "SpecGD": ORANGE,
    "Muon": GREEN,
    "PolarGrad": PURPLE,
    "sign": BLUE,
    "AdamW": SKY,
    "SGD": VERMILION,
    "NGD": PURPLE,
    "exact polar": GREEN,
    "Muon, momentum": GREEN,
    "msgn": GREEN,
    "gradient": VERMILION,
    "Jordan": GREEN,
    "Polar Express": BLUE,
    "quintic": ORANGE,
    "CANS": PURPLE,
    "five triples": SKY,
    "QDWH": VERMILION,
    "SVD": ORANGE,
    "eigh": PURPLE,
    "SPG": BLUE,
    "SAA": GREEN,
}


def colour(method: str) -> str:
    """Colour of a method. Raises KeyError naming the known ones."""
    if method not in METHODS:
        raise KeyError(
            f"no colour for {method!r}; known: {', '.join(METHODS)}; add it to theorylab/plotting/palette.py"
        )
    return METHODS[method]
