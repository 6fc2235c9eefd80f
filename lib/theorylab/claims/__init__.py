"""Claims, checks and verdicts: the judge, who does not know the accused.

``claim("BP-06")`` reads a claim from ``claims/*.toml``; ``.judge(evidence, controls=[...])`` turns checks into a
verdict and records it in the ledger.
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
)
from theorylab.claims.report import table
from theorylab.claims.verdict import Control, Verdict, must_fail, must_hold

__all__ = [
    "Check",
    "CheckError",
    "Claim",
    "Control",
    "Slope",
    "Verdict",
    "all_of",
    "at_least",
    "at_most",
    "certified",
    "claim",
    "equal",
    "frequency",
    "linear_rate",
    "must_fail",
    "must_hold",
    "rate",
    "same_law",
    "separated",
    "slope",
    "table",
]
