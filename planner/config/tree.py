"""What reading a file by the schema gives: plain values, each with its place.

Only what was right is in the tree; what was wrong became a diagnostic and is left out, so that later checks can go on
with the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from planner.estate import Span


class Item(NamedTuple):
    """A value with its place; `key` is the place of the key before it, or of the value itself where there is none."""

    value: str | int | float | bool | dict[str, Item] | list[Item]
    span: Span
    key: Span

    @property
    def text(self) -> str | None:
        return self.value if isinstance(self.value, str) else None

    @property
    def map(self) -> Mapping[str, Item]:
        """The entries of a mapping; no entries for anything else."""
        return self.value if isinstance(self.value, dict) else {}


Tree = dict[str, Item]


def text(items: Mapping[str, Item], key: str) -> str | None:
    """The text at `key`, or None."""
    item = items.get(key)
    return item.text if item is not None else None


def flag(items: Mapping[str, Item], key: str) -> bool | None:
    """The boolean at `key`, or None."""
    item = items.get(key)
    return item.value if item is not None and isinstance(item.value, bool) else None


def number(items: Mapping[str, Item], key: str) -> int | float | None:
    """The number at `key`, or None."""
    item = items.get(key)
    if item is None or isinstance(item.value, bool) or not isinstance(item.value, int | float):
        return None
    return item.value


def entries(items: Mapping[str, Item], key: str) -> Mapping[str, Item]:
    """The mapping at `key`; empty when there is none."""
    item = items.get(key)
    return item.map if item is not None else {}


def plain(item: Item) -> object:
    """The value without places, as JSON has it."""
    if isinstance(item.value, dict):
        return {key: plain(entry) for key, entry in item.value.items()}
    if isinstance(item.value, list):
        return [plain(entry) for entry in item.value]
    return item.value
