"""GitHub's `${{ … }}` as far as the examples use it: paths of contexts, strings, ==, !=, !, &&, ||, always()."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_WHOLE = re.compile(r"\$\{\{(.*?)\}\}")
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|==|!=|&&|\|\||!|\(|\)|always\(\)|[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)")
_WORDS = {"==": "==", "!=": "!=", "&&": " and ", "||": " or ", "!": " not ", "(": "(", ")": ")", "always()": "True"}


def value(expression: str, contexts: Mapping[str, Any]) -> Any:
    """What an expression gives; a path that leads nowhere is an empty string, an unknown form an error."""
    source, at, values = "", 0, []
    expression = expression.strip()
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        assert found, f"this harness does not know {expression[at:]!r}"
        token, at = found.group(1), found.end()
        if token in _WORDS:
            source += _WORDS[token]
        else:
            values.append(token[1:-1].replace("''", "'") if token.startswith("'") else _path(token, contexts))
            source += f" v[{len(values) - 1}] "
    return eval(source, {"__builtins__": {}}, {"v": values})  # operators, brackets and v[n] alone


def filled(text: object, contexts: Mapping[str, Any]) -> str:
    return _WHOLE.sub(lambda found: str(value(found.group(1), contexts)), str(text))


def holds(condition: str | None, contexts: Mapping[str, Any], failed: bool) -> bool:
    """An `if:`; without `always()` it also asks that nothing has failed."""
    if condition is None:
        return not failed
    written = _WHOLE.sub(lambda found: found.group(1), condition)
    return ("always()" in written or not failed) and bool(value(written, contexts))


def _path(path: str, contexts: Mapping[str, Any]) -> Any:
    head = path.split(".", 1)[0]
    assert head in contexts, f"no context {head!r}"
    found: Any = contexts
    for part in path.split("."):
        found = found.get(part, "") if isinstance(found, Mapping) else ""
    return found
