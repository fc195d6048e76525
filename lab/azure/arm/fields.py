"""Reading request bodies: right type, allowed value, required or not, with Compute's words when it is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lab.azure.arm.errors import ArmError, bad_parameter

Json = dict[str, Any]


class Fields:
    """A JSON object under a parameter name (`disk`); paths are dotted and relative to it."""

    def __init__(self, parameter: str, document: Json) -> None:
        self._parameter = parameter
        self._document = document

    def raw(self, path: str) -> Any:
        """The value as it came, None where it is missing."""
        value: Any = self._document
        for part in path.split("."):
            if value is None:
                return None
            if not isinstance(value, dict):
                raise self._wrong(path, value, "an object", before=part)
            value = value.get(part)
        return value

    def text(self, path: str, *, required: bool = False, allowed: Iterable[str] | None = None, default: str = "") -> str:
        """A string. With `allowed`, compared without case and returned as Azure spells it."""
        value = self._typed(path, str, "a string", required)
        if value is None or value == "":
            return default
        if allowed is None:
            return str(value)
        for choice in allowed:
            if choice.lower() == value.lower():
                return choice
        raise bad_parameter(
            self._name(path),
            f"The value '{value}' of parameter '{self._name(path)}' is invalid. Allowed values are: {', '.join(allowed)}.",
        )

    def whole(self, path: str, *, required: bool = False, low: int | None = None, high: int | None = None) -> int | None:
        """An integer within bounds (inclusive)."""
        value = self._typed(path, int, "an integer", required)
        if value is None:
            return None
        if (low is not None and value < low) or (high is not None and value > high):
            raise bad_parameter(
                self._name(path),
                f"The value '{value}' of parameter '{self._name(path)}' is out of range. "
                f"The value '{value}' must be between '{low}' and '{high}' inclusive.",
            )
        return int(value)

    def flag(self, path: str, default: bool | None = None) -> bool | None:
        """A boolean."""
        value = self._typed(path, bool, "a boolean", False)
        return default if value is None else bool(value)

    def table(self, path: str, *, required: bool = False) -> Json:
        """An object; `{}` where it is missing."""
        value = self._typed(path, dict, "an object", required)
        return value if isinstance(value, dict) else {}

    def rows(self, path: str, *, required: bool = False) -> list[Any]:
        """A list; `[]` where it is missing."""
        value = self._typed(path, list, "a list", required)
        return value if isinstance(value, list) else []

    def _typed(self, path: str, kind: type, words: str, required: bool) -> Any:
        value = self.raw(path)
        if value is None:
            if required:
                raise bad_parameter(self._name(path), f"Required parameter '{self._name(path)}' is missing (null).")
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self._wrong(path, value, words)
        return value

    def _wrong(self, path: str, value: Any, words: str, before: str = "") -> ArmError:
        where = f" (before '{before}')" if before else ""
        return bad_parameter(
            self._name(path),
            f"Could not find member or convert value {value!r} of '{self._name(path)}'{where}: {words} is expected.",
            code="BadRequest",
        )

    def _name(self, path: str) -> str:
        short = path.removeprefix("properties.")
        return f"{self._parameter}.{short}" if self._parameter else short
