"""Figures have the same bytes twice, carry their text, and are not disturbed by the last bits of a curve."""

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

from theorylab import session
from theorylab.plotting import colour, control, save, theory, use_style
from theorylab.plotting.palette import METHODS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(session.OUTPUT_VARIABLE, str(tmp_path))
    monkeypatch.setattr(session, "_current", None)
    session.begin("99_example", preset="quick", seed=0, device="cpu")
    use_style()
    return tmp_path


def draw(noise=0.0):
    figure, axes = plt.subplots()
    x = np.linspace(1, 10, 50)
    axes.loglog(x, x**-2 * (1 + noise), label="run")
    axes.fill_between(x, x**-2.1 * (1 + noise), x**-1.9, alpha=0.3)
    axes.loglog(x, 1 / x, **theory)
    axes.loglog(x, 2 / x, **control)
    axes.set(xlabel="$k$", ylabel="$f$")
    return figure


def test_same_bytes_twice_and_rounding_hides_the_last_bits(folder):
    texts = [save(draw(noise), "rates", alt="rates").path.read_bytes() for noise in (0.0, 0.0, 1e-13)]
    assert texts[0] == texts[1] == texts[2]
    assert save(draw(1e-2), "rates", alt="rates").path.read_bytes() != texts[0]
    assert [path.name for path in (folder / "figures" / "99_example").iterdir()] == ["rates.svg"]


def test_picture_shows_png_with_its_text():
    data, metadata = save(draw(), "rates", alt="rates against step")._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert data["text/plain"] == "rates against step"
    assert metadata["image/png"]["alt"] == "rates against step"


def test_alt_text_is_required():
    with pytest.raises(ValueError, match="alt"):
        save(draw(), "rates", alt=" ")


def test_folder_that_cannot_be_made_is_named(folder):
    (folder / "figures").write_text("a file in the way")
    with pytest.raises(OSError, match="remove it"):
        save(draw(), "rates", alt="rates")


def test_colours_are_known_or_named():
    assert all(matplotlib.colors.is_color_like(colour(method)) for method in METHODS)
    with pytest.raises(KeyError, match=r"palette\.py"):
        colour("unheard of")
