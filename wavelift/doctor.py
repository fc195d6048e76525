"""What a role needs where it runs: names, ports, proxy, certificates, clocks, endpoints, credentials, permissions."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from planner.estate import Azure, Diagnostic, Source
from planner.inventory import SourceInventory
from planner.plan.model import UNCHECKED
from planner.state import Recorded, State
from replication.model.errors import PortError
from wavelift.hosting.diskways import way
from wavelift.planning.access import Seat
from wavelift.problems import DENIED, UserProblem
from wavelift.reaching import PATIENCE, Finding, Place, reach
from wavelift.wiring import Wiring

AUTHORITY = "https://login.microsoftonline.com"
ARM = "https://management.azure.com"
DATA_PLANES = ("blob_endpoint", "vault_uri")
"""What the state knows of an artifact that has one."""


def examine(wiring: Wiring, role: Seat) -> Iterator[Finding]:
    """Every check of a role, in the order in which things depend on each other; a failed one stops none of the others."""
    estate = wiring.workspace.estate
    state, unread = _state(wiring)
    for place in dict.fromkeys((*(_vcenter(s) for s in estate.sources.values()), *places_of(estate.azure, state))):
        yield from reach(place)
    if unread is not None:
        yield unread
    elif not any(k in one.attributes for one in _recorded(state).values() for k in DATA_PLANES):
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
    if not reached or found.state != "ok" or unread is not None:
        why = "somebody could not sign in" if unread is None else "they follow from the state, which could not be read"
        yield Finding("permissions", "Azure and vCenter", "note", f"not checked: {why}")
        return
    yield from _permissions(wiring, role)


def _state(wiring: Wiring) -> tuple[State | None, Finding | None]:
    """The recorded state, or what is wrong with it: the other checks are made all the same."""
    try:
        return wiring.workspace.view().state, None
    except UserProblem as problem:
        text, _, todo = problem.text.partition("\n")
        check = "permissions" if problem.code == DENIED else "state"
        return None, Finding(check, "the state", "bad", text, todo.strip())
    except PortError as error:
        return None, Finding("state", "the state", "bad", f"{error.subject}: {error.message}", error.remedy)


def _recorded(state: State | None) -> Mapping[str, Recorded]:
    return state.artifacts if state is not None else {}


def _vcenter(source: Source) -> Place:
    return Place(f"vCenter {source.name}", source.host, source.port, source.ca, source.thumbprint is not None)


def places_of(azure: Azure, state: State | None) -> Iterator[Place]:
    """Sign-in, Resource Manager, and the data planes that are recorded."""
    urls = [("Azure sign-in", azure.authority or AUTHORITY), ("Azure Resource Manager", azure.endpoint or ARM)]
    for address, recorded in sorted(_recorded(state).items()):
        for key in DATA_PLANES:
            if key in recorded.attributes:
                urls.append((address, str(recorded.attributes[key])))
    for what, url in urls:
        parts = urlsplit(url)
        yield Place(what, parts.hostname or "", parts.port or 443, azure.ca)


def _disks(source: Source, inventory: SourceInventory, machines: set[str]) -> Iterator[Finding]:
    """Whether what the source's reader reads from can be reached."""
    found = way(source, inventory, machines)
    if found.note:
        yield Finding("disks", f"vCenter {source.name}", "note", found.note)
    for host, port in found.servers:
        place = Place(f"disks of {source.name} at", host, port, None, todo=found.todo)
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


def _permissions(wiring: Wiring, role: Seat) -> Iterator[Finding]:
    """What `plan` finds of permissions (S4), as findings."""
    try:
        made = wiring.look(None, lambda _: None, seat=role).plan
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
