"""orthogonalize beside what people call today: one interleaved run, medians of ratios, time over floor.

Usage: python benchmarks/orthogonalize.py [--device cpu|cuda] [--seconds-per-cell 40] [--threads N] [--clock wall|cpu]

Compared: the routine of ``torch.optim.Muon`` (bfloat16), those of gram-newton-schulz (its torch path), heavyball and
pytorch-optimizer where they are installed, the formula in float32, ``torch.linalg.svd`` of G and of its transpose,
``scipy.linalg.polar``. In each round every method runs once on the same matrix, in rotating order; a ratio is taken
within a round, and the table gives the median over rounds. The floor of a method is its matrix-product operations, as
torch's own flop counter sees them, over the measured rate of one product in that dtype; decompositions have no such
floor, and a method whose floor exceeds the time of a cell is not run. ``--clock cpu`` counts the seconds of this
process, for a machine that others use too. Writes ``orthogonalize-<device>.md`` and ``.svg`` next to this file.

The other packages need not enter the environment (gram-newton-schulz asks for CUDA libraries that its torch path does
not use):

    pip install --no-deps --target build/rivals gram-newton-schulz heavyball pytorch-optimizer
    PYTHONPATH=build/rivals python benchmarks/orthogonalize.py
"""

import argparse
import math
import pathlib
import platform
import statistics
import time
from functools import partial

import scipy.linalg
import torch
from torch.optim._muon import _zeropower_via_newtonschulz
from torch.utils.flop_counter import FlopCounterMode

from theorylab.optimizers import Muon
from theorylab.plotting import use_style
from theorylab.random import torch_generator
from theorylab.spectral import orthogonalize
from theorylab.spectral.precision import fastest

FOLDER = pathlib.Path(__file__).parent
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
TYPES = ("float32", "bfloat16", "float16", "float64")
SHAPES = [(128, 128), (512, 512), (1024, 1024), (256, 4096), (1024, 4096), (4096, 1024), (768, 3072)]
BATCHES = [(16, 256, 256), (32, 128, 128)]
# How many times as fast as the fastest of the other libraries, in any type, each shape is to be.
RIVAL_TARGET, STEP_TARGET = 1.5, 2.0
# How many times as fast as the direct float32 formula, and as the faster of the two SVDs, each shape is to be.
FORMULA_TARGETS = {"256x4096": 3.5, "1024x4096": 1.9, "4096x1024": 1.9}
FORMULA_TARGETS |= {shape: 1 / 1.05 for shape in ("128x128", "512x512", "1024x1024")}
SVD_TARGETS = {"256x4096": 2.0}
SVD_TARGETS |= {shape: 1 / 1.1 for shape in ("128x128", "512x512", "1024x1024", "1024x4096", "4096x1024", "768x3072")}
MIN_ROUNDS, MAX_ROUNDS = 3, 25
LIMITS = """\
What limits the numbers on a CPU. At 256x4096 the formula takes 165 products of 256 x 256, the Gram form with three
quarters of the symmetric product 12 + 17 + 16 = 45 of them: a ratio of 3.7 at equal rates, less the scaling and the
memory for the result. A square matrix has no shorter form than the direct one: 15 products of m x m in five steps, of
which ten are symmetric. At half the operations for these it is 10, so that against a library that makes all 15 in the
same type 1.5 is the limit; with nine sixteenths (1024 rows) it is 1.41, with five eighths (512 rows) 1.33, and below
256 rows, where a block of 128 rows is the whole matrix, 1. At 128x128 half of the time goes into the calls around the
products (scaling without an absolute epsilon, norm), and in `exact` two thirds into LAPACK's eigenvalues in float64,
which the accuracy needs. In bfloat16 a product was 2.3 times as fast as in float32 where this page was first made,
with AVX-512 and without matrix units."""


def torch_muon(G):
    """The routine of torch.optim.Muon: bfloat16, one matrix at a time."""
    if G.ndim == 3:
        return torch.stack([torch_muon(matrix) for matrix in G])
    return _zeropower_via_newtonschulz(G, COEFFICIENTS, 5, 1e-7)


def formula(G):
    """The same formula as written, in the dtype of the input."""
    a, b, c = COEFFICIENTS
    X = G.mT if G.shape[-2] > G.shape[-1] else G
    X = X / (torch.linalg.matrix_norm(X, keepdim=True) + 1e-7)
    for _ in range(5):
        A = X @ X.mT
        X = a * X + (b * A + c * A @ A) @ X
    return X.mT if G.shape[-2] > G.shape[-1] else X


def svd_factor(G):
    """U V^T by torch.linalg.svd."""
    U, _, Vh = torch.linalg.svd(G, full_matrices=False)
    return U @ Vh


def scipy_polar(G):
    """The orthogonal factor by scipy, on the smaller side."""
    return scipy.linalg.polar(G.numpy(), side="left" if G.shape[0] <= G.shape[1] else "right")


def rival_methods() -> dict:
    """The routines of other libraries that are installed, by name and working type."""
    found = {"torch.optim.Muon, bfloat16": lambda G: torch_muon(G.bfloat16())}
    try:
        from gram_newton_schulz import YOU_COEFFICIENTS, GramNewtonSchulz

        # Five steps, its own restart after two; it works in float16 whatever the input.
        gram = GramNewtonSchulz(ns_use_kernels=False, ns_coefficients=YOU_COEFFICIENTS, compile_kwargs=None)
        found["gram-newton-schulz, float16"] = gram
    except ImportError:
        pass
    try:
        from heavyball import utils

        # Uncompiled, like all others here.
        utils.compile_mode = None
        found["heavyball, bfloat16"] = utils.zeropower_via_newtonschulz5
    except ImportError:
        pass
    try:
        from pytorch_optimizer.optimizer.utils import matrix

        for dtype in (torch.float32, torch.bfloat16):
            name = str(dtype).removeprefix("torch.")
            found[f"pytorch-optimizer, {name}"] = partial(matrix.zero_power_via_newton_schulz_5, dtype=dtype)
        for dtype in (torch.float32, torch.float16):
            name = str(dtype).removeprefix("torch.")
            found[f"pytorch-optimizer Gram, {name}"] = partial(matrix.zero_power_via_gram_newton_schulz, dtype=dtype)
    except ImportError:
        pass
    return found


RIVALS = rival_methods()
BASELINES = {
    "formula, float32": formula,
    **RIVALS,
    "svd of G": svd_factor,
    "svd of the transpose": lambda G: svd_factor(G.mT).mT,
}
SCIPY = "scipy.linalg.polar"
OURS = {
    "jordan, auto": lambda G: orthogonalize(G, "jordan", dtype="auto", check=False),
    "jordan, float32": lambda G: orthogonalize(G, "jordan", check=False),
    "jordan, bfloat16": lambda G: orthogonalize(G.bfloat16(), "jordan", check=False),
    "jordan, float16": lambda G: orthogonalize(G, "jordan", dtype=torch.float16, check=False),
    "polar_express, 5 steps, float32": lambda G: orthogonalize(G, "polar_express", 5, check=False),
    "polar_express, 5 steps, bfloat16": lambda G: orthogonalize(G.bfloat16(), "polar_express", 5, check=False),
    "exact": lambda G: orthogonalize(G, "exact", check=False),
    "qdwh": lambda G: orthogonalize(G, "qdwh", check=False),
}
METHODS = {**BASELINES, **OURS}


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
clock = CLOCKS["wall"]


def seconds(function, argument) -> float:
    """Seconds of one call by the chosen clock, the device waited for."""
    if argument.is_cuda:
        torch.cuda.synchronize()
    start = clock()
    function(argument)
    if argument.is_cuda:
        torch.cuda.synchronize()
    return clock() - start


def interleaved(methods: dict, argument, budget: float) -> dict[str, list[float]]:
    """Times per method; one warm-up each, then rounds of all methods in rotating order until the budget is used.

    A method whose warm-up took more than a fifth of the budget is not run again: its one time is that warm-up.
    """
    warm_up = {name: seconds(function, argument) for name, function in methods.items()}
    times: dict[str, list[float]] = {name: [first] if first > budget / 5 else [] for name, first in warm_up.items()}
    names, begun = [name for name in methods if not times[name]], time.perf_counter()
    for round_number in range(MAX_ROUNDS):
        if round_number >= MIN_ROUNDS and time.perf_counter() - begun > budget:
            break
        shift = round_number % len(names)
        for name in names[shift:] + names[:shift]:
            times[name].append(seconds(methods[name], argument))
    return times


def median_ratio(times: dict, slow: str, fast: str) -> float:
    """Median over rounds of time(slow) / time(fast): how many times as fast the second is; NaN if one was not run."""
    if slow not in times or fast not in times:
        return math.nan
    return statistics.median(a / b for a, b in zip(times[slow], times[fast]))


def product_rate(dtype, device) -> float:
    """Operations per second of one 1024 x 1024 product: the roof of every polynomial method."""
    size = 1024
    matrix = torch.randn(size, size, device=device).to(dtype)
    matrix @ matrix
    return 2 * size**3 / statistics.median(seconds(lambda X: X @ X, matrix) for _ in range(3))


def operations(function, argument) -> int:
    """Matrix-product operations of one call, counted by torch."""
    counter = FlopCounterMode(display=False)
    with counter:
        function(argument)
    return counter.get_total_flops()


def working_type(name: str) -> str:
    """The type in which the method of this name multiplies, by its name."""
    if name.endswith("auto"):
        return str(fastest("cpu")).removeprefix("torch.")
    return next((dtype for dtype in ("bfloat16", "float16") if name.endswith(dtype)), "float32")


def is_polynomial(name: str) -> bool:
    """Whether the method consists of matrix products."""
    return "svd" not in name and name not in (SCIPY, "exact", "qdwh")


def floor(name: str, argument, rates: dict) -> float:
    """Seconds that the products of a polynomial method take at full rate, counted without computing them."""
    return operations(METHODS[name], argument.to("meta")) / rates[working_type(name)]


def spread(function, argument) -> str:
    """Range of the singular values of the result."""
    sigma = torch.linalg.svdvals(function(argument).double())
    return f"{sigma.min():.3f} to {sigma.max():.3f}"


def draw(shape, device):
    """A Gaussian matrix or batch, drawn on the CPU."""
    return torch.randn(*shape, generator=torch_generator(0, "benchmark", *shape)).to(device)


def measure_cell(shape, device, budget, rates) -> list[dict]:
    """One row per method for one shape."""
    G = draw(shape, device)
    floors = {name: floor(name, G, rates) for name in METHODS if is_polynomial(name)}
    methods = {name: method for name, method in METHODS.items() if floors.get(name, 0) <= budget}
    times = interleaved(methods, G, budget)
    if device == "cpu" and G.ndim == 2:
        # scipy brings a BLAS of its own, whose threads go on spinning and slow down what runs next: it runs last,
        # alone.
        methods = {**methods, SCIPY: scipy_polar}
        times[SCIPY] = [seconds(scipy_polar, G) for _ in range(MIN_ROUNDS)]
    rows = []
    for name, values in times.items():
        row = {"shape": "x".join(map(str, shape)), "method": name, "ms": 1e3 * statistics.median(values)}
        row["rounds"] = len(values)
        row["formula / this"] = median_ratio(times, "formula, float32", name)
        row["torch Muon / this"] = median_ratio(times, "torch.optim.Muon, bfloat16", name)
        row["best svd / this"] = min(median_ratio(times, svd, name) for svd in ("svd of G", "svd of the transpose"))
        # Rounds are paired; what was run once counts in the first.
        row["best rival / this"] = min(median_ratio(times, rival, name) for rival in RIVALS if rival in times)
        row["time / floor"] = statistics.median(values) / floors[name] if name in floors else math.nan
        shown = name != SCIPY and G.ndim == 2 and len(values) >= MIN_ROUNDS
        row["singular values"] = spread(methods[name], G) if shown else ""
        rows.append(row)
    return rows


def gpt_matrices(device, layers=12, width=256):
    """The matrices of a GPT with gradients: per layer attention in and out, feed-forward in and out."""
    shapes = [(3 * width, width), (width, width), (4 * width, width), (width, 4 * width)] * layers
    parameters = [torch.nn.Parameter(draw(shape, device)) for shape in shapes]
    for number, parameter in enumerate(parameters):
        gradient = torch.randn(parameter.shape, generator=torch_generator(0, "gradient", number))
        parameter.grad = gradient.to(device)
    return parameters


def measure_step(device, budget) -> dict[str, list[float]]:
    """An optimizer step on the matrices of a 12-layer, width-256 GPT."""

    def stepper(make):
        optimizer = make(gpt_matrices(device))
        return lambda _: optimizer.step()

    optimizers = {
        "torch.optim.Muon": stepper(torch.optim.Muon),
        "Muon, auto": stepper(lambda p: Muon(p, dtype="auto")),
        "Muon, bfloat16": stepper(lambda p: Muon(p, dtype=torch.bfloat16)),
        "Muon, float32": stepper(Muon),
        "Muon, polar_express 5, bfloat16": stepper(
            lambda p: Muon(p, method="polar_express", steps=5, dtype=torch.bfloat16)
        ),
    }
    return interleaved(optimizers, draw((1, 1), device), budget)


def targets(rows, step) -> list[tuple[str, str, str]]:
    """The numbers asked for and the numbers reached."""
    value = {(row["shape"], row["method"]): row for row in rows}
    formula_, svd, muon = "formula / this", "best svd / this", "torch Muon / this"
    cells = [(shape, "jordan, float32", formula_, need) for shape, need in FORMULA_TARGETS.items()]
    cells += [(shape, "exact", svd, need) for shape, need in SVD_TARGETS.items()]
    cells += [("256x4096", "jordan, bfloat16", muon, 1.5), ("32x128x128", "jordan, bfloat16", muon, 1.8)]
    rival = "best rival / this"
    cells += [("x".join(map(str, shape)), "jordan, auto", rival, RIVAL_TARGET) for shape in SHAPES + BATCHES]
    asked = [
        (f"{method} at {shape}: {column}", need, value.get((shape, method), {}).get(column, math.nan))
        for shape, method, column, need in cells
    ]
    asked.append(
        ("GPT step, auto: torch.optim.Muon / this", STEP_TARGET, median_ratio(step, "torch.optim.Muon", "Muon, auto"))
    )
    return [(name, f"{need:.2f}", outcome(need, got)) for name, need, got in asked]


def outcome(need: float, got: float) -> str:
    """The number reached, and whether it is enough."""
    if math.isnan(got):
        return "not run"
    return f"{got:.2f}{'' if got >= need else ' (not reached)'}"


def table(header, rows) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def report(device_name, threads, rates, rows, step, clock_name) -> str:
    """The page that is committed."""
    columns = ["formula / this", "torch Muon / this", "best rival / this", "best svd / this", "time / floor"]
    body = [
        [
            row["shape"],
            row["method"],
            f"{row['ms']:.2f}",
            *("–" if math.isnan(row[c]) else f"{row[c]:.2f}" for c in columns),
            row["singular values"],
            row["rounds"],
        ]
        for row in rows
    ]
    steps = [
        [
            name,
            f"{1e3 * statistics.median(values):.1f}",
            f"{median_ratio(step, 'torch.optim.Muon', name):.2f}",
            len(values),
        ]
        for name, values in step.items()
    ]
    rate_text = ", ".join(f"{name} {rate / 1e9:.3g}" for name, rate in rates.items())
    version = torch.__version__.split("+")[0]
    parts = [
        f"# orthogonalize on {device_name}",
        f"Generated by `python benchmarks/orthogonalize.py`; torch {version}, threads: {threads}, clock: {clock_name}. "
        f"Measured product rates in GFLOP/s: {rate_text}. Gaussian matrices. Ratios above 1 mean that the method of "
        f"the row is faster; the best rival is the fastest of {', '.join(RIVALS)}. A method is left out where its "
        "products alone would take longer than the time of a cell, and has one round where a call takes a fifth of it.",
        "## Asked and reached",
        table(["what", "asked", "reached"], targets(rows, step)),
        LIMITS.replace("\n", " "),
        "## All methods",
        table(["shape", "method", "ms", *columns, "singular values", "rounds"], body),
        "## One optimizer step, 48 matrices of a 12-layer, width-256 GPT",
        table(["optimizer", "ms", "torch.optim.Muon / this", "rounds"], steps),
    ]
    return "\n\n".join(parts) + "\n"


def figure(rows, path) -> None:
    """Time over the direct formula by shape, one marker per method."""
    import matplotlib.pyplot as plt

    use_style()
    fig, axes = plt.subplots(figsize=(9, 4.6))
    shapes = list(dict.fromkeys(row["shape"] for row in rows))
    for name in (
        "jordan, float32",
        "jordan, bfloat16",
        "jordan, auto",
        "torch.optim.Muon, bfloat16",
        "exact",
        "svd of G",
        "svd of the transpose",
    ):
        chosen = [row for row in rows if row["method"] == name]
        speed = [row["formula / this"] for row in chosen]
        axes.semilogy([shapes.index(row["shape"]) for row in chosen], speed, "o-", label=name, linewidth=1)
    axes.axhline(1, color="black", linestyle="--", linewidth=1)
    axes.set_xticks(range(len(shapes)), shapes, rotation=30, ha="right")
    axes.set_ylabel("times as fast as the direct formula in float32")
    axes.legend(ncols=2)
    fig.savefig(path, metadata={"Date": None, "Creator": "theorylab"})


def main() -> None:
    """Command line of the module docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--seconds-per-cell", type=float, default=40.0)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    options = parser.parse_args()
    global clock
    clock = CLOCKS[options.clock]
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no CUDA device; use --device cpu")
    if options.threads:
        torch.set_num_threads(options.threads)
    rates = {name: product_rate(getattr(torch, name), options.device) for name in TYPES}
    rows = []
    for shape in SHAPES + BATCHES:
        rows += measure_cell(shape, options.device, options.seconds_per_cell, rates)
        print(f"{rows[-1]['shape']} done, {rows[-1]['rounds']} rounds", flush=True)
    step = measure_step(options.device, options.seconds_per_cell)
    name = torch.cuda.get_device_name() if options.device == "cuda" else f"{platform.machine()} CPU"
    page = report(name, torch.get_num_threads(), rates, rows, step, options.clock)
    (FOLDER / f"orthogonalize-{options.device}.md").write_text(page, encoding="utf-8")
    figure(rows, FOLDER / f"orthogonalize-{options.device}.svg")
    print(page)


if __name__ == "__main__":
    main()
