"""What every run of the tests says first."""

from tests.planted import sample


def pytest_report_header() -> str | None:
    """Which bugs are planted today, where it is not all of them."""
    chosen = sample.today()
    if chosen is None:
        return None
    return "planted bugs of today: " + "; ".join(f"{stem} {numbers}" for stem, numbers in chosen.items())
