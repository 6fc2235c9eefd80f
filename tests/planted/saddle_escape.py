"""Planted bugs of notebook 04_saddle_escape."""

import math

import torch

from tests.planted import Bug, scaled

STEM = "04_saddle_escape"
STEPS = "theorylab.studies.saddle_escape.matrix_steps"
ESCAPE, PASSAGE = "theorylab.studies.saddle_escape.escape", "theorylab.studies.saddle_escape.first_passage"
SADDLE = "theorylab.studies.saddle_escape.saddle:Saddle"


def every_noise_per_entry(deviation):
    """OP noise is taken per entry: its operator norm grows with n."""
    return lambda self, n: self.size


def noise_shrinks_with_width(deviation):
    """Noise per entry is divided by sqrt(n)."""
    return lambda self, n: deviation(self, n) / (math.sqrt(n) if self.convention == "ENTRY" else 1)


def unit_frobenius(direction):
    """The direction is scaled to Frobenius norm one where it should come as it is."""

    def wrong(G):
        D = direction(G)
        return D / torch.linalg.matrix_norm(D, keepdim=True)

    return wrong


def short_sign(methods):
    """The sign is divided by n."""
    shorter = methods["sign"]._replace(direction=lambda G, state, t: (torch.sign(G) / G.shape[-1], state))
    return {**methods, "sign": shorter}


def convention_ignored(scaled_direction):
    """Every convention is taken for NATIVE."""
    return lambda D, convention: D


def bulk_forgotten(reached):
    """The statistics of invariants never see the bulk: alignment is trivial."""
    return lambda statistic, s, orthogonal_squared, *constants: reached(
        statistic, s, 0 * orthogonal_squared, *constants
    )


def same_vector_twice(along):
    """<X, v v^T> in place of <X, u v^T>."""
    return lambda self, X: ((X @ self.v[:, :, None])[..., 0] * self.v).sum(-1)


def narrow_bulk(escape):
    """The chain of SGD and NGD draws the bulk of a matrix of width sqrt(n)."""
    return lambda method, n, *args, **kwargs: escape(method, max(2, math.isqrt(n)), *args, **kwargs)


def no_kick(scalar_model):
    """The fluctuation of the scalar model is that of a matrix a thousand times wider."""

    def wrong(overlap, n, paths, entry, **keywords):
        return scalar_model(lambda theta: overlap(theta * 1000**0.5), 1000 * n, paths, entry, **keywords)

    return wrong


def without_nuclear_norm(spectral_gradient):
    """SpecGD without its length."""
    return lambda G: unit_operator(spectral_gradient(G))


def unit_operator(D):
    return D / torch.linalg.matrix_norm(D, 2, keepdim=True)


def cubed(axial_slope):
    """s^3 in place of s^2: less than one percent of the drift before the escape."""
    return lambda s, curvature=1.0: curvature * s * (abs(s) ** 3 / 16 - 1)


def swapped_loss(loss):
    """The loss takes the bulk for the signal."""
    return lambda self, s, orthogonal_squared: loss(self, orthogonal_squared, s)


def full_rank_bursts(laws):
    """A burst is a whole Gaussian matrix in place of a rank-one one."""

    def wrong(n, generator):
        Z = torch.randn(n, n, generator=generator)
        struck = torch.rand((), generator=generator) < 0.1
        return Z + struck * 10 * torch.randn(n, n, generator=generator)

    return {**laws, "bursts": wrong}


def gaussian_signs(laws):
    """Every law is Gaussian."""
    return dict.fromkeys(laws, laws["Gaussian"])


def learns_nothing(train):
    """Training returns the weights that it started with."""
    return lambda method, stepsize, steps, *data, seed, **rest: train(method, stepsize, 0, *data, seed=seed, **rest)


def all_escaped(columns):
    """Censored runs are called escaped."""

    def wrong(tau, seen, cap):
        found = columns(tau, seen, cap)
        return {**found, "censored": 0 * tau == 1}

    return wrong


def always_delocalised(localised):
    """Localised directions are not."""
    from theorylab.studies.saddle_escape.saddle import Saddle

    return classmethod(
        lambda cls, n, trials, *, entry=0, seed=0, **rest: Saddle.delocalised(n, trials, seed=seed, **rest)
    )


def straighter(held):
    """Cosines of successive directions are a fifth too large."""

    def wrong(*args, **kwargs):
        found = held(*args, **kwargs)
        return {**found, "cosine_successive": 1.2 * found["cosine_successive"]}

    return wrong


def gradient_of_the_mean(grad):
    """The gradient of the loss divided by n."""
    return lambda self, X: grad(self, X) / self.target.shape[-1]


def other_first_coefficient(factor):
    return lambda triple: triple._replace(a=factor * triple.a)


def scaled_pair(factor):
    return lambda function: lambda *args: tuple(factor * x for x in function(*args))


BUGS = [
    Bug(
        "overlap formula 1 % too large",
        "theorylab.studies.saddle_escape.spiked:limit_overlap",
        scaled(1.01),
        ("SE-05",),
    ),
    Bug(
        "overlap formula 1 % too small",
        "theorylab.studies.saddle_escape.spiked:limit_overlap",
        scaled(0.99),
        ("SE-05",),
    ),
    Bug(
        "OP noise taken per entry",
        "theorylab.studies.saddle_escape.gradient_noise:Noise.deviation",
        every_noise_per_entry,
        ("SE-01", "SE-01c"),
    ),
    Bug(
        "noise per entry shrinks with the width",
        "theorylab.studies.saddle_escape.gradient_noise:Noise.deviation",
        noise_shrinks_with_width,
        ("SE-01", "SE-02"),
    ),
    Bug("exact polar factor of unit Frobenius norm", f"{STEPS}:exact_polar", unit_frobenius, ("SE-02",)),
    Bug("exact polar factor 1 % too long", f"{STEPS}:exact_polar", scaled(1.01), ("SE-06",)),
    Bug("sign divided by n", f"{STEPS}:METHODS", short_sign, ("SE-03",)),
    Bug("step conventions ignored", f"{ESCAPE}:scaled", convention_ignored, ("SE-04", "SE-03c")),
    Bug(
        "s cubed in the slope of the loss",
        "theorylab.studies.saddle_escape.saddle:axial_slope",
        cubed,
        ("SE-02",),
    ),
    Bug("loss with its arguments swapped", f"{SADDLE}.loss", swapped_loss, ("SE-04",)),
    Bug("bursts of full rank", "theorylab.studies.saddle_escape.gradient_noise:LAWS", full_rank_bursts, ("SE-15",)),
    Bug("every law Gaussian", "theorylab.studies.saddle_escape.spiked:LAWS", gaussian_signs, ("SE-04", "SE-05")),
    Bug("no training", "theorylab.studies.saddle_escape.rendered_digits:train", learns_nothing, ("SE-14",)),
    Bug("censored runs called escaped", f"{PASSAGE}:table_columns", all_escaped, ("SE-03c", "SE-09")),
    Bug("alignment without the bulk", f"{PASSAGE}:reached_by_invariants", bulk_forgotten, ("SE-07", "SE-09")),
    Bug("signal with v twice", f"{SADDLE}.along", same_vector_twice, ("SE-05", "SE-06")),
    Bug(
        "chain with too small a bulk",
        "theorylab.studies.saddle_escape.isotropic_escape:escape",
        narrow_bulk,
        ("SE-02",),
    ),
    Bug(
        "scalar model without a kick",
        "theorylab.studies.saddle_escape.isotropic_escape:scalar_model",
        no_kick,
        ("SE-02",),
    ),
    Bug("SpecGD without the nuclear norm", f"{STEPS}:spectral_gradient", without_nuclear_norm, ("SE-16",)),
    Bug("localised directions are delocalised", f"{SADDLE}.localised", always_delocalised, ("SE-08",)),
    Bug(
        "successive cosines too large", "theorylab.studies.saddle_escape.saddle_kinematics:held", straighter, ("SE-13",)
    ),
    Bug(
        "factorisation gradient divided by n",
        "theorylab.studies.saddle_escape.factorisation:Factorisation.grad",
        gradient_of_the_mean,
        ("SE-12",),
    ),
    Bug(
        "first coefficient 1 % too large",
        "theorylab.spectral.polynomials:JORDAN",
        other_first_coefficient(1.01),
        ("SE-10",),
    ),
    Bug(
        "first coefficient 1 % too small",
        "theorylab.spectral.polynomials:JORDAN",
        other_first_coefficient(0.99),
        ("SE-10",),
    ),
    Bug(
        "contour projector 1 % too large",
        "theorylab.studies.saddle_escape.resolvent:contour_projector",
        scaled(1.01),
        ("SE-11",),
    ),
    Bug(
        "contour projector 1 % too small",
        "theorylab.studies.saddle_escape.resolvent:contour_projector",
        scaled(0.99),
        ("SE-11",),
    ),
    Bug(
        "slopes 1 % too large",
        "theorylab.studies.saddle_escape.plane_landscape:derivatives",
        scaled_pair(1.01),
        ("SE-14",),
    ),
    Bug(
        "slopes 1 % too small",
        "theorylab.studies.saddle_escape.plane_landscape:derivatives",
        scaled_pair(0.99),
        ("SE-14",),
    ),
]
