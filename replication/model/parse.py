"""JSON text to values as `json.loads` does it, much of it more quickly; and documents straight into their dataclasses. Pure.

msgspec is imported where there is so much to read that its import has paid. Whatever it does not take is read by `json` as if
it were not there, so that nothing is accepted, refused or said otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

_T = TypeVar("_T")
LARGE = 1 << 20
"""Bytes; msgspec takes some 15 ms to import and saves 2 ms a MiB."""


def parsed(data: bytes | memoryview, otherwise: Callable[[Any], Any] = json.loads) -> Any:
    """As `otherwise` does it, errors included, which is a way of calling `json.loads`."""
    if len(data) >= LARGE:
        import msgspec

        try:
            return msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # NaN, a half surrogate, another encoding, or no JSON: `json` takes it or says why not
    return otherwise(data)


def indented(value: Any, ascii_only: bool = False) -> str:
    """As `json.dumps` with an indent of 2, which is five times as slow as without one."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    if len(text) >= LARGE:
        import msgspec

        try:
            return msgspec.json.format(text, indent=2)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass  # as above
    return json.dumps(value, indent=2, ensure_ascii=ascii_only)


@cache
def reader(form: type[_T]) -> Callable[[bytes], tuple[str, int, _T] | None]:
    """A function: document -> its kind, schema and body when its text is canonical, else None.

    What is read is written again and must be the very same bytes: no unknown field, no key given twice, no default left out,
    no other spelling of a number is taken.
    """
    import msgspec

    document = msgspec.defstruct(
        "document", [("body", form), ("kind", str), ("schema", int), ("release", str, "")], omit_defaults=True
    )
    decode = msgspec.json.Decoder(document).decode
    encode = msgspec.json.Encoder(order="sorted").encode

    def read(data: bytes) -> tuple[str, int, _T] | None:
        try:
            found: Any = decode(data)
            same = encode(msgspec.to_builtins(found, str_keys=True)) == data.rstrip(b"\n")
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        return (found.kind, found.schema, found.body) if same else None

    return read
