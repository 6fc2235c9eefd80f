"""From evidence and controls to a verdict.

A control is the same check on a case whose answer is known to be the opposite. Without one nobody has seen the check
say "no", and its "yes" means nothing.

========  ===================================================  ============
evidence  controls                                             outcome
========  ===================================================  ============
holds     a negative control failed, none misbehaved           supported
holds     a negative control held                              vacuous
fails     a positive control held                              contradicted
anything else                                                  inconclusive
========  ===================================================  ============
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from theorylab.claims.checks import Check

OUTCOMES = ("supported", "contradicted", "inconclusive", "vacuous")


@dataclass(frozen=True)
class Control:
    """The check on a case with a known answer: ``expect`` is "fails" (an assumption is broken) or "holds" (the
    corrected form). ``numbers`` are recorded beside it."""

    name: str
    expect: str
    check: Check
    numbers: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.expect not in ("fails", "holds"):
            raise ValueError(f'expect must be "fails" or "holds", got {self.expect!r}')
        if not isinstance(self.check, Check):
            raise TypeError(f"the control {self.name!r} needs a Check, got {type(self.check).__name__}")

    @property
    def behaved(self) -> bool:
        """Whether the check said what is known to be true."""
        return self.check.holds == (self.expect == "holds")


def must_fail(name: str, check: Check, **numbers) -> Control:
    """Negative control: an assumption is broken, the same check must fail."""
    return Control(name, "fails", check, numbers)


def must_hold(name: str, check: Check, **numbers) -> Control:
    """Positive control: the corrected form, the same check must hold."""
    return Control(name, "holds", check, numbers)


def outcome(holds: bool, controls: Sequence[Control]) -> str:
    """The outcome of the table above."""
    negative = [control for control in controls if control.expect == "fails"]
    positive = [control for control in controls if control.expect == "holds"]
    if holds and any(control.check.holds for control in negative):
        return "vacuous"
    if holds and negative and all(control.behaved for control in positive):
        return "supported"
    if not holds and any(control.check.holds for control in positive):
        return "contradicted"
    return "inconclusive"


@dataclass(frozen=True)
class Verdict:
    """What was found about a claim: the claim's ``id``, ``title`` and ``expected`` outcome, the ``outcome``, the
    ``evidence``, the ``controls`` and a ``note``."""

    id: str
    title: str
    kind: str
    expected: str
    outcome: str
    evidence: Check
    controls: tuple[Control, ...]
    numbers: dict
    note: str | None

    def _repr_markdown_(self) -> str:
        agrees = "as expected" if self.outcome == self.expected else f"**expected {self.expected}**"
        rows = [("the claim", "", self.evidence)]
        rows += [(f"control: {control.name}", control.expect, control.check) for control in self.controls]
        lines = [
            f"**{self.id} · {self.title}: {self.outcome.upper()}** ({agrees}; {self.kind})",
            "",
            "| case | must | check | share of allowance | measured |",
            "|---|---|---|---|---|",
        ]
        for name, must, check in rows:
            measured = check.relation.replace("|", "\\|")
            lines.append(
                f"| {name} | {must[:-1]} | {'holds' if check.holds else 'fails'} | {share(check)} | {measured} |"
            )
        if self.note:
            lines += ["", f"*{self.note}*"]
        return "\n".join(lines)

    def __str__(self) -> str:
        return f"{self.id} {self.outcome} (share {share(self.evidence)}): {self.evidence.relation}"


def share(check: Check) -> str:
    """The share as a reader wants it: three digits, or a dash where there is none."""
    return "–" if check.share is None else f"{check.share:.3g}"
