"""`removed`: machines that leave the estate, said in so many words."""

from __future__ import annotations

from collections.abc import Mapping

from planner.config.context import Context
from planner.config.tree import flag, text
from planner.estate import Machine, Removed, Span
from planner.wording import quote


def read_removed(context: Context, machines: Mapping[str, Machine]) -> tuple[Removed, ...]:
    """The entries; one whose machine is still in a wave, or that is there twice, is told at its line."""
    item = context.tree.get("removed")
    found: dict[str, Removed] = {}
    for number, entry in enumerate(item.value if item is not None and isinstance(item.value, list) else []):
        name, destroy, why = text(entry.map, "machine"), flag(entry.map, "destroy"), text(entry.map, "why")
        if name is None or destroy is None or why is None:
            continue  # the schema has told it
        path, span = f"removed.{number}.machine", entry.map["machine"].span
        if name in machines:
            detail = f"{quote(name)} is still in wave {quote(machines[name].wave)}. Take it out there, or remove this entry."
            context.problems.add("WL505", detail, span, path, _place("the machine", machines[name].span))
        elif name in found:
            detail = f"{quote(name)} stands here twice. Remove one of the entries."
            context.problems.add("WL121", detail, span, path, _place("first given here", found[name].span))
        else:
            found[name] = Removed(name, destroy, why, entry.span)
    return tuple(found.values())


def _place(what: str, span: Span | None) -> tuple[tuple[str, Span], ...]:
    return ((what, span),) if span is not None else ()
