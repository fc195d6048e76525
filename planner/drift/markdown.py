"""Drift as Markdown: an issue's body, found again by its first line, and never longer than GitHub takes.

The summary comes first and is never cut; then findings by class, details folded away; what does not fit is counted.
"""

from __future__ import annotations

from collections.abc import Iterable

from planner.drift import lines
from planner.drift.model import Drift, Severity

LIMIT = 65_536
"""Characters of a GitHub issue or comment."""

_TITLES = {
    Severity.URGENT: "Urgent: data or two machines of one identity are in danger",
    Severity.OURS: "Ours: the next apply or somebody sets it right",
    Severity.FOREIGN: "Foreign: left alone",
}
_ROOM = 400
"""Kept for what is said when something does not fit."""


def marker(estate: str) -> str:
    """The first line: one issue for each estate, updated in place."""
    return f"<!-- wavelift drift {estate} -->"


def markdown(drift: Drift, limit: int = LIMIT) -> str:
    """At most `limit` characters, ending in a newline."""
    out = _Page(limit)
    out.must(marker(drift.estate), f"### Drift of {_plain(lines.title(drift))}", "", f"**{lines.headline(drift)}**", "")
    foot = [f"- **{label}** {_plain(said)}" for label, said in lines.foot(drift)]
    if not drift.findings and not drift.unmanaged and not drift.blind:
        out.must("No drift: what is there is what was recorded.", "")
    for severity in Severity:
        found = [f"- {_plain(str(line))}" for line in lines.of(drift.of(severity), drift)]
        out.part(f"#### {_TITLES[severity]}", found, folded=severity is Severity.FOREIGN)
    out.part("#### With our tag, and not in the state", [f"- `{one}`" for one in lines.unmanaged(drift)], folded=True)
    out.part("#### Besides", foot)
    allowed = [f"- {_plain(str(line))}" for line in lines.of(drift.allowed, drift)]
    out.part("#### Allowed", allowed, folded=True)
    return out.text()


class _Page:
    """Lines up to a limit; what comes too late is counted."""

    def __init__(self, limit: int) -> None:
        self._lines: list[str] = []
        self._left = limit - _ROOM
        self._cut = 0

    def must(self, *given: str) -> None:
        for line in given:
            self._lines.append(line)
            self._left -= len(line) + 1

    def part(self, title: str, given: list[str], *, folded: bool = False) -> None:
        """A titled list; nothing for an empty one. Folded ones open with a click."""
        if not given:
            return
        head = (f"<details><summary>{title.lstrip('# ')}: {len(given)}</summary>", "") if folded else (title, "")
        tail = ("", "</details>", "") if folded else ("",)
        frame = sum(len(line) + 1 for line in (*head, *tail))
        if self._left < frame + len(given[0]) + 1:
            self._cut += len(given)
            return
        self.must(*head)
        self._left -= sum(len(line) + 1 for line in tail)
        self._fill(given)
        self._lines += tail

    def _fill(self, given: Iterable[str]) -> None:
        for line in given:
            if self._left < len(line) + 1:
                self._cut += 1
                continue
            self.must(line)

    def text(self) -> str:
        if self._cut:
            self._lines.append(f"_{self._cut} more lines did not fit here: `wavelift drift --json` has everything._")
        return "\n".join(self._lines).rstrip("\n") + "\n"


def _plain(said: str) -> str:
    """Text that Markdown shows as it stands: a tag's name or a VM's can hold anything."""
    return said.replace("\n", " ").replace("<", "&lt;").replace("|", "\\|").replace("*", "\\*").replace("@", "@\u200b")
