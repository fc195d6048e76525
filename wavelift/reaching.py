"""One server as a host sees it: proxy, name, port, certificate and clock, each with what to do when it is wrong."""

from __future__ import annotations

import base64
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import unquote, urlsplit

PATIENCE = 5.0
"""Seconds that a connection may take."""

SKEW = 300.0
"""Seconds by which clocks may differ: tokens and SAS addresses are good from a time on, and Azure allows five minutes."""

_TRUSTED = "Name its authority as `ca` (`azure.ca`, `tls.ca`)."
_NAMED = "Write the host by a name that stands in its certificate, or give it a certificate with this name."
_DATED = "Renew the server's certificate; when it is in date, set this host's clock (NTP)."
"""By OpenSSL's codes: 9 and 10 are dates, 62 and 64 names and addresses."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `state` "ok", "bad" (with what to do) or "note" (neither)."""

    check: str
    subject: str
    state: Literal["ok", "bad", "note"]
    detail: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A server to reach. `ca` PEM file, None for the system's; `pinned`: the certificate is held against a thumbprint later."""

    what: str
    host: str
    port: int
    ca: str | None
    pinned: bool = False
    todo: str = "Open the firewall from here to it, or correct the name in the estate."

    @property
    def subject(self) -> str:
        return f"{self.what} {self.host}:{self.port}"


def reach(place: Place) -> Iterator[Finding]:
    """Name, port, certificate and clock of one server. Through a proxy where one is set for it."""
    proxy = urllib.request.getproxies().get("https", "")
    if proxy and not urllib.request.proxy_bypass(place.host):
        if place.what.startswith("vCenter"):
            todo = f"Add {place.host} to NO_PROXY where this command runs."
            yield Finding("proxy", place.subject, "bad", "HTTPS_PROXY is set; vCenter is spoken to directly", todo)
        else:
            yield from _through(proxy, place)
            return
    try:
        addresses = sorted({str(one[4][0]) for one in socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)})
    except OSError as error:
        todo = "Ask for the name in this host's DNS, or correct it in the estate."
        yield Finding("name", place.subject, "bad", f"does not resolve: {error.strerror}", todo)
        return
    yield Finding("name", place.subject, "ok", ", ".join(addresses))
    try:
        with socket.create_connection((place.host, place.port), PATIENCE) as plain:
            yield Finding("port", place.subject, "ok", "answers")
            yield from _secure(place, plain)
    except OSError as error:
        yield Finding("port", place.subject, "bad", f"cannot be reached: {error.strerror or error}", place.todo)


def _through(proxy: str, place: Place) -> Iterator[Finding]:
    """The same by way of a proxy. Its address may hold a password: only host and port are told."""
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme != "http":
        detail = f"goes through HTTPS_PROXY, which is spoken to by {parts.scheme}: not tried"
        yield Finding("proxy", place.subject, "note", detail)
        return
    host, port = parts.hostname or "", parts.port or 80
    lines = [f"CONNECT {place.host}:{place.port} HTTP/1.1", f"Host: {place.host}:{place.port}"]
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}")
    try:
        with socket.create_connection((host, port), PATIENCE) as plain:
            plain.sendall("\r\n".join([*lines, "", ""]).encode())
            status = _answer(plain).partition("\r\n")[0]
            if status.split(" ")[1:2] == ["200"]:
                yield Finding("proxy", place.subject, "ok", f"goes through {host}:{port}")
                yield from _secure(place, plain)
                return
            detail = f"the proxy {host}:{port} lets nobody through: {status[:80] or 'it hung up'}"
            todo = f"Have {place.host}:{place.port} allowed there; 407 means that HTTPS_PROXY needs a user and password."
    except OSError as error:
        detail = f"the proxy {host}:{port} cannot be reached: {error.strerror or error}"
        todo = "Correct HTTPS_PROXY where this command runs, or add the host to NO_PROXY."
    yield Finding("proxy", place.subject, "bad", detail, todo)


def _answer(plain: socket.socket) -> str:
    """The head of a proxy's answer, byte by byte: what follows is the server's."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < 16_384 and (more := plain.recv(1)):
        head += more
    return head.decode("latin-1")


def _secure(place: Place, plain: socket.socket) -> Iterator[Finding]:
    """TLS 1.2 or newer with a trusted chain, and the server's clock by the Date of an answer."""
    try:
        context = ssl.create_default_context(cafile=place.ca)
    except OSError as error:
        what = "is not there" if isinstance(error, FileNotFoundError) else "holds no certificate"
        todo = "Name a PEM file with the certificate of the authority as `ca` (`azure.ca`, `tls.ca`)."
        yield Finding("certificate", place.subject, "bad", f"the CA file {place.ca} {what}", todo)
        return
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if place.pinned:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(plain, server_hostname=place.host) as secure:
            pinned = " (held against `thumbprint` at the sign-in)" if place.pinned else ""
            yield Finding("certificate", place.subject, "ok", f"{secure.version()}{pinned}")
            before = time.time()
            request = f"HEAD / HTTP/1.1\r\nHost: {place.host}\r\nConnection: close\r\n\r\n"
            secure.sendall(request.encode())
            answer = secure.recv(65536).decode("latin-1")
    except ssl.SSLCertVerificationError as error:
        todo = _DATED if error.verify_code in (9, 10) else _NAMED if error.verify_code in (62, 64) else _TRUSTED
        yield Finding("certificate", place.subject, "bad", f"is not trusted: {error.verify_message}", todo)
        return
    except OSError as error:
        todo = "Something between here and there does not speak TLS 1.2: look for a proxy or an inspecting firewall."
        yield Finding("certificate", place.subject, "bad", f"TLS fails: {error}", todo)
        return
    yield _clock(place, answer, before)


def _clock(place: Place, answer: str, now: float) -> Finding:
    date = next((line[5:].strip() for line in answer.split("\r\n") if line.lower().startswith("date:")), "")
    try:
        skew = parsedate_to_datetime(date).timestamp() - now
    except ValueError:  # no Date, or none that can be read
        return Finding("clock", place.subject, "note", "it tells no time")
    if abs(skew) > SKEW:
        todo = "Set this host's clock (NTP), or that server's: tokens and SAS addresses fail beyond five minutes."
        return Finding("clock", place.subject, "bad", f"differs by {skew:+.0f} s", todo)
    return Finding("clock", place.subject, "ok", f"{skew:+.0f} s")
