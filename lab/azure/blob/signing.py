"""Strings to sign: Shared Key requests, account SAS, service SAS and user delegation SAS."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from lab.http import Request

_SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


def sign(key: str, text: str) -> str:
    """HMAC-SHA256 with a base64 key, as base64."""
    return base64.b64encode(hmac.digest(base64.b64decode(key), text.encode(), hashlib.sha256)).decode()


def shared_key_strings(request: Request, account: str) -> Iterator[str]:
    """The strings that a client may have signed.

    x-ms- headers are sorted as words, hyphens counting last; clients that sort by bytes differ only where a hyphen
    decides, so both are offered.
    """
    fields = [request.headers.get(name, "") for name in _SIGNED_HEADERS]
    if fields[2] == "0":
        fields[2] = ""
    names = [name for name in request.headers if name.startswith("x-ms-")]
    resource = f"/{account}{request.raw_path}" + "".join(
        f"\n{name}:{value}" for name, value in sorted(_lower_queries(request))
    )
    head = request.method + "\n" + "\n".join(fields) + "\n"
    for order in (sorted(names, key=_word), sorted(names)):
        yield head + "".join(f"{name}:{request.headers[name].strip()}\n" for name in order) + resource


def _word(name: str) -> tuple[str, str]:
    return name.replace("-", "").replace("_", " "), name


def _lower_queries(request: Request) -> Iterator[tuple[str, str]]:
    gathered: dict[str, list[str]] = {}
    for pair in filter(None, request.raw_query.split("&")):
        name, _, value = pair.partition("=")
        gathered.setdefault(unquote(name).lower(), []).append(unquote(value))
    return ((name, ",".join(sorted(values))) for name, values in gathered.items())


def account_sas_string(query: Mapping[str, str], account: str) -> str:
    fields = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"]
    if query.get("sv", "") >= "2020-12-06":
        fields.append("ses")
    return "\n".join([account, *(query.get(name, "") for name in fields), ""])


def service_sas_string(query: Mapping[str, str], resource: str) -> str:
    """`resource` is /blob/ACCOUNT/CONTAINER[/BLOB], decoded."""
    version = query.get("sv", "")
    snapshot = query.get("snapshot", "") if query.get("sr") == "bs" else ""
    delegated = "skoid" in query
    lines = [query.get("sp", ""), query.get("st", ""), query.get("se", ""), resource]
    if delegated:
        lines += [query.get(name, "") for name in ("skoid", "sktid", "skt", "ske", "sks", "skv")]
        if version >= "2020-02-10":
            lines += [query.get(name, "") for name in ("saoid", "suoid", "scid")]
        if version >= "2025-07-05":
            lines += [query.get(name, "") for name in ("skdutid", "sduoid")]
    else:
        lines.append(query.get("si", ""))
    lines += [query.get("sip", ""), query.get("spr", ""), version]
    if version >= "2018-11-09":
        lines += [query.get("sr", ""), snapshot]
    if version >= "2020-12-06":
        lines.append(query.get("ses", ""))
    if delegated and version >= "2026-04-06":
        lines += ["", ""]  # signed request headers and query parameters, which the lab does not offer
    lines += [query.get(name, "") for name in ("rscc", "rscd", "rsce", "rscl", "rsct")]
    return "\n".join(lines)


def delegation_key(secret: str, account: str, fields: Mapping[str, str]) -> str:
    """The value of a user delegation key: derived from what it says about itself, so it needs no table of its own."""
    names = ("skoid", "sktid", "skt", "ske", "sks", "skv", "skdutid")
    return sign(secret, "\n".join([account, *(fields.get(name, "") for name in names)]))
