"""Planted bugs of notebook 03_specgd_random_features."""

import torch

from tests.planted import Bug, scaled

STEM = "03_specgd_random_features"
DESCENT = "theorylab.studies.specgd_random_features.layer_descent"
REGRESSION = "theorylab.studies.specgd_random_features.layer_regression:LayerRegression"
BLOCKS = "theorylab.studies.specgd_random_features.block_comparison"
BAND = "theorylab.studies.specgd_random_features.sharp_band"
FEATURES = "theorylab.studies.specgd_random_features.random_features"


def scaled_property(factor):
    """A constant of the problem is off by a factor."""

    def patch(original):
        return property(lambda self: factor * original.fget(self))

    return patch


def without_samples(original):
    """The second constant forgets to divide by the number of samples."""
    return property(lambda self: self.samples * original.fget(self))


def never_truncated(polar_factor):
    """Null directions are filled with whatever the decomposition returns."""
    return lambda G, tolerance=0.0, method="svd": polar_factor(G, 0.0, method)


def always_truncated(polar_factor):
    """Weak directions are dropped although the gradient has full rank."""
    return lambda G, tolerance=0.0, method="svd": polar_factor(G, max(tolerance, 1e-2), method)


def unsquared(nuclear_rank):
    """The nuclear rank without its square."""
    return lambda matrix: nuclear_rank(matrix).sqrt()


def frobenius_length(spectral_step):
    """The spectral step as long as the Frobenius norm of the gradient says."""

    def wrong(problem, G, factor):
        shorter = torch.linalg.matrix_norm(G) / torch.linalg.matrix_norm(G, ord="nuc")
        return shorter[..., None, None] * spectral_step(problem, G, factor)

    return wrong


def whole_curvature(original):
    """The second-order term without its factor one half."""
    return lambda self, G, U: original(self, G, U) - 0.5 * self.curvature(U)


def late(gd_iterate):
    """One step too few."""
    return lambda problem, t, step=None: gd_iterate(problem, max(t - 1, 0), step)


def late_gap(gd_gap):
    """The gap of the step before."""
    return lambda problem, times, step=None: gd_gap(problem, [max(int(t) - 1, 0) for t in times], step)


def no_activation(product_features):
    """The nonlinearity is forgotten."""
    return lambda weights, inputs, activation="relu": product_features(weights, inputs, "identity")


def centred(features):
    """Features with the mean of each row removed: the spike is gone."""

    def wrong(*args, **kwargs):
        A = features(*args, **kwargs)
        return A - A.mean(1, keepdim=True)

    return wrong


def full_rank_targets(targets):
    """Targets of full rank where low rank was asked for."""
    return lambda seed, A, kind="realisable", rank=1: targets(seed, A, "realisable" if kind == "rank R" else kind, rank)


def unshaped_product(product_features):
    """Shapes that do not conform are cut until they do."""

    def wrong(weights, inputs, activation="relu"):
        width = min(weights.shape[-1], inputs.shape[-2])
        return product_features(weights[..., :width], inputs[..., :width, :], activation)

    return wrong


def weak_spike(white):
    """A tenth of the spike that was asked for."""
    return lambda seed, d=100, n=400, spike=0.0: white(seed, d, n, 0.1 * spike)


def linear_only(original):
    """The decrease without its second-order term."""
    return lambda self, G, U: -(G * U).sum((-2, -1))


def swapped_ranks(compare_blocks):
    """The nuclear rank of the blocks upside down."""

    def wrong(*args, **kwargs):
        table = compare_blocks(*args, **kwargs)
        return table.assign(nuclear_rank=1 / table["nuclear_rank"])

    return wrong


def wrong_curvature(line_search_decrease):
    """The line search divides by the curvature along the gradient, whatever the direction."""
    return lambda problem, G, direction: (G * direction).sum((-2, -1)).square() / (2 * problem.curvature(G))


def without_noise(targets):
    """Noisy targets without their noise."""
    return lambda seed, A, kind="realisable", rank=1: targets(seed, A, "realisable" if kind == "noisy" else kind, rank)


def with_noise(targets):
    """Realisable targets with noise."""
    return lambda seed, A, kind="realisable", rank=1: targets(seed, A, "noisy" if kind == "realisable" else kind, rank)


def another_orthogonal_matrix(polar_factor):
    """Orthogonal, but not the polar factor: that of the transposed gradient where G is square."""

    def wrong(G, tolerance=0.0, method="svd"):
        return polar_factor(G.mT if G.shape[-1] == G.shape[-2] else G, tolerance, method)

    return wrong


def single_row(targets):
    """One row, however many were asked for."""
    return lambda seed, A, kind="realisable", rank=1: targets(seed, A, kind, 1 if kind == "R rows" else rank)


def ungated(features):
    """The gate of SwiGLU features is forgotten: ReLU features instead."""

    def wrong(seed, d=100, n=400, latent=None, activation="relu"):
        return features(seed, d, n, latent, "relu" if activation == "swiglu" else activation)

    return wrong


def unsquared_margin(margin):
    """nr(G)/st(A) of the ends of the band is off by the square."""
    return lambda problem: margin(problem) ** 0.5


def two_moments_lost(compare_blocks):
    """The last two rows of every network are lost."""
    return lambda *args, **kwargs: compare_blocks(*args, **kwargs).iloc[:-2]


def early(steps_to):
    """One step too few."""
    return lambda *args, **kwargs: steps_to(*args, **kwargs) - 1


BUGS = [
    Bug("polar factor without truncation", f"{DESCENT}:polar_factor", never_truncated, ("SG-13",)),
    Bug("polar factor truncated at one percent", f"{DESCENT}:polar_factor", always_truncated, ("SG-05",)),
    Bug(
        "second constant not divided by n",
        f"{REGRESSION}.spectral_lipschitz",
        without_samples,
        ("SG-03", "SG-09", "SG-10", "SG-14"),
    ),
    Bug("L +1 %", f"{REGRESSION}.lipschitz", scaled_property(1.01), ("SG-03",)),
    Bug("L -1 %", f"{REGRESSION}.lipschitz", scaled_property(0.99), ("SG-03", "SG-04c")),
    Bug("L_F +1 %", f"{REGRESSION}.spectral_lipschitz", scaled_property(1.01), ("SG-03", "SG-05")),
    Bug("L_F -1 %", f"{REGRESSION}.spectral_lipschitz", scaled_property(0.99), ("SG-03", "SG-04c")),
    Bug("nuclear rank without its square", "theorylab.spectral:nuclear_rank", unsquared, ("SG-03", "SG-06")),
    Bug(
        "spectral step with the Frobenius norm",
        f"{DESCENT}:spectral_step",
        frobenius_length,
        ("SG-03", "SG-09", "SG-12"),
    ),
    Bug("curvature without one half", f"{REGRESSION}.decrease", whole_curvature, ("SG-01", "SG-03", "SG-04c", "SG-12")),
    Bug("second-order term forgotten", f"{REGRESSION}.decrease", linear_only, ("SG-04", "SG-04c", "SG-05")),
    Bug("spectral step +1 %", f"{DESCENT}:spectral_step", scaled(1.01), ("SG-03", "SG-05", "SG-13")),
    Bug("spectral step -1 %", f"{DESCENT}:spectral_step", scaled(0.99), ("SG-03", "SG-05", "SG-13")),
    Bug("gradient step +1 %", f"{DESCENT}:gradient_step", scaled(1.01), ("SG-09",)),
    Bug("gradient step -1 %", f"{DESCENT}:gradient_step", scaled(0.99), ("SG-09",)),
    Bug("gap of GD one step late", f"{DESCENT}:gd_gap", late_gap, ("SG-09",)),
    Bug("GD one step late", f"{DESCENT}:gd_iterate", late, ("SG-13",)),
    Bug("nonlinearity forgotten", f"{FEATURES}:product_features", no_activation, ("SG-07c", "SG-09", "SG-14")),
    Bug("spike removed from the features", f"{FEATURES}:features", centred, ("SG-07c", "SG-14", "SG-15")),
    Bug("low-rank targets of full rank", f"{FEATURES}:targets", full_rank_targets, ("SG-10", "SG-13")),
    Bug("shapes cut until they conform", f"{FEATURES}:product_features", unshaped_product, ("SG-07c",)),
    Bug("white features with a tenth of the spike", f"{FEATURES}:white", weak_spike, ("SG-16",)),
    Bug(
        "ranks of the blocks inverted",
        f"{BLOCKS}:compare_blocks",
        swapped_ranks,
        ("SG-17", "SG-17c"),
    ),
    Bug("line search with the wrong curvature", f"{DESCENT}:line_search_decrease", wrong_curvature, ("SG-05", "SG-12")),
    Bug("noisy targets without noise", f"{FEATURES}:targets", without_noise, ("SG-09",)),
    Bug("realisable targets with noise", f"{FEATURES}:targets", with_noise, ("SG-09",)),
    Bug(
        "another orthogonal matrix for polar(G)",
        f"{DESCENT}:polar_factor",
        another_orthogonal_matrix,
        ("SG-03", "SG-05"),
    ),
    Bug("one row for R rows", f"{FEATURES}:targets", single_row, ("SG-12", "SG-19")),
    Bug("gate forgotten", f"{FEATURES}:features", ungated, ("SG-20",)),
    Bug("line search of networks on a short grid", f"{BLOCKS}:GRID", lambda grid: grid[:8], ("SG-17", "SG-17c")),
    Bug("rows of networks lost", f"{BLOCKS}:compare_blocks", two_moments_lost, ("SG-17",)),
    Bug("steps of SpecGD counted one short", f"{DESCENT}:steps_to", early, ("SG-09",)),
    Bug("end of the band without the square", f"{BAND}:margin", unsquared_margin, ("SG-04c",)),
]
