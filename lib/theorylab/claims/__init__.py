"""Claims, checks and verdicts: the judge, who does not know the accused.

``claim("BP-06")`` reads a claim from ``claims/*.toml``; ``.judge(part(name, check, must_fail(...)), ...)`` turns checks
into a verdict and records it in the ledger.
"""

from theorylab.claims.catalogue import Claim, claim
from theorylab.claims.checks import (
    Check,
    CheckError,
    Slope,
    all_of,
    at_least,
    at_most,
    certified,
    equal,
    frequency,
    linear_rate,
    rate,
    same_law,
    separated,
    slope,
    within,
)
from theorylab.claims.report import table
from theorylab.claims.verdict import Control, Part, Verdict, guard, must_fail, must_hold, part

__all__ = [
    "Check",
    "CheckError",
    "Claim",
    "Control",
    "Part",
    "Slope",
    "Verdict",
    "all_of",
    "at_least",
    "at_most",
    "certified",
    "claim",
    "equal",
    "frequency",
    "guard",
    "linear_rate",
    "must_fail",
    "must_hold",
    "part",
    "rate",
    "same_law",
    "separated",
    "slope",
    "table",
    "within",
]
