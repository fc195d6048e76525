"""The `drift` block: what counts, what is allowed until when."""

from __future__ import annotations

import datetime

from planner.artifact import Kind
from planner.config.context import Context
from planner.config.forms import seconds
from planner.config.tree import Item, entries, text
from planner.estate import AllowedDrift, DriftPolicy
from planner.wording import did_you_mean, quote

_FIRST = frozenset({kind.value for kind in Kind} | {"machine", "appliance"})
"""What an address begins with."""


def read_drift(context: Context) -> DriftPolicy:
    """The policy; what is wrong is told at its place and left out."""
    items = entries(context.tree, "drift")
    lag = text(items, "lag")
    fail = _texts(items.get("fail"))
    allow = [_allowed(context, entry, n) for n, entry in enumerate(_list(items.get("allow")))]
    return DriftPolicy(
        lag=seconds(lag) if lag else None,
        fail=DriftPolicy().fail if fail is None else fail,
        ignore_tags=_texts(items.get("ignore_tags")) or (),
        allow=tuple(entry for entry in allow if entry is not None),
    )


def _allowed(context: Context, entry: Item, number: int) -> AllowedDrift | None:
    path = f"drift.allow.{number}"
    address, why, until = (text(entry.map, key) for key in ("address", "why", "until"))
    if address is None or why is None or until is None:
        return None  # the schema has told it
    try:
        datetime.date.fromisoformat(until)
    except ValueError:
        context.problems.add("WL156", f"The calendar has no {quote(until)}.", entry.map["until"].span, f"{path}.until")
        return None
    first = address.partition(".")[0]
    if not any(sign in first for sign in "*?[") and first not in _FIRST:
        detail = f"No address begins with {quote(first)}.{did_you_mean(first, sorted(_FIRST))}"
        context.problems.add("WL460", detail, entry.map["address"].span, f"{path}.address")
    return AllowedDrift(address, why, until, text(entry.map, "property"), entry.span)


def _list(item: Item | None) -> list[Item]:
    return item.value if item is not None and isinstance(item.value, list) else []


def _texts(item: Item | None) -> tuple[str, ...] | None:
    """The texts of a list, or None where there is none."""
    if item is None or not isinstance(item.value, list):
        return None
    return tuple(entry.text for entry in item.value if entry.text is not None)
