"""Values of secrets that this host knows of: what the estate's logins hold, and environment variables that are called so."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, cast

from planner.estate import Estate, SecretRef

_CALLED = re.compile(r"(?i)password|passwd|secret|token|credential|_key$|_pat$|webhook|sas$|connection_?string")
_WRITTEN = re.compile(r"\b(env|file):([^\s,\"'}\]]+)")
_OPEN = ("user", "client_id")
"""Members of a login that are names and no secrets."""


def references(estate: Estate) -> list[SecretRef]:
    """Where the estate's files say that secrets are."""
    logins = [source.login for source in estate.sources.values()]
    found: list[Any] = [ref for login in logins for ref in (login.plan, login.engine)]
    if estate.azure.login is not None:
        found += [estate.azure.login.plan, estate.azure.login.engine]
    return [ref for ref in dict.fromkeys(found) if isinstance(ref, SecretRef)]


def written(texts: Iterable[str]) -> list[SecretRef]:
    """References as they stand in files, also in files that are wrong otherwise."""
    found = [match for text in texts for match in _WRITTEN.findall(text)]
    return [SecretRef(kind, name) for kind, name in dict.fromkeys(found)]


def values(estate: Estate | None, refs: Iterable[SecretRef], folder: Path) -> set[str]:
    """Every value that can be had without asking anybody: a secret in a Key Vault is never fetched."""
    found = {value for name, value in os.environ.items() if _CALLED.search(name) and not Path(value).exists()}
    for ref in refs:
        found |= set(_of(ref, folder))
    if estate is None:
        return found - {""}
    hooks = [hook.url for m in estate.machines.values() for hook in m.cutover.hooks if hook.url]
    for address in (estate.webhook or "", *hooks):
        kind, _, name = address.partition(":")
        if kind in ("env", "file"):
            found |= set(_of(SecretRef(cast(Literal["env", "file"], kind), name), folder))
        elif kind in ("https", "http"):
            found.add(address.partition("://")[2].partition("/")[2])  # what stands behind the host may be the key
    return found - {""}


def _of(ref: SecretRef, folder: Path) -> Iterator[str]:
    text = ""
    if ref.kind == "env":
        text = os.environ.get(ref.name, "")
    elif ref.kind == "file":
        try:
            text = (folder / ref.name).read_text()
        except (OSError, ValueError):
            return  # what cannot be read here cannot have been written into a text here either
    yield text.strip()
    try:
        held = json.loads(text)
    except ValueError:
        return
    if isinstance(held, dict):
        yield from (str(value) for name, value in held.items() if name not in _OPEN and isinstance(value, str))
