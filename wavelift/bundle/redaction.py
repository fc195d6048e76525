"""Takes secrets out of text before it is given to somebody: by their known values, and by what secrets look like.

Rather a harmless word too many than a secret too few. References (`env:NAME`, `file:PATH`, `keyvault:…`) say where a secret
is, and stay. Structure is kept where it is known: JSON stays JSON.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

HIDDEN = "***"
SHORTEST = 4
"""A known secret of fewer characters is not looked for: it would stand in every other word."""

_WORDS = (
    r"(?:password|webhook|passwd|pwd|passphrase|secret|token|credential|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key"
    r"|client[_-]?assertion|shared[_-]?access[_-]?\w*|authorization|connection[_-]?string|sas|cookie|session[_-]?id)"
)
_KEY = re.compile(rf"(?i)(?:^|[^a-z]|(?<=[a-z])(?=[A-Z])){_WORDS}(?:s|value)?$|^{_WORDS}$")
_REFERENCE = re.compile(r"^(?:env|file|keyvault):\S+$")
_NAME = rf"[\"']?[\w.-]*{_WORDS}[\w-]*[\"']?"
_NO_REFERENCE = r"(?![\"']?(?:env|file|keyvault):)"
_QUOTED = rf"{_NO_REFERENCE}\"(?:[^\"\\]|\\.)*\"|{_NO_REFERENCE}'[^']*'"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"([a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/]+@", re.I), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)([?&;](?:sig|se_sig|code|key|token|access_token|sv_sig|password|secret)=)[^&\s\"'<>]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(sig=)[^&\s\"']+"), rf"\1{HIDDEN}"),
    # What stands behind the host of a hook's address may be its key.
    (re.compile(r"""(?i)(\burl["']?\s*:\s*["']?https?://[^\s/"'?]+/)[^\s"',}\]]+"""), rf"\1{HIDDEN}"),
    # A block of YAML below such a key, then such a key with what stands behind it up to the end of its line.
    (re.compile(rf"(?im)^([ \t]*)((?:- )?{_NAME}\s*:\s*[|>][^\n]*\n)(?:(?:\1[ \t]+[^\n]*)?\n)+"), rf"\1\2\1  {HIDDEN}\n"),
    (re.compile(rf"(?im)^([ \t]*(?:- )?{_NAME}\s*[:=][ \t]*){_NO_REFERENCE}(?![\s{{\[|>])[^\n]+"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i)({_NAME}\s*[:=]\s*)(?:{_QUOTED}|{_NO_REFERENCE}[^\s,;&}}\]\"']+)"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i)(--?[\w-]*{_WORDS}[\w-]*(?:[\"']?\s*,\s*[\"']?|[=\s]+[\"']?))[^\s\"',\]]+"), rf"\1{HIDDEN}"),
)  # fmt: skip


class Redactor:
    """`hidden` counts what was taken out so far."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        """`values`: secrets that are known; also as they look in JSON, in an address and in base64."""
        forms = {form for value in values if len(value) >= SHORTEST for form in _forms(value)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None
        self.hidden = 0

    def text(self, found: str) -> str:
        if self._known is not None:
            found = self._count(self._known, HIDDEN, found)
        for pattern, instead in _PATTERNS:
            found = self._count(pattern, instead, found)
        return found

    def json(self, found: str) -> str:
        """A JSON document, by its keys and its strings; what is none is text. Raises nothing."""
        try:
            value = json.loads(found)
        except (ValueError, RecursionError):
            return self.text(found)
        return json.dumps(self.value(value), indent=1, ensure_ascii=False, sort_keys=True) + "\n"

    def value(self, found: Any, secret: bool = False) -> Any:
        """Plain JSON values; `secret`: it stands under a key that names one."""
        match found:
            case dict():
                return {self.text(str(key)): self.value(one, secret or _names(str(key))) for key, one in found.items()}
            case list():
                return [self.value(one, secret) for one in found]
            case str() if secret and found and not _REFERENCE.match(found):
                self.hidden += 1
                return HIDDEN
            case str():
                return self.text(found)
        return found

    def _count(self, pattern: re.Pattern[str], instead: str, found: str) -> str:
        text, times = pattern.subn(instead, found)
        self.hidden += times
        return text


def _names(key: str) -> bool:
    return _KEY.search(key) is not None


def _forms(value: str) -> set[str]:
    data = value.encode()
    # Base64 of a longer text that holds it begins at any of three places; the ends, which depend on neighbours, are cut off.
    inner = {base64.b64encode(b"\0" * shift + data).decode()[(0, 2, 3)[shift] :].rstrip("=")[:-1] for shift in (0, 1, 2)}
    kept = {form for form in inner if len(form) >= 2 * SHORTEST}
    written = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], quote(value, safe=""), quote(value)}
    return {value} | written | kept
