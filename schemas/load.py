"""The JSON Schemas of the product by name ("estate-1"), read from beside this module."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any


def text(name: str) -> str:
    """The schema's own file text, as an editor wants it; `name` without `.schema.json`. Raises LookupError."""
    entry = resources.files("schemas").joinpath(f"{name}.schema.json")
    if not entry.is_file():
        raise LookupError(f"there is no schema named {name!r}")
    return entry.read_text(encoding="utf-8")


@cache
def load(name: str) -> dict[str, Any]:
    """The schema as a document (shared: not to be changed by the caller). Raises LookupError for an unknown name."""
    document = json.loads(text(name))
    if not isinstance(document, dict):
        raise LookupError(f"schema {name!r} is not a JSON object")
    return document
