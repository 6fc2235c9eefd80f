"""``--new NN_slug``: the skeleton of a notebook in all its rooms. It is a small legal notebook and runs green as it is:
replace its example, gradient descent on a quadratic, piece by piece."""

import pathlib

from theorylab.experiment.lean_nbformat import NotebookNode, nbformat
from theorylab.experiment.notebook import KERNEL, written
from theorylab.experiment.publish import PublishError
from theorylab.laboratory.checkout import STEM, stems

CLAIMS = """\
title = "How fast does gradient descent contract on a quadratic?"
source = "Replace: authors, title, arXiv number, version and date"

# Another claim: quote = "at most 25 words, verbatim", who = "authors", "abstract", "caption" or "reviewer", and
# reading = "how the words are made precise, and which other readings there are". An id that is taken back goes into a
# table [withdrawn] above the first [[claim]], with its reason.

[[claim]]
id = "{id}"
title = "The best fixed step"
statement = \'\'\'
Let $A$ be symmetric with eigenvalues in $[\\mu, L]$, $\\mu>0$. Gradient descent on $\\tfrac12x^\\top Ax$ with stepsize
$h=2/(\\mu+L)$ contracts the distance to the minimiser by $\\|I-hA\\|\\le(L-\\mu)/(L+\\mu)$ per step.\'\'\'
who = "own"
where = "replace: theorem, page"
printed = "not printed"
kind = "deterministic"
expected = "supported"
headline = true
"""

MODULE = '''\
"""Gradient descent on a quadratic, the example of the skeleton: replace it."""

import numpy as np


def spectrum(dimension: int, smallest: float, largest: float, generator: np.random.Generator) -> np.ndarray:
    """Eigenvalues of shape (dimension,), dimension >= 2: both ends, and log-uniform ones between them, ascending."""
    inner = np.exp(generator.uniform(np.log(smallest), np.log(largest), dimension - 2))
    return np.sort([smallest, largest, *inner])


def best_stepsize(smallest: float, largest: float) -> float:
    """2 / (mu + L), which makes |1 - h mu| and |1 - h L| equal."""
    return 2 / (smallest + largest)


def contraction(eigenvalues: np.ndarray, stepsize: float) -> float:
    """||I - h A|| = max |1 - h lambda|: the factor by which a step shrinks the distance in the worst direction."""
    return float(np.abs(1 - stepsize * eigenvalues).max())
'''

TEST = '''\
"""Oracles for the study {slug}: replace them with its own."""

import numpy as np

from theorylab.studies.{slug} import example


def test_the_contraction_is_the_operator_norm():
    eigenvalues = np.array([0.5, 2.0, 3.0])
    rotation, _ = np.linalg.qr(np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]))
    matrix = rotation @ np.diag(eigenvalues) @ rotation.T
    expected = np.linalg.norm(np.eye(3) - 0.3 * matrix, 2)
    assert abs(example.contraction(eigenvalues, 0.3) - expected) < 1e-14
'''

PLANTED = '''\
"""Planted bugs of notebook {stem}."""

from tests.planted import Bug, scaled

STEM = "{stem}"
EXAMPLE = "theorylab.studies.{slug}.example:"
# At least eight, or two for each claim where there are few; every headline is hit.
BUGS = [
    Bug("the step is too long", EXAMPLE + "best_stepsize", scaled(1.1), ("{id}",)),
    Bug("the factor is a tenth too large", EXAMPLE + "contraction", scaled(1.1), ("{id}",)),
]
'''

TITLE = """\
# How fast does gradient descent contract on a quadratic?

One paragraph: what is claimed, by whom, why one should care. **Sources:** ... **Run time:** quick a few seconds, full a
few seconds.

*What would prove the claim wrong:* a spectrum in $[\\mu, L]$ on which the step $h=2/(\\mu+L)$ contracts by more than
$(L-\\mu)/(L+\\mu)$.

*You will learn* to write down a claim, to measure it, and to show that the test of it can fail."""

SET_UP = """\
## Set-up

Symbols that all sections use: $\\mu\\le L$ are the ends of the spectrum, $h$ is the stepsize."""

IMPORTS = """\
import matplotlib.pyplot as plt
import numpy as np

from theorylab.claims import certified, claim, equal, guard, must_fail, part, table
from theorylab.experiment import preset as sizes_of
from theorylab.experiment import sweep
from theorylab.plotting import save, theory, use_style
from theorylab.random import generator
from theorylab.session import begin
from theorylab.studies.{slug} import example

use_style()"""

PARAMETERS = 'preset = "quick"\nseed = 0\ndevice = "auto"'

SIZES = """\
sizes = sizes_of(preset, quick=dict(spectra=20, dimensions=[2, 20]), full=dict(spectra=200, dimensions=[2, 20, 200]))
begin("{stem}", preset=preset, seed=seed, device=device)"""

IDEA = """\
**The idea of the proof.** In the eigenbasis every coordinate is multiplied by $1-h\\lambda$. This is linear in
$\\lambda$, so its absolute value is largest at an end; at $h=2/(\\mu+L)$ both ends give $(L-\\mu)/(L+\\mu)$.

**See it small.** Two eigenvalues, 1 and 3: both coordinates shrink by one half, with opposite signs."""

SMALL = """\
two = np.array([1.0, 3.0])
h = example.best_stepsize(1.0, 3.0)
factors = 1 - h * two
assert np.abs(factors).max() == example.contraction(two, h)
factors"""

MEASURE = """\
def trial(seed, index, dimension):
    eigenvalues = example.spectrum(dimension, 1.0, 10.0, generator(seed, "spectra", index))
    best = example.best_stepsize(1.0, 10.0)
    steps = {"factor": best, "factor_long": 1.05 * best}
    return {name: example.contraction(eigenvalues, step) for name, step in steps.items()}


rows = sweep(trial, seeds=[seed], index=range(sizes.spectra), dimension=sizes.dimensions)
bound = (10 - 1) / (10 + 1)
rows.groupby("dimension")[["factor", "factor_long"]].max()"""

LOOK = """\
steps = np.linspace(0.02, 0.2, 181)
fig, ax = plt.subplots(figsize=(6.5, 3.6))
ends = np.array([1.0, 10.0])
ax.plot(steps, [example.contraction(ends, step) for step in steps], label="contraction $\\\\|I-hA\\\\|$")
ax.axhline(bound, label=r"theory: $(L-\\mu)/(L+\\mu)$", **theory)
ax.set(xlabel="stepsize $h$", ylabel="factor per step")
ax.legend()
save(fig, "contraction", alt="The factor falls to 9/11 at the stepsize 2/11 and rises steeply after it.")"""

JUDGE = """\
# Every spectrum holds both ends, so the bound is attained. Both sides are computed with a handful of operations on
# numbers near 1, each off by at most 2e-16.
tolerance = 1e-14
claim("{id}").judge(
    part(
        "contraction with the best step",
        equal(rows["factor"].max(), bound, absolute=tolerance),
        must_fail("a step 5 % too long", equal(rows["factor_long"].max(), bound, absolute=tolerance)),
    ),
    guard(
        "every spectrum is counted",
        certified(len(rows) == sizes.spectra * len(sizes.dimensions), f"{len(rows)} spectra"),
    ),
    numbers={"spectra": len(rows), "bound": bound},
)"""

LIMITS = """\
**Limits.** The test knows both ends of the spectrum. It says nothing about functions that are not quadratic."""

EXPLORE = """\
def explore(h=0.15, largest=10.0):
    return example.contraction(np.array([1.0, largest]), h)


explore()"""

EXERCISES = (
    (
        "**1. The other end.** Which eigenvalue decides when the step is too short?",
        "ends = np.array([1.0, 10.0])\nshort = 0.5 * example.best_stepsize(1.0, 10.0)\n"
        "assert example.contraction(ends, short) == 1 - short",
    ),
    (
        "**2. Remove an assumption.** Let $\\mu=0$: what does the claim become?",
        "assert example.contraction(np.array([0.0, 10.0]), example.best_stepsize(0.0, 10.0)) == 1.0",
    ),
    (
        "**3. Too long.** From which stepsize on does gradient descent diverge?",
        "ends = np.array([1.0, 10.0])\n"
        "assert example.contraction(ends, 0.2001) > 1 > example.contraction(ends, 0.1999)",
    ),
)


def create(root: pathlib.Path, stem: str) -> list[str]:
    """Write the skeleton of notebook ``stem`` into the checkout; returns the paths. Raises PublishError when the name
    cannot be one, or one of the files is there already."""
    if not STEM.fullmatch(stem):
        raise PublishError(f"{stem!r} is no name for a notebook; use one like 07_stable_rank")
    if taken := [other for other in stems(root) if other[:2] == stem[:2]]:
        raise PublishError(f"the number {stem[:2]} belongs to {taken[0]}; take another one")
    slug = stem[3:]
    files = {
        f"claims/{stem}.toml": CLAIMS,
        f"lib/theorylab/studies/{slug}/__init__.py": f'"""What notebook {stem} alone needs."""\n',
        f"lib/theorylab/studies/{slug}/example.py": MODULE,
        f"tests/studies/{slug}/__init__.py": "",
        f"tests/studies/{slug}/test_{slug}.py": TEST,
        f"tests/planted/{slug}.py": PLANTED,
    }
    names = {"stem": stem, "slug": slug, "id": new_id(root, slug)}
    contents = {name: fill(text, names).encode() for name, text in files.items()}
    contents[f"notebooks/{stem}.ipynb"] = written(document(names))
    for name in contents:
        if (root / name).exists():
            raise PublishError(f"{name} is there already; remove it or take another slug")
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return sorted(contents)


def fill(text: str, names: dict[str, str]) -> str:
    """``text`` with {stem}, {slug} and {id} filled in; other braces stay, so that LaTeX can be written as it is."""
    for name, value in names.items():
        text = text.replace("{" + name + "}", value)
    return text


def new_id(root: pathlib.Path, slug: str) -> str:
    """The first id of the notebook: the initials of its slug, or its first letters where others have those."""
    used = "".join(path.read_text(encoding="utf-8") for path in (root / "claims").glob("*.toml"))
    initials = "".join(word[0] for word in slug.split("_") if word)
    letters = slug.replace("_", "")
    for prefix in (initials if len(initials) > 1 else letters[:2], *(letters[:n] for n in range(3, len(letters)))):
        if f'"{prefix.upper()}-' not in used:
            return f"{prefix.upper()}-01"
    return f"{letters.upper()}-01"


def document(names: dict[str, str]) -> NotebookNode:
    """The notebook with its sections."""
    made: list[NotebookNode] = []

    def text(source: str) -> None:
        made.append(nbformat.v4.new_markdown_cell(fill(source, names), id=f"cell-{len(made) + 1:02}"))

    def code(source: str, *tags: str) -> None:
        metadata = {"tags": list(tags)} if tags else {}
        if "solution" in tags:
            metadata["jupyter"] = {"source_hidden": True}
        made.append(nbformat.v4.new_code_cell(fill(source, names), id=f"cell-{len(made) + 1:02}", metadata=metadata))

    text(TITLE)
    text(SET_UP)
    code(IMPORTS)
    code(PARAMETERS, "parameters")
    code(SIZES)
    text("## 1 · The best fixed step")
    code('claim("{id}")')
    text(IDEA)
    code(SMALL)
    text("**Measure.** Random spectra with both ends in them; the control takes a step that is 5 % too long.")
    code(MEASURE)
    code(LOOK, "picture")
    code(JUDGE)
    text(LIMITS)
    text("## 2 · Explore\n\nTurn the two knobs of the function, or wrap it in `ipywidgets.interactive`.")
    code(EXPLORE, "explore")
    for number, (question, solution) in enumerate(EXERCISES):
        text(("## 3 · Exercises\n\n" if number == 0 else "") + question)
        code(solution, "solution")
    text("## 4 · Ledger")
    code("table()", "ledger")
    return nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": KERNEL})
