"""The report for a pull request: one comment that fits, updated in place by its marker.

What decides comes first and is never left out: counts, waves, what cannot be undone, what is destroyed. The details follow,
folded; those that do not fit any more are named, with where they can be read. Nothing in it is a time or a random value, so
that a plan that changed a little is a comment that changed a little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planner.artifact import Kind
from planner.estate import Diagnostic
from planner.explain.report import FEW, UNCHECKED, Part, Report, Section, report
from planner.explain.text import changes, more, plain, summary, title
from planner.plan.model import Plan
from planner.steps import Create, Delete, Note, SendOrder

LIMIT = 65_536
"""GitHub's, in characters; bytes are counted here, which is never more generous."""
RESERVE = 1_500
"""For what was left out, which is said at the end."""
TABLE = 24_000
LISTED = 8_000
FORECAST = 16_000
GATE = "waiting for a gate"
_BEHIND_A_NAME = re.compile(r" \([0-9A-Fa-f-]{36}\)")
"""An object id behind the name that its owners gave it: JSON has it, a reviewer reads the name."""
REST = "the plan file (`wavelift show FILE`)"
"""Where what does not fit can be read."""

_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "`": "\\`", "*": "\\*", "_": "\\_", "@": "@&#8203;"})
_SUMMARY = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "&#96;", "@": "@&#8203;"})
_FENCE = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True)
class Shown:
    """What is said besides the plan."""

    pin: str = ""
    """What `apply --expect-sha` takes: digest, @, end of validity (which the digest does not cover)."""
    valid: str = ""
    """The end of validity in words: "Sun 2027-01-17 05:00 KST"."""
    artifact: str = REST
    """Where what does not fit can be read."""
    forecast: str = ""
    """Markdown of the forecast that was made with the plan: how long it takes, how long machines are down, what it costs."""
    rights: str = ""
    """Whose rights were checked; empty when nobody's were."""
    cost: str = ""
    """What the plan adds to the bill, in words."""


def marker(estate: str) -> str:
    """The first line of the comment, by which it is found again."""
    return f"<!-- wavelift:plan:{re.sub(r'[^A-Za-z0-9._-]', '-', estate)} -->"


def markdown(plan: Plan, shown: Shown | None = None) -> str:
    """At most `LIMIT` bytes of GitHub's Markdown, ending in a newline."""
    shown = shown or Shown()
    told = report(plan)
    page = _Page(LIMIT - RESERVE)
    for line in _head(told, shown):
        page.must(line)
    _list(page, "Cannot be undone", [_undone(s) for s in told.irreversible])
    _list(page, "Destroyed", [f"- `{_code(s.address)}`: {escaped(s.why)}" for s in plan.steps if isinstance(s, Delete)])
    _list(page, "Warnings", [f"- {escaped(d.code)} {escaped(d.detail)}{_place(d)}" for d in plan.remarks])
    _list(page, "NOT CHECKED", [f"- {escaped(d.code)} {escaped(d.detail)}" for d in plan.unchecked])
    late = []
    if shown.forecast and not page.forecast(shown.forecast):
        late = ["the forecast"]
    folded = [(wave, section) for wave, section in told.sections() if section.title != UNCHECKED]
    left = late + [title(wave, section) for wave, section in folded if not page.add(_details(wave, section))]
    if left:
        page.close(left, shown.artifact)
    return page.text()


def _head(told: Report, shown: Shown) -> Iterator[str]:
    plan = told.plan
    yield marker(plan.estate)
    yield f"### wavelift plan · {escaped(plan.estate)}"
    yield ""
    more = [escaped(one) for one in (_tracking(told), shown.cost) if one]
    yield f"**{' · '.join([*changes(plan), *more])}**" if plan.steps else f"**{summary(plan)}**"
    if plan.destroys:
        yield f"**DESTROYS {plan.destroys} data-bearing artifact{'s' if plan.destroys != 1 else ''}**"
    about = [f"plan {shown.pin[:6]}"] if shown.pin else []
    about += [f"state #{plan.serial}"] + ([f"valid to {escaped(shown.valid)}"] if shown.valid else [])
    if shown.forecast:
        rights = _BEHIND_A_NAME.sub("", shown.rights)
        about += [f"rights checked for {escaped(rights)}" if rights else "rights NOT checked"]
    yield ""
    yield " · ".join([*about, *(f"{len(notes)} {word}{_why(word, notes)}" for word, notes in _asides(plan) if notes)])
    if shown.pin:
        yield ""
        yield f"sha256 `{_code(shown.pin)}`"
    if told.waves:
        yield ""
        yield from _table(told)


def _tracking(told: Report) -> str:
    """`vCenter: tracking on web-01`: what changes there, which is production's."""
    names = [s.machine or s.address for s in told.plan.steps if isinstance(s, Create) and s.kind is Kind.TRACKING]
    if not names:
        return ""
    return f"vCenter: tracking on {', '.join(names) if len(names) <= FEW else f'{len(names)} machines'}"


def _why(word: str, notes: Sequence[object]) -> str:
    """` (web-02: held: INC-881)`: who is kept back by people, and by what."""
    if word != GATE:
        return ""
    told = [escaped(f"{n.machine}: {n.why}") for n in notes[:FEW] if isinstance(n, Note)]
    return f" ({'; '.join(told)}{'; …' if len(notes) > FEW else ''})"


def _asides(plan: Plan) -> Iterator[tuple[str, list[object]]]:
    yield GATE, [n for n in plan.deferred if n.gate]
    yield "deferred", [n for n in plan.deferred if not n.gate]
    yield "in progress", list(plan.in_progress)
    yield "kept", list(plan.kept)
    yield "pulled in", list(plan.pulled_in)
    yield "changed outside", list(plan.drift)
    yield "not checked", list(plan.unchecked)


def _table(told: Report) -> Iterator[str]:
    """One row a wave, as many as fit its share of the page."""
    parts = [part for part in Part if any(part in w.steps for w in told.waves)]
    yield "| wave | " + " | ".join(p.value for p in parts) + " |"
    yield "|---|" + "---|" * len(parts)
    room = TABLE
    for number, wave in enumerate(told.waves):
        counts = dict(wave.headline())
        row = f"| {escaped(wave.name)} | " + " | ".join(counts.get(p, "") for p in parts) + " |"
        room -= len(row.encode()) + 1
        if room < 0:
            yield f"| … and {len(told.waves) - number} more waves | " + " | ".join("" for _ in parts) + " |"
            return
        yield row


def _undone(step: SendOrder) -> str:
    return f"- `{_code(step.machine or step.address)}` {escaped(step.order.value)}: {escaped(step.irreversible or '')}"


def _place(warning: Diagnostic) -> str:
    return f" `{_code(str(warning.span))}`" if warning.span else ""


def _list(page: _Page, heading: str, items: list[str]) -> None:
    """A list that is always shown; what is more than its share is counted."""
    if not items:
        return
    page.must("")
    page.must(f"**{heading}: {len(items)}**")
    page.must("")
    room = LISTED
    for number, item in enumerate(items):
        room -= len(item.encode()) + 1
        if room < 0:
            page.must(f"- … and {len(items) - number} more")
            return
        page.must(item)


def _details(wave: str, section: Section) -> str:
    lines: list[str] = []
    for group in section.groups:
        lines.append(str(group.first))
        lines += [f"    {d}" for d in group.first.details]
        if group.others:
            lines.append(f"… and {more(group)}")
    fenced = "\n".join(_FENCE.sub("'''", plain(one)) for one in lines)
    return f"<details><summary>{_html(title(wave, section))}</summary>\n\n```\n{fenced}\n```\n</details>"


class _Page:
    """Text within a budget of bytes."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._parts: list[str] = []

    def must(self, line: str) -> None:
        self._room -= len(line.encode()) + 1
        self._parts.append(line)

    def add(self, part: str) -> bool:
        """Whether it fits; what does not is left out whole."""
        size = len(part.encode()) + 2
        if size > self._room:
            return False
        self._room -= size
        self._parts += ["", part]
        return True

    def forecast(self, told: str) -> bool:
        """Shown open, when it is not longer than its share."""
        return len(told.encode()) <= FORECAST and self.add(told.strip())

    def close(self, left: list[str], artifact: str) -> None:
        names = ", ".join(escaped(name) for name in left)
        if len(names.encode()) > RESERVE - 300:
            names = names.encode()[: RESERVE - 400].decode(errors="ignore") + " …"
        self._parts += ["", f"**Left out here for its length ({len(left)} sections): {names}.** All of it is in {artifact}."]

    def text(self) -> str:
        return "\n".join(self._parts) + "\n"


def escaped(words: str) -> str:
    """Words of others as one line of Markdown that is nothing but these words: no markup, no mention, no cell's end."""
    return plain(words).translate(_HTML)


def _html(words: str) -> str:
    return plain(words).translate(_SUMMARY)


def _code(words: str) -> str:
    return plain(words).replace("`", "'")
