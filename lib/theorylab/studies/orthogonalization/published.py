"""Coefficient lists as others print them: data to compare with, never used by a method of this library."""

from theorylab.spectral.polynomials import OddQuintic

# Amsel, Persson, Musco, Gower, arXiv 2505.16932, Algorithm 1 (before its safety factor is applied).
POLAR_EXPRESS = tuple(
    OddQuintic(*row)
    for row in (
        (8.28721201814563, -23.595886519098837, 17.300387312530933),
        (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
        (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
        (3.3184196573706015, -2.488488024314874, 0.51004894012372),
        (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
        (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
        (1.8750014808534479, -1.2500016453999487, 0.3750001645474248),
        (1.875, -1.25, 0.375),
    )
)
# The five-step list of the public language-model speed-run and its descendants.
SPEEDRUN = tuple(
    OddQuintic(*row)
    for row in (
        (8.156554524902461, -22.48329292557795, 15.878769915207462),
        (4.042929935166739, -2.808917465908714, 0.5000178451051316),
        (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
        (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
        (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
    )
)
# The number that Appendix G of arXiv 2505.16932 hands to its routine as the cushion.
CUSHION = 0.02407327424182761
# Grishina, Smirnov, Rakhuba, arXiv 2506.10935, appendix: degree five, four steps, delta = 0.3.
CANS = tuple(
    OddQuintic(*row)
    for row in (
        (8.420293602126344, -24.910491192120688, 18.472094206318726),
        (4.101228661246281, -3.0518555467946813, 0.5741241025302702),
        (3.6809819251109155, -2.75396502307162, 0.5401902781108926),
        (2.7280916801566666, -2.0315492757300913, 0.45866431681858805),
    )
)
# Five triples in wide use before the minimax lists, found by numerical search ("You" in arXiv 2505.16932, which draws
# six).
FIVE_TRIPLES = tuple(
    OddQuintic(*row)
    for row in (
        (4.0848, -6.8946, 2.9270),
        (3.9505, -6.3029, 2.6377),
        (3.7418, -5.5913, 2.3037),
        (2.8769, -3.1427, 1.2046),
        (2.8366, -3.0525, 1.2012),
    )
)


def disagreement(computed, published) -> list[float]:
    """Largest relative difference of the three coefficients, step by step."""
    return [max(abs(x / y - 1) for x, y in zip(mine, theirs)) for mine, theirs in zip(computed, published, strict=True)]


def with_safety(rows, factor: float = 1.01) -> tuple[OddQuintic, ...]:
    """The list as Algorithm 1 of arXiv 2505.16932 uses it: p(x / factor) in every row but the last of the table."""
    safe = (OddQuintic(a / factor, b / factor**3, c / factor**5) for a, b, c in rows[:-1])
    return (*safe, rows[-1])
