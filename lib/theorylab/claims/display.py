"""A verdict as a page shows it: a badge that is read at a glance, and a table with a row per part."""

import html as escaping

from theorylab.claims.checks import Check
from theorylab.claims.verdict import Part, Verdict

SYMBOLS = {"supported": "✓", "contradicted": "✗", "inconclusive": "?", "vacuous": "∅"}
# Readable on white and on black; the word and the symbol say the same.
TINTS = {
    "supported": "46, 139, 87",
    "contradicted": "214, 69, 65",
    "inconclusive": "200, 140, 20",
    "vacuous": "128, 128, 128",
}
HEADER = ("part", "measured", "", "allowed", "share", "seen to fail by")


def share(value: float | None) -> str:
    """A share of an allowance with three digits, or a dash."""
    return "–" if value is None else f"{value:.3g}"


def seen(count: int, total: int) -> str:
    """How many parts have been seen to fail."""
    return f"{count} of {total}"


def row(part: Part) -> tuple[str, ...]:
    """The row of one part but for its controls: name, what was measured, sign, what is allowed, share."""
    check = part.check
    measured = check.measured if check.sign or check.holds else f"NOT: {check.measured}"
    return part.name, measured, check.found_sign, check.allowed, share(check.share)


def controls(part: Part) -> list[str]:
    """The controls of a part in words, each with what its check said."""
    if part.guard:
        return ["a guard: decides nothing"]
    texts = [f"{_mark(each.behaved)}{each.name} ({_brief(each.check)})" for each in part.negative]
    texts += [f"{_mark(each.behaved)}holds for {each.name} ({_brief(each.check)})" for each in part.positive]
    return texts or ["nothing yet"]


def _mark(behaved: bool) -> str:
    return "" if behaved else "MISBEHAVED: "


def _brief(check: Check) -> str:
    return check.relation if check.sign else ("proved" if check.holds else "disproved")


def heading(verdict: Verdict) -> str:
    """What stands beside the badge, without marks."""
    agrees = "as expected" if verdict.outcome == verdict.expected else f"EXPECTED {verdict.expected.upper()}"
    count = sum(part.seen_to_fail for part in verdict.decisive)
    return f"{agrees}; {verdict.kind}; seen to fail: {seen(count, len(verdict.decisive))} parts"


def markdown(verdict: Verdict) -> str:
    """The verdict for pages that show no HTML."""
    badge = f"{SYMBOLS[verdict.outcome]} {verdict.outcome.upper()}"
    lines = [f"**{verdict.id} · {verdict.title}: {badge}** ({heading(verdict)})", ""]
    lines += ["| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
    for part in verdict.parts:
        cells = [cell.replace("|", "\\|") for cell in (*row(part), "; ".join(controls(part)))]
        if not part.check.holds:
            cells[0] = f"**{cells[0]}** (fails)"
        lines.append("| " + " | ".join(cells) + " |")
    lines += [f"\n*{text}*" for text in (verdict.why, verdict.note) if text]
    return "\n".join(lines)


def html(verdict: Verdict) -> str:
    """The verdict with a coloured badge; colours are thin enough for a light and a dark page."""
    tint = TINTS[verdict.outcome]
    badge = (
        f'<span style="border: 1px solid rgb({tint}); background: rgba({tint}, 0.18); border-radius: 0.4em; '
        f'padding: 0.1em 0.5em; font-weight: bold; white-space: nowrap;">'
        f"{SYMBOLS[verdict.outcome]} {verdict.outcome.upper()}</span>"
    )
    title = escaping.escape(f"{verdict.id} · {verdict.title}", quote=False)
    lines = [f"<div><p>{badge} <b>{title}</b> ({escaping.escape(heading(verdict), quote=False)})</p>"]
    lines += [
        '<table style="text-align: left; color: inherit; font-size: inherit;"><thead><tr>',
        *(f"<th>{name}</th>" for name in HEADER),
        "</tr></thead>",
    ]
    lines.append("<tbody>")
    for part in verdict.parts:
        cells = [escaping.escape(cell, quote=False) for cell in row(part)]
        cells.append("<br>".join(escaping.escape(text, quote=False) for text in controls(part)))
        if not part.check.holds:
            cells[0] = f"<b>{cells[0]}</b> (fails)"
        left = '<td style="text-align: left;">'
        lines.append("<tr>" + "".join(f"{left}{cell}</td>" for cell in cells) + "</tr>")
    lines.append("</tbody></table>")
    lines += [f"<p><i>{escaping.escape(text, quote=False)}</i></p>" for text in (verdict.why, verdict.note) if text]
    return "\n".join([*lines, "</div>"])
