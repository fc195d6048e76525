"""What a role needs where it runs: names, ports, proxy, certificates, clocks, endpoints, credentials, permissions."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from planner.estate import Azure, Diagnostic, Source
from planner.inventory import SourceInventory
from planner.plan.model import UNCHECKED
from planner.state import State
from replication.model.errors import PortError
from wavelift.hosting.diskways import way
from wavelift.problems import UserProblem
from wavelift.wiring import Wiring

Role = Literal["plan", "apply", "engine"]
PATIENCE = 5.0
"""Seconds that a connection may take."""

SKEW = 300.0
"""Seconds by which clocks may differ: tokens and SAS addresses are good from a time on, and Azure allows five minutes."""

AUTHORITY = "https://login.microsoftonline.com"
ARM = "https://management.azure.com"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `state` "ok", "bad" (with what to do) or "note" (neither)."""

    check: str
    subject: str
    state: Literal["ok", "bad", "note"]
    detail: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
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


def examine(wiring: Wiring, role: Role) -> Iterator[Finding]:
    """Every check of a role, in the order in which things depend on each other; a failed one stops none of the others."""
    estate, state = wiring.workspace.estate, wiring.workspace.view().state
    for place in dict.fromkeys((*(_vcenter(s) for s in estate.sources.values()), *places_of(estate.azure, state))):
        yield from _reach(place)
    if not any(k in state.artifacts[a].attributes for a in state.artifacts for k in ("blob_endpoint", "vault_uri")):
        yield Finding("endpoint", "storage and Key Vault", "note", "not made yet: their names are known after the first apply")
    reached = True
    for name, source in estate.sources.items():
        login = source.login.plan if role == "plan" else source.login.engine
        seen: list[SourceInventory] = []
        found = _tried("credentials", f"vCenter {name} as {login}", partial(_sign_in, wiring, name, seen))
        reached = reached and found.state == "ok"
        yield found
        if role == "engine" and seen:
            yield from _disks(source, seen[0], set(wiring.workspace.locked.values()))
    found = _tried("credentials", "Azure", lambda: f"signed in as object {wiring.azure.principal().object_id}")
    yield found
    if not reached or found.state != "ok":
        yield Finding("permissions", "Azure and vCenter", "note", "not checked: somebody could not sign in")
        return
    yield from _permissions(wiring)


def _vcenter(source: Source) -> _Place:
    return _Place(f"vCenter {source.name}", source.host, source.port, source.ca, source.thumbprint is not None)


def places_of(azure: Azure, state: State) -> Iterator[_Place]:
    """Sign-in, Resource Manager, and the data planes that are recorded."""
    urls = [("Azure sign-in", azure.authority or AUTHORITY), ("Azure Resource Manager", azure.endpoint or ARM)]
    for address, recorded in sorted(state.artifacts.items()):
        for key in ("blob_endpoint", "vault_uri"):
            if key in recorded.attributes:
                urls.append((address, str(recorded.attributes[key])))
    for what, url in urls:
        parts = urlsplit(url)
        yield _Place(what, parts.hostname or "", parts.port or 443, azure.ca)


def _reach(place: _Place) -> Iterator[Finding]:
    """Name, port, certificate and clock of one server. Through a proxy where one is set for it."""
    proxy = urllib.request.getproxies().get("https", "")
    if proxy and not urllib.request.proxy_bypass(place.host):
        if place.what.startswith("vCenter"):
            todo = f"Add {place.host} to NO_PROXY where this command runs."
            yield Finding("proxy", place.subject, "bad", "HTTPS_PROXY is set; vCenter is spoken to directly", todo)
        else:
            yield Finding("proxy", place.subject, "note", "goes through HTTPS_PROXY; name and certificate are the proxy's matter")
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


def _secure(place: _Place, plain: socket.socket) -> Iterator[Finding]:
    """TLS 1.2 or newer with a trusted chain, and the server's clock by the Date of an answer."""
    try:
        context = ssl.create_default_context(cafile=place.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if place.pinned:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain, server_hostname=place.host) as secure:
            pinned = " (held against `thumbprint` at the sign-in)" if place.pinned else ""
            yield Finding("certificate", place.subject, "ok", f"{secure.version()}{pinned}")
            before = time.time()
            request = f"HEAD / HTTP/1.1\r\nHost: {place.host}\r\nConnection: close\r\n\r\n"
            secure.sendall(request.encode())
            answer = secure.recv(65536).decode("latin-1")
    except ssl.SSLCertVerificationError as error:
        todo = "Name its authority as `ca` (`azure.ca`, `tls.ca`), or correct the host's name."
        yield Finding("certificate", place.subject, "bad", f"is not trusted: {error.verify_message}", todo)
        return
    except OSError as error:
        todo = "Something between here and there does not speak TLS 1.2: look for a proxy or an inspecting firewall."
        yield Finding("certificate", place.subject, "bad", f"TLS fails: {error}", todo)
        return
    yield _clock(place, answer, before)


def _clock(place: _Place, answer: str, now: float) -> Finding:
    date = next((line[5:].strip() for line in answer.split("\r\n") if line.lower().startswith("date:")), "")
    try:
        skew = parsedate_to_datetime(date).timestamp() - now
    except ValueError:  # no Date, or none that can be read
        return Finding("clock", place.subject, "note", "it tells no time")
    if abs(skew) > SKEW:
        todo = "Set this host's clock (NTP), or that server's: tokens and SAS addresses fail beyond five minutes."
        return Finding("clock", place.subject, "bad", f"differs by {skew:+.0f} s", todo)
    return Finding("clock", place.subject, "ok", f"{skew:+.0f} s")


def _disks(source: Source, inventory: SourceInventory, machines: set[str]) -> Iterator[Finding]:
    """Whether what the source's reader reads from can be reached."""
    found = way(source, inventory, machines)
    if found.note:
        yield Finding("disks", f"vCenter {source.name}", "note", found.note)
    for host, port in found.servers:
        place = _Place(f"disks of {source.name} at", host, port, None, todo=found.todo)
        try:
            with socket.create_connection((host, port), PATIENCE):
                yield Finding("disks", place.subject, "ok", "answers")
        except OSError as error:
            yield Finding("disks", place.subject, "bad", f"cannot be reached: {error.strerror or error}", place.todo)


def _sign_in(wiring: Wiring, source: str, seen: list[SourceInventory]) -> str:
    found = wiring.source(source).inventory(now=time.time())
    seen.append(found)
    return f"signed in; {len(found.vms)} VMs seen"


def _tried(check: str, subject: str, what: Callable[[], str]) -> Finding:
    try:
        return Finding(check, subject, "ok", what())
    except PortError as error:
        return Finding(check, subject, "bad", f"{error.subject}: {error.message}", error.remedy)


def _permissions(wiring: Wiring) -> Iterator[Finding]:
    """What `plan` finds of permissions (S4), as findings."""
    try:
        made = wiring.look(None, lambda _: None).plan
    except UserProblem as problem:
        yield Finding("permissions", "Azure and vCenter", "bad", problem.text.strip())
        return
    except PortError as error:
        yield Finding("permissions", "Azure and vCenter", "bad", f"{error.subject}: {error.message}", error.remedy)
        return
    about = {"WL347", "WL444"}
    lacking = [d for d in made.errors if d.code in about]
    for one in lacking:
        yield _permission(one, "bad")
    for one in made.warnings:
        if one.code in UNCHECKED:
            yield _permission(one, "note")
    if not lacking:
        others = sorted({d.code for d in made.errors} - about)
        more = f"; the plan has other problems ({', '.join(others)})" if others else ""
        yield Finding("permissions", "Azure and vCenter", "ok", f"nothing lacks{more}")


def _permission(found: Diagnostic, state: Literal["bad", "note"]) -> Finding:
    detail, _, todo = found.detail.partition(" Grant it:\n")
    return Finding("permissions", found.code, state, detail, todo.strip())
