"""Hooks of a cut-over as they are written."""

from __future__ import annotations

from typing import Any, cast

from planner.config.context import Context
from planner.config.forms import seconds
from planner.config.tree import Item, plain, text
from planner.wording import quote
from replication.model.item import Hook

WHEN = ("before", "after", "back")


def read_hooks(context: Context, item: Item, path: str) -> tuple[Hook, ...]:
    """All of `before`, then of `after`, then of `back`. A name that stands twice in a list is told: the journal goes by it."""
    return tuple(hook for when in WHEN for hook in _listed(context, item, when, f"{path}.{when}"))


def _listed(context: Context, item: Item, when: str, path: str) -> list[Hook]:
    listed = item.map.get(when)
    hooks: dict[str, Hook] = {}
    for one in listed.value if listed is not None and isinstance(listed.value, list) else []:
        name = text(one.map, "name")
        if name is None:
            continue
        if name in hooks:
            detail = f"{quote(name)} is the name of two hooks in {quote(when)}. Give each one its own."
            context.problems.add("WL166", detail, one.map["name"].span, path)
        if when != "before" and "on_failure" in one.map:
            detail = f"`on_failure` belongs to hooks in `before`: a failure in {quote(when)} is told and undoes nothing."
            context.problems.add("WL166", detail, one.map["on_failure"].span, path)
        hooks[name] = _hook(context, name, when, one, path)
    return list(hooks.values())


def _hook(context: Context, name: str, when: str, item: Item, path: str) -> Hook:
    words, address = item.map.get("command"), item.map.get("url")
    if words is not None:
        context.nothing_carried(words, f"{path}.command")
    if address is not None:
        context.nothing_carried(address, f"{path}.url")
    timeout = text(item.map, "timeout")
    return Hook(
        name,
        cast(Any, when),
        command=tuple(str(plain(w)) for w in words.value) if words is not None and isinstance(words.value, list) else (),
        url=text(item.map, "url") or "",
        timeout=seconds(timeout) if timeout else 60.0,
        on_failure=cast(Any, text(item.map, "on_failure") or "abort"),
    )
