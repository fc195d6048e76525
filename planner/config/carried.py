"""Secrets that are written out where a reference belongs: in a web address, in the words of a command.

Files are reviewed, plans are posted and orders are stored, so what is written here is read by many. Rather one harmless
address too many that has to be moved into a variable than one token too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, urlsplit

HIDDEN = "…"

_NAMED = r"pass(?:word|wd|phrase)?|pwd|secret|token|credential|api[_-]?key|access[_-]?key|sig|signature|code|key|auth"
_PARAMETER = re.compile(rf"(?i)(?:^|[_-])(?:{_NAMED})s?$|^\w*(?:password|secret|token)$")
_RANDOM = re.compile(
    r"(?i)(?<![a-z0-9])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[a-z]*[0-9])(?=[0-9]*[a-z])[a-z0-9]{16,4000})(?![a-z0-9])"
)
"""A uuid, or sixteen letters and digits in a row: nobody names a path like that."""

_WHOLLY_SECRET = re.compile(
    r"(?i)hooks\.slack\.com|discord(app)?\.com|.+\.webhook\.office\.com|outlook\.office\.com|hooks\.zapier\.com|hc-ping\.com"
    r"|maker\.ifttt\.com|hook\.[a-z0-9.]*make\.com|api\.telegram\.org"
)
"""Hosts whose addresses are keys: who knows the path may post."""

_ADDRESS = re.compile(r"""https?://[^\s"'<>{}\[\],]{1,2000}""", re.IGNORECASE)
_HEADER = re.compile(r"(?i)\b(bearer|basic)(\s{1,9})[^\s\"',}\]]{6,4000}")
_FLAG = re.compile(rf"(?i)(-{{0,2}}(?:[\w.-]*[_.-])?(?:{_NAMED}))(?:=(.+))?", re.DOTALL)
_ELSEWHERE = re.compile(r"[-+@/.~$%{]|env:|file:")
"""How a word begins that says where the secret is (nbdkit's `+FILE`, curl's `@FILE`), or is the next flag."""


def carries(address: str) -> str:
    """What of a web address is a secret, in words; empty when nothing is."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:  # brackets that are no IPv6 address
        return ""
    if "@" in parts.netloc:
        return "a user or password before the host"
    for name, value in parse_qsl(parts.query):
        if _PARAMETER.search(name) or _RANDOM.search(value):
            return "a key behind the `?`"
    if parts.path.strip("/") and _WHOLLY_SECRET.fullmatch(host):
        return f"the key that addresses of {host} are"
    return "a key in its path" if _RANDOM.search(parts.path) else ""


def secrets_of(words: Sequence[str]) -> Iterator[int]:
    """Positions of the words of a command that hold a secret."""
    before = ""
    for number, word in enumerate(words):
        flag, flagged = _FLAG.fullmatch(word), before.startswith("-") and _FLAG.fullmatch(before)
        value = word if flagged and "=" not in before else flag[2] if flag and flag[2] else ""
        signs_in = before in ("-u", "--user") and ":" in word.strip(":")
        given = bool(value) and not _ELSEWHERE.match(value)
        if given or signs_in or _HEADER.search(word) or any(map(carries, _ADDRESS.findall(word))):
            yield number
        before = word


def veiled(text: str) -> str:
    """Text as it may be shown: addresses without what they carry, headers without their token."""
    return _HEADER.sub(rf"\1\2{HIDDEN}", _ADDRESS.sub(lambda found: _veiled(found[0]), text))


def _veiled(address: str) -> str:
    """What stands behind `?` goes in any case; the rest where it is a secret."""
    front, _, _ = address.partition("?")
    scheme, _, rest = front.partition("://")
    place, slash, path = rest.partition("/")
    user, at, host = place.rpartition("@")
    shown = f"{scheme}://{HIDDEN if user else ''}{at}{host}"
    shown += slash + (HIDDEN if path and carries(f"{scheme}://{host}/{path}") else path)
    return shown + (f"?{HIDDEN}" if front != address else "")
