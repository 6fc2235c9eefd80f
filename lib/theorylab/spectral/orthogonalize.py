"""One front door to all ways of replacing the singular values of a matrix by one."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from theorylab.spectral import iteration, polar_express
from theorylab.spectral.exact import by_gram, by_gram_of_narrow, by_svd, default_tolerance
from theorylab.spectral.polynomials import CUBIC, JORDAN, QUINTIC, OddQuintic, evaluate
from theorylab.spectral.precision import fastest
from theorylab.spectral.qdwh import by_qdwh
from theorylab.spectral.scaling import exact_scale
from theorylab.spectral.zolotarev import by_zolotarev

POLYNOMIAL = ("cubic", "quintic", "jordan", "polar_express", "cans")
EXACT = ("svd", "eigh", "qdwh", "zolo_pd", "exact")
METHODS = POLYNOMIAL + EXACT
DEFAULT_LOWER = 1e-3
# Rounding pushes singular values above the end of a carried interval. In types narrower than float32, where minimax
# lists without them diverge, a safety factor and a cushion keep the composition inside its basin.
GUARDS = {"cushion": 0.02, "safety": 1.02}


@torch.no_grad()
def orthogonalize(
    G: Tensor,
    method: str = "polar_express",
    steps: int | None = None,
    dtype: torch.dtype | str | None = None,
    *,
    lower: float = DEFAULT_LOWER,
    tolerance: float | None = None,
    check: bool = True,
) -> Tensor:
    """The polar factor U V^T of G = U Sigma V^T, or its approximation by ``method``.

    ``G``: shape (..., m, n), any number of batch dimensions, real floating point (complex in the methods "svd", "eigh"
    and "exact"). Returns shape, dtype and device of ``G``, which is not modified and through which no gradient flows.

    =================  =============================================================================================
    method             what is computed
    =================  =============================================================================================
    ``svd``            compact factor from the singular value decomposition
    ``eigh``           compact factor from the eigenvalues of the Gram matrix in float64 (condition up to 1e7)
    ``qdwh``           dynamically weighted Halley iteration, backward stable
    ``zolo_pd``        two iterations with Zolotarev's rational functions
    ``exact``          ``eigh`` for input narrower than float64, ``svd`` for float64
    ``cubic``          Newton-Schulz, 3/2 x - 1/2 x^3
    ``quintic``        Newton-Schulz, 15/8 x - 10/8 x^3 + 3/8 x^5
    ``jordan``         the five-step Muon polynomial: singular values near one, not a polar factor
    ``polar_express``  minimax composition for singular values in [``lower``, 1] times the Frobenius norm
    ``cans``           the composition of ``steps`` quintics with final band 0.3 and the largest slope at zero
    =================  =============================================================================================

    ``steps``: number of polynomial steps; default 5 for ``jordan``, 8 (5 below float32) for ``polar_express``, 4 for
    ``cans``, and as many as ``lower`` needs for ``cubic`` and ``quintic``. Below float32 ``polar_express`` and ``cans``
    are built with a cushion and a safety factor. ``dtype``: working precision; default that
    of ``G`` (float32 for float16; what accuracy needs, at most float64, for ``eigh`` and ``exact``). ``"auto"`` takes
    float32 or bfloat16 for the polynomial methods, whichever this machine multiplies faster (``precision.fastest``), so
    that the result may differ from machine to machine, and the default for the exact ones. ``tolerance``: in
    the exact methods singular values below this share of the largest are null directions and stay null; default 2 eps
    of the input, and at least max(m, n) eps of float64, in which the rank is decided where ``dtype`` cannot decide it.
    ``qdwh`` and ``zolo_pd`` hand rank-deficient input to ``svd``.
    ``check=False`` skips the test for NaN and infinities, which waits for the device; the affected matrices of the
    batch then come out as NaN.

    Tall input is handled through its transpose; matrices with n > 1.5 m iterate in Gram space (in bfloat16 and float16:
    n > 6 m on a CPU, none elsewhere; the operation counts are in ``iteration``).
    There is no absolute epsilon: c G gives the same result for every c > 0, and zero gives zero. The polynomial methods
    never wait for the device; the exact ones do, to read a rank or a condition number, before they iterate.

    Raises ValueError for NaN or infinities, fewer than two dimensions, or an unknown method, and TypeError for integer
    or unsupported complex input.
    """
    _validate(G, method, steps, check)
    dtype = working_precision(dtype, method, G.device.type)
    if G.numel() == 0:
        return G.clone()
    wide = G if G.shape[-2] <= G.shape[-1] else G.mT
    flat = wide if wide.ndim == 2 else wide.reshape(-1, *wide.shape[-2:])
    compute = _polynomial if method in POLYNOMIAL else _exact
    result = compute(flat, method, steps, dtype, lower, tolerance).to(G.dtype).reshape(wide.shape)
    return result if wide is G else result.mT


def polar(G: Tensor, *, tolerance: float | None = None) -> tuple[Tensor, Tensor]:
    """(U, H) with G = U H: U the exact polar factor of G (..., m, n), H (..., n, n) symmetric positive semidefinite.

    U is compact when G is rank deficient. H = (U^T G + G^T U)/2, computed in float64. Errors as in ``orthogonalize``.
    """
    _validate(G, "exact", None, True)
    tolerance = default_tolerance(G.dtype, G.shape) if tolerance is None else tolerance
    double = G.to(torch.complex128 if G.is_complex() else torch.float64)
    U = orthogonalize(double, "svd", tolerance=tolerance)
    H = U.mH @ double
    return U.to(G.dtype), (0.5 * (H + H.mH)).to(G.dtype)


def working_precision(dtype: torch.dtype | str | None, method: str, device_type: str) -> torch.dtype | None:
    """``dtype`` with "auto" replaced by the choice that ``orthogonalize`` documents. Raises ValueError otherwise for
    what is no floating-point type."""
    if isinstance(dtype, str) and dtype == "auto":
        return fastest(device_type) if method in POLYNOMIAL else None
    if dtype is None or (isinstance(dtype, torch.dtype) and (dtype.is_floating_point or dtype.is_complex)):
        return dtype
    raise ValueError(f'dtype must be None, "auto" or a floating-point type, got {dtype!r}')


def _validate(G: Tensor, method: str, steps: int | None, check: bool) -> None:
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if G.ndim < 2:
        raise ValueError(f"G must have at least two dimensions, got shape {tuple(G.shape)}; reshape or unsqueeze it")
    if G.is_complex() and method not in ("svd", "eigh", "exact"):
        raise TypeError(f'method {method!r} takes real input, got {G.dtype}; use "svd", "eigh" or "exact"')
    if not (G.is_floating_point() or G.is_complex()):
        raise TypeError(f"G must be floating point, got {G.dtype}; convert it, for example with G.float()")
    if steps is not None and (steps < 1 or method in EXACT):
        reason = "has no steps to choose" if method in EXACT else f"needs at least one step, got {steps}"
        raise ValueError(f"method {method!r} {reason}")
    if check and G.numel() and not torch.isfinite(G.abs().amax()):
        raise ValueError("G contains NaN or infinity; find the step that produced it (check=False skips this test)")


def _polynomial(matrix: Tensor, method: str, steps, dtype, lower: float, _tolerance) -> Tensor:
    working = dtype or (torch.float32 if matrix.dtype == torch.float16 else matrix.dtype)
    polynomials = polynomials_of(method, steps, working, lower)
    if working != matrix.dtype:
        # Before the cast, which may lose what is far from one.
        matrix = (matrix * exact_scale(matrix)).to(working)
    return iteration.compose(matrix, polynomials)


def polynomials_of(
    method: str, steps: int | None, dtype: torch.dtype, lower: float = DEFAULT_LOWER
) -> Sequence[OddQuintic]:
    """The polynomials that ``orthogonalize`` applies, first step first."""
    if method == "jordan":
        return (JORDAN,) * (steps or 5)
    narrow = torch.finfo(dtype).bits < 32
    guards = GUARDS if narrow else {}
    if method == "polar_express":
        return polar_express.coefficients(lower, steps or (5 if narrow else 8), **guards)
    if method == "cans":
        return tuple(step.polynomial for step in polar_express.delta_orthogonalizing(steps or 4, 0.3, **guards)[0])
    polynomial = {"cubic": CUBIC, "quintic": QUINTIC}[method]
    return (polynomial,) * (steps or _steps_needed(polynomial, lower, torch.finfo(dtype).eps))


# Scalar work on the host: a compiled graph takes its result as a constant instead of tracing the Remez exchange. This
# is all that torch.compiler.assume_constant_result does, but for an import of the compiler, which takes a second.
polynomials_of._dynamo_marked_constant = True


def _steps_needed(polynomial: OddQuintic, lower: float, eps: float) -> int:
    """Steps of a classical iteration until ``lower`` is within ``eps`` of one: log(1/lower)/log(a) and a few more."""
    count = 0
    while 1 - lower > eps:
        lower, count = float(evaluate(polynomial, lower)), count + 1
    return max(count, 1)


def _exact(matrix: Tensor, method: str, _steps, dtype, _lower, tolerance: float | None) -> Tensor:
    if method == "exact":
        method = "eigh" if torch.finfo(matrix.dtype).bits < 64 else "svd"
    half = matrix.dtype in (torch.float16, torch.bfloat16)
    working = dtype or (torch.float32 if half else matrix.dtype)
    if tolerance is None:
        tolerance = default_tolerance(matrix.dtype, matrix.shape, working)
    matrix = matrix.to(working)
    scale = exact_scale(matrix)
    # LAPACK refuses NaN and infinities for the whole batch: such matrices are taken out and come back as NaN.
    factor = _factor((matrix * scale).nan_to_num_(nan=0.0), method, tolerance)
    return factor + (scale - scale)


def _factor(scaled: Tensor, method: str, tolerance: float) -> Tensor:
    if method == "eigh":
        return (by_gram_of_narrow if torch.finfo(scaled.dtype).bits < 64 else by_gram)(scaled, tolerance)
    iterative: Callable | None = {"qdwh": by_qdwh, "zolo_pd": by_zolotarev}.get(method)
    result = iterative(scaled, tolerance) if iterative is not None else None
    return by_svd(scaled, tolerance) if result is None else result
