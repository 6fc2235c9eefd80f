"""From parts and their controls to a verdict.

A claim says several things, and each of them can be wrong alone. So the evidence is a list of parts: a part is a name
that a reader understands, one check, and its controls: the same check on a case whose answer is known to be the
opposite. Without one nobody has seen the check say "no", and its "yes" means nothing. A part that only guards the
set-up (every run counted, finite, exact by construction) is a guard: it needs no control and never decides, but while
it fails nothing is decided.

==================  ====================================================================  ============
parts               controls                                                              outcome
==================  ====================================================================  ============
every part holds    every part has a negative control that failed, none misbehaved        supported
every part holds    a negative control held                                               vacuous
a part fails        its positive control held, none misbehaved                            contradicted
anything else                                                                             inconclusive
==================  ====================================================================  ============
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


@dataclass(frozen=True)
class Part:
    """One thing that the claim says: its ``name``, the ``check``, its ``controls``, the ``numbers`` to keep beside it,
    and whether it is only a ``guard`` of the set-up."""

    name: str
    check: Check
    controls: tuple[Control, ...] = ()
    guard: bool = False
    numbers: dict = field(default_factory=dict)

    def __post_init__(self):
        if not isinstance(self.check, Check):
            raise TypeError(
                f"the part {self.name!r} needs a Check such as at_most(...), got {type(self.check).__name__}"
            )
        for control in self.controls:
            if not isinstance(control, Control):
                raise TypeError(
                    f"the controls of the part {self.name!r} are made with must_fail(...) and must_hold(...), "
                    f"got {type(control).__name__}"
                )

    @property
    def negative(self) -> tuple[Control, ...]:
        """The controls on which the check must fail."""
        return tuple(control for control in self.controls if control.expect == "fails")

    @property
    def positive(self) -> tuple[Control, ...]:
        """The controls on which the check must hold."""
        return tuple(control for control in self.controls if control.expect == "holds")

    @property
    def seen_to_fail(self) -> bool:
        """Whether this check has said "no": itself, or on a negative control."""
        return not self.check.holds or any(control.behaved for control in self.negative)

    @property
    def complaint(self) -> str:
        """Why this part, as it stands, supports nothing, in a clause; empty when it does."""
        if self.guard:
            return "" if self.check.holds else f"the guard “{self.name}” fails"
        if not self.check.holds and not self.positive:
            return f"“{self.name}” fails, and no corrected form has been seen to pass it"
        held = [control for control in self.negative if not control.behaved]
        if held:
            chance = held[0].check.false_alarm is not None
            ending = "passed, by chance or for want of power" if chance and self.seen_to_fail else "passed"
            return f"“{self.name}” cannot be trusted to fail: its control “{held[0].name}” {ending}"
        if lost := [control for control in self.positive if not control.behaved]:
            return f"“{self.name}” fails on its control “{lost[0].name}”, where it must hold"
        return "" if self.seen_to_fail else f"“{self.name}” has not been seen to fail"


def part(name: str, check: Check, *controls: Control, **numbers) -> Part:
    """One thing that the claim says, with the controls of its check and the numbers to record beside it."""
    return Part(name, check, controls, numbers=numbers)


def guard(name: str, check: Check, **numbers) -> Part:
    """A condition of the set-up: it needs no control and never decides, but while it fails nothing is decided."""
    return Part(name, check, guard=True, numbers=numbers)


def outcome(parts: Sequence[Part]) -> str:
    """The outcome of the table above."""
    decisive = [part for part in parts if not part.guard]
    failing = [part for part in decisive if not part.check.holds]
    if any(not part.check.holds for part in parts if part.guard) or not decisive:
        return "inconclusive"
    if failing:
        # A control that misbehaves, in whatever part, says that the code is wrong before it says so of the claim.
        sound = all(control.behaved for part in decisive for control in part.controls)
        return "contradicted" if sound and any(part.positive for part in failing) else "inconclusive"
    if any(control.check.holds for part in decisive for control in part.negative):
        return "vacuous"
    return "inconclusive" if any(part.complaint for part in decisive) else "supported"


@dataclass(frozen=True)
class Verdict:
    """What was found about a claim: its ``id``, ``title``, ``kind`` and ``expected`` outcome, the ``parts``, the
    ``numbers`` to keep and a ``note``. Shown in a notebook it is a badge and a table with a row per part."""

    id: str
    title: str
    kind: str
    expected: str
    parts: tuple[Part, ...]
    numbers: dict
    note: str | None

    @property
    def outcome(self) -> str:
        """One of "supported", "contradicted", "inconclusive", "vacuous"."""
        return outcome(self.parts)

    @property
    def decisive(self) -> tuple[Part, ...]:
        """The parts that are no guards."""
        return tuple(part for part in self.parts if not part.guard)

    @property
    def share(self) -> float | None:
        """The largest share of an allowance among the parts; None where a part failed without a measurable one."""
        if any(part.check.share is None and not part.check.holds for part in self.decisive):
            return None
        return max((part.check.share for part in self.decisive if part.check.share is not None), default=None)

    @property
    def false_alarm(self) -> float | None:
        """The declared false-alarm rates of the parts together (union bound); None where none is statistical."""
        rates = [part.check.false_alarm for part in self.decisive if part.check.false_alarm is not None]
        return sum(rates) if rates else None

    @property
    def why(self) -> str | None:
        """Why the verdict is inconclusive or vacuous, in a sentence; None where it is neither."""
        if self.outcome in ("supported", "contradicted"):
            return None
        return "; ".join(part.complaint for part in self.parts if part.complaint)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        from theorylab.claims import display

        return {"text/html": display.html(self), "text/markdown": display.markdown(self), "text/plain": str(self)}

    def __str__(self) -> str:
        parts = "; ".join(f"{part.name}: {part.check.relation}" for part in self.parts)
        return f"{self.id} {self.outcome}: {parts}"
