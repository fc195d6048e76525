"""Estate, Azure, sources, appliances and targets: everything above the machines."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from typing import Literal, cast

from planner.config.context import Context, login, resource_group, secret
from planner.config.existing import read_existing
from planner.config.forms import seconds
from planner.config.policies import Policies
from planner.config.tree import Item, entries, number, plain, text
from planner.estate import (
    INVENTORY_MAX_AGE,
    Appliance,
    Azure,
    AzureLogin,
    Identities,
    Reader,
    SecretRef,
    Source,
    Span,
    Target,
    WorkloadIdentity,
)
from planner.wording import did_you_mean, listing, quote

_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
_SUBSCRIPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_OBJECT = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_VCENTER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(:[0-9]{1,5})?")


def check_time_zone(context: Context, items: Mapping[str, Item], path: str) -> str | None:
    """The zone's name when the database has it."""
    item = items.get("time_zone")
    if item is None or item.text is None:
        return None
    try:
        zoneinfo.ZoneInfo(item.text)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        guess = did_you_mean(item.text, zoneinfo.available_timezones())
        context.problems.add("WL154", f"There is no time zone {quote(item.text)}.{guess}", item.span, path)
        return None
    return item.text


def resolve_azure(context: Context) -> Azure | None:
    """The `azure` part, or None when something of it is missing or wrong."""
    items = entries(context.tree, "azure")
    project = entries(items, "project")
    tenant = context.place(items, "tenant", "azure.tenant", _TENANT)
    subscription = context.place(project, "subscription", "azure.project.subscription", _SUBSCRIPTION)
    endpoint = context.place(items, "endpoint", "azure.endpoint", _URL)
    authority = context.place(items, "authority", "azure.authority", _URL)
    ca = context.place(items, "ca", "azure.ca")
    region, group = text(project, "region"), resource_group(project)
    if not (tenant and subscription and region and group):
        return None
    return Azure(
        tenant=tenant,
        project_subscription=subscription,
        project_region=region,
        project_group=group,
        endpoint=endpoint.rstrip("/") if endpoint else None,
        authority=authority.rstrip("/") if authority else None,
        ca=ca,
        login=_azure_login(context, items),
        roles=cast(Literal["assign", "assume"], text(items, "roles") or "assign"),
        identities=_identities(context, entries(items, "identities")),
        existing=read_existing(context, items),
    )


def _azure_login(context: Context, items: Mapping[str, Item]) -> AzureLogin | None:
    """The value of `azure.login`: one account for both, or one for each. None when there is none, or it is wrong."""
    item = items.get("login")
    if item is None:
        return None
    if item.text is not None or "workload_identity" in item.map:
        both = _account(context, item, "azure.login")
        return AzureLogin(both, both) if both else None
    plan, engine = (_account(context, item.map[w], f"azure.login.{w}") if w in item.map else None for w in ("plan", "engine"))
    return AzureLogin(plan, engine) if plan and engine else None


def _account(context: Context, item: Item, path: str) -> SecretRef | WorkloadIdentity | None:
    if item.text is None:
        inner, path = entries(item.map, "workload_identity"), f"{path}.workload_identity"
        client_id = context.place(inner, "client_id", f"{path}.client_id", _OBJECT)
        token_file = context.place(inner, "token_file", f"{path}.token_file")
        return WorkloadIdentity(client_id, token_file) if client_id and token_file else None
    found = secret(item.text)
    if found.kind != "keyvault":
        return found
    detail = "A Key Vault is read with the login to Azure, so that cannot lie in one. Use env: or file:, or a workload_identity."
    context.problems.add("WL184", detail, item.span, path)
    return None


def _identities(context: Context, items: Mapping[str, Item]) -> Identities:
    names: list[tuple[str, str]] = []

    def of(who: str) -> str | None:
        path, inner = f"azure.identities.{who}", entries(items, who)
        if not inner:
            return context.place(items, who, path, _OBJECT)
        found, name = context.place(inner, "id", f"{path}.id", _OBJECT), text(inner, "name")
        names.extend([(found, name)] if found and name else [])
        return found

    return Identities(of("plan"), of("apply"), of("engine"), tuple(names))


def resolve_sources(context: Context) -> dict[str, Source]:
    sources = {}
    for name, item in context.known("sources").items():
        path = f"sources.{name}"
        address = context.place(item.map, "vcenter", f"{path}.vcenter", _VCENTER)
        tls = entries(item.map, "tls")
        ca = context.place(tls, "ca", f"{path}.tls.ca")
        signs_in = login(item.map)
        if address is None or signs_in is None:
            continue
        host, port = _host_port(address)
        if not 1 <= port <= 65535:
            detail = f"Port {port} does not exist; ports are 1 to 65535."
            context.problems.add("WL126", detail, item.map["vcenter"].span, f"{path}.vcenter")
            continue
        tracking = cast(Literal["enable", "forbid"], text(item.map, "tracking") or "enable")
        age = text(item.map, "inventory_max_age")
        oldest = seconds(age) if age else INVENTORY_MAX_AGE
        by = _reader(context, item.map, f"{path}.reader")
        sources[name] = Source(name, host, port, signs_in, ca, text(tls, "thumbprint"), tracking, oldest, item.key, reader=by)
    return sources


def _reader(context: Context, items: Mapping[str, Item], path: str) -> Reader:
    """A name, or `nbd` with its settings."""
    item = items.get("reader")
    if item is None:
        return Reader()
    if item.text == "nbd":
        detail = "`reader: nbd` does not say where its server is. Write `reader: {nbd: {command: […]}}`, or `socket`, or `host`."
        context.problems.add("WL165", detail, item.span, path)
    if item.text is not None:
        return Reader(item.text)
    nbd = entries(item.map, "nbd")
    words = nbd.get("command")
    if words is not None:
        context.nothing_carried(words, f"{path}.nbd.command")
    port = number(nbd, "port")
    return Reader(
        "nbd",
        command=tuple(str(plain(w)) for w in words.value) if words is not None and isinstance(words.value, list) else None,
        socket=text(nbd, "socket"),
        host=text(nbd, "host"),
        port=int(port) if port is not None else None,
        export=text(nbd, "export"),
        ca=context.place(nbd, "ca", f"{path}.nbd.ca"),
    )


def _host_port(address: str) -> tuple[str, int]:
    """`host`, `host:port` or `[v6]:port`; 443 when no port is given."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        return host, int(rest.removeprefix(":") or 443)
    host, _, port = address.partition(":")
    return host, int(port or 443)


def resolve_appliances(context: Context, policies: Policies) -> dict[str, Appliance]:
    """Every appliance with its policies; exactly one primary for each source."""
    appliances: dict[str, Appliance] = {}
    sources = context.known("sources")
    for name, item in context.known("appliances").items():
        path = f"appliances.{name}"
        source = source_of(context, (item.map,), f"{path}.source", item.key)
        appliance = Appliance(
            name=name,
            role=cast(Literal["primary", "scale-out"], text(item.map, "role")),
            source=source or "",
            schedule=policies.schedule(item.map, path),
            limits=policies.limits(item.map, path),
            blackout=policies.blackout(item.map, path),
            time_zone=check_time_zone(context, item.map, f"{path}.time_zone") or context.time_zone,
            throttle=policies.throttle(item.map, path),
            span=item.key,
        )
        if source and appliance.role:
            appliances[name] = appliance
    for name, item in sources.items():
        ours = [a for a in appliances.values() if a.source == name]
        unclear = len(appliances) < len(context.known("appliances"))
        _check_primary(context, name, item.key, [a for a in ours if a.role == "primary"], unclear)
        _check_windows(context, ours)
    return appliances


def source_of(context: Context, levels: tuple[Mapping[str, Item], ...], path: str, span: Span) -> str | None:
    """The source that the nearest level names; the only one there is when none does."""
    sources = context.known("sources")
    for items in levels:
        item = items.get("source")
        if item is not None and item.text is not None:
            return item.text if context.refer(item.text, sources, "WL141", item.span, path) else None
    if len(sources) == 1:
        return next(iter(sources))
    if sources:
        detail = f"There are several sources. Name {listing(sources)} as `source`."
        context.problems.add("WL144", detail, span, path)
    return None


def _check_primary(
    context: Context, source: str, span: Span, primaries: list[Appliance], unclear: bool
) -> None:
    path = f"sources.{source}"
    if not primaries and not unclear:
        detail = (
            f"No appliance with `role: primary` reads from {quote(source)}. Declare one under `appliances`."
        )
        context.problems.add("WL145", detail, span, path, missing="appliances")
    for other in primaries[1:]:
        first = primaries[0]
        related = ((f"{first.name} is the first", first.span),) if first.span else ()
        detail = f"{quote(other.name)} is the second primary of {quote(source)}. Make it `role: scale-out`."
        context.problems.add("WL145", detail, other.span, f"appliances.{other.name}.role", related)


def _check_windows(context: Context, appliances: list[Appliance]) -> None:
    """S14: each appliance applies its own windows in its own time zone; different ones are worth a word."""
    for other in appliances[1:]:
        first = appliances[0]
        same_zone = first.time_zone == other.time_zone or first.blackout is None
        windows = [a.blackout.windows if a.blackout else "" for a in (first, other)]
        if windows[0] == windows[1] and same_zone:
            continue
        related = ((f"windows of {first.name}", first.span),) if first.span else ()
        shown = [f"{a.blackout.windows} ({a.time_zone})" if a.blackout else "none" for a in (first, other)]
        detail = f"{quote(first.name)} has {shown[0]}, {quote(other.name)} has {shown[1]}."
        context.problems.add("WL159", detail, other.span, f"appliances.{other.name}.blackout", related)


def resolve_targets(context: Context, project_subscription: str | None) -> dict[str, Target]:
    """The targets; one that names no subscription lands in the project's."""
    targets = {}
    for name, item in context.known("targets").items():
        subscription = context.place(item.map, "subscription", f"targets.{name}.subscription", _SUBSCRIPTION)
        if "subscription" not in item.map:
            subscription = project_subscription
        region, vnet, group = text(item.map, "region"), text(item.map, "vnet"), resource_group(item.map)
        if not (subscription and region and vnet and group):
            continue
        targets[name] = Target(
            name=name,
            region=region,
            subscription=subscription,
            resource_group=group,
            vnet=vnet,
            test_vnet=text(item.map, "test_vnet"),
            subnets={key: value.text or "" for key, value in entries(item.map, "subnets").items()},
            network_group=text(item.map, "network_group"),
            zone=text(item.map, "zone"),
            span=item.key,
        )
    return targets
