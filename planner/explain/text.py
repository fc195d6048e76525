"""The report for a terminal: counts first, then section by section, and the counts again where the eye is at the end."""

from __future__ import annotations

from collections.abc import Iterator

from planner.explain.report import Group, Report, Section, report
from planner.plan.model import Plan
from planner.steps import Acknowledge, SendOrder

NAMES = 5
"""Names of folded changes that are still told."""
WAVES = 40
"""Lines of the waves' headlines."""

_CONTROLS = {c: f"\\x{c:02x}" for c in (*range(32), *range(127, 160))} | {
    c: f"\\u{c:04x}" for c in (*range(0x2028, 0x202F), *range(0x2066, 0x206A))
}


def plain(words: str) -> str:
    """One line, without what a terminal would obey: names come from vCenter, and plan files from anybody."""
    return words.translate(_CONTROLS)


def text(plan: Plan, verbose: bool = False) -> str:
    """The whole plan as plain text, ending in a newline. `verbose`: nothing is folded."""
    return "\n".join(map(plain, _lines(report(plan), verbose))) + "\n"


def summary(plan: Plan) -> str:
    """One line of counts."""
    if plan.errors:
        return f"Plan: {len(plan.errors)} problem{_s(len(plan.errors))}; nothing can be applied."
    waiting = sum(n.gate for n in plan.deferred)
    parts = [f"{waiting} waiting for a gate"] if waiting else []
    parts += [f"{len(plan.deferred) - waiting} deferred"] if len(plan.deferred) > waiting else []
    parts += [f"{len(plan.in_progress)} in progress"] if plan.in_progress else []
    if not plan.steps:
        scope = plan.asked.scope
        same = f"No changes within {scope}." if scope else "No changes. What is there is what the estate asks for."
        return same + (f" {', '.join(parts)}." if parts else "")
    return f"Plan: {', '.join(changes(plan))}." + (f" {', '.join(parts)}." if parts else "")


def changes(plan: Plan) -> list[str]:
    """What would be done, in numbers."""
    counts = plan.counts
    orders = sum(isinstance(s, SendOrder) for s in plan.steps)
    parts = [f"{counts['create']} to create", f"{counts['change']} to change", f"{counts['destroy']} to destroy"]
    if counts["record"]:
        parts.append(f"{counts['record']} to record")
    if orders:
        parts.append(f"{orders} order{_s(orders)} to the engine")
    ends = sum(isinstance(s, Acknowledge) for s in plan.steps)
    if ends:
        parts.append(f"{ends} intervention{_s(ends)} to end")
    return parts


def _lines(told: Report, verbose: bool) -> Iterator[str]:
    plan = told.plan
    if plan.steps:
        yield summary(plan)
        yield from _headlines(told)
        yield ""
    for wave, section in told.sections():
        yield f"{title(wave, section)}:"
        for group in section.groups:
            yield from (f"  {one}" for one in _group(group, verbose))
        yield ""
    yield summary(plan)
    if plan.destroys:
        yield f"{plan.destroys} data-bearing artifact{_s(plan.destroys)} will be destroyed."


def _headlines(told: Report) -> Iterator[str]:
    for wave in told.waves[:WAVES]:
        yield f"  {wave.name}: " + " · ".join(f"{part.value} {count}" for part, count in wave.headline())
    if len(told.waves) > WAVES:
        yield f"  … and {len(told.waves) - WAVES} more waves"
    if told.irreversible:
        count = len(told.irreversible)
        yield f"  {count} step{_s(count)} cannot be undone: marked with !"


def title(wave: str, section: Section) -> str:
    words = f"Wave {wave}, {section.title}" if wave else section.title
    return f"{words} ({section.count})" if section.count else words


def _group(group: Group, verbose: bool) -> Iterator[str]:
    for one in group.all() if verbose else (group.first,):
        yield str(one)
        yield from (f"    {d}" for d in one.details)
    if group.others and not verbose:
        yield f"… and {more(group)} (--verbose names all)"


def more(group: Group) -> str:
    """ "38 more like it: a, b, c, …" """
    names = ", ".join(group.others[:NAMES]) + (", …" if len(group.others) > NAMES else "")
    return f"{len(group.others)} more like it: {names}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
