"""What a run found, claim by claim, against what was expected of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from theorylab.claims.catalogue import Claim, Notebook
from theorylab.claims.display import share


@dataclass(frozen=True)
class Finding:
    """One claim after a run: its ledger ``entry`` (None: not judged) and the ``complaint``, empty when all is well."""

    claim: Claim
    entry: Mapping | None
    complaint: str

    @property
    def outcome(self) -> str:
        return self.entry["outcome"] if self.entry else "not run"


def findings(notebook: Notebook, entries: Mapping[str, Mapping]) -> list[Finding]:
    """A finding for every claim of the notebook."""
    return [Finding(claim, entries.get(id), complaint(claim, entries.get(id))) for id, claim in notebook.claims.items()]


def complaint(claim: Claim, entry: Mapping | None) -> str:
    """What is wrong with this verdict: missing, or not as expected and why; empty when nothing is."""
    if entry is None:
        return "no verdict"
    outcome = entry["outcome"]
    if outcome == claim.expected:
        return ""
    why = f": {entry['why']}" if entry.get("why") else ""
    return f"{outcome}, expected {claim.expected}{why}"


def summary(found: Sequence[Finding]) -> str:
    """For example ``12 supported, 3 contradicted``, and how many are not as expected."""
    counts = Counter(finding.outcome for finding in found)
    text = ", ".join(f"{number} {outcome}" for outcome, number in counts.most_common())
    wrong = sum(bool(finding.complaint) for finding in found)
    return f"{text}; {wrong} NOT AS EXPECTED" if wrong else text


def lines(found: Sequence[Finding]) -> list[str]:
    """One line per claim: id, outcome, share of the allowance, title, complaint."""
    return [
        f"  {finding.claim.id:<8} {finding.outcome:<13} {share(finding.entry['share'] if finding.entry else None):>8}  "
        f"{finding.claim.title}" + (f"  <- {finding.complaint}" if finding.complaint else "")
        for finding in found
    ]
