"""Values as the files are written: flow mappings and lists, quotes only where a reader of YAML needs them."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./;:|% -]*")
_OTHER = re.compile(r"[0-9.:_]+|true|false|yes|no|on|off|null", re.IGNORECASE)
"""Texts that other readers of YAML would take for a number or a truth value."""


def flow(value: object) -> str:
    """A JSON value on one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{flow(key)}: {flow(entry)}" for key, entry in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(flow(entry) for entry in value) + "]"
        case str() if _plain(value):
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def _plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and ": " not in text and not text.endswith((" ", ":")) and not _OTHER.fullmatch(text)
