"""Plan-time checks that need the cloud: sizes, networks, groups, permissions (S4). What cannot be checked is said."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from planner.artifact import Kind
from planner.desired import Desired, DesiredMachine
from planner.estate import Diagnostic, Phase, Span, Target
from planner.names import Names
from planner.ports import ArtifactReader, Observed, ResourceRef
from planner.state import State
from replication.model.errors import Denied
from wavelift.planning.access import Seat, check_access
from wavelift.planning.fits import Fits, address_refs
from wavelift.planning.landings import landing_checks, landing_refs, preparation, sku_id
from wavelift.planning.quotas import quotas
from wavelift.planning.windows import initial_in_windows


def check(
    desired: Desired,
    state: State,
    cloud: ArtifactReader,
    seat: Seat = "apply",
    gone: Collection[str] = (),
    going: Collection[str] = (),
) -> Iterator[Diagnostic]:
    """Problems by what they concern; one listing per kind and scope. `seat`: whose login `cloud` is; `gone`, `going`: see
    `access`."""
    targets = {m.target.name: m.target for m in desired.machines.values()}
    if not targets:
        return
    refs = list({r.address: r for r in _refs(desired, targets)}.values())
    try:
        seen = cloud.observe(refs)
    except Denied as error:
        text = f"Sizes, networks and resource groups were not checked: {error}"
        yield Diagnostic("WL340", "not checked", text, severity="warning")
        seen = {}
    yield from _project_group(desired, seen)
    for target in targets.values():
        yield from _target(desired, target, seen)
    over = {u for u, m in state.machines.items() if m.life in ("migrated", "completed", "released")}
    fits = Fits(desired, seen)
    for wanted in desired.machines.values():
        if wanted.uuid not in over:
            yield from _sizes(wanted, seen)
            yield from landing_checks(desired.names, wanted, seen)
            yield from fits.problems(wanted)
    yield from quotas(desired, state, cloud, seen, over)
    yield from preparation(desired, over)
    yield from initial_in_windows(desired, state)
    yield from check_access(desired, state, cloud, seat, gone, going)


def _refs(desired: Desired, targets: dict[str, Target]) -> Iterator[ResourceRef]:
    names, azure = desired.names, desired.estate.azure
    groups = {(azure.project_subscription, azure.project_group.name): azure.project_group.managed}
    for target in targets.values():
        groups.setdefault((target.subscription, target.resource_group.name), target.resource_group.managed)
        for vnet in filter(None, (target.vnet, target.test_vnet)):
            yield ResourceRef(f"network.{names.vnet(target, vnet)}", "network", names.vnet(target, vnet))
    for (subscription, name), managed in groups.items():
        if not managed:
            group = names.group(subscription, name)
            yield ResourceRef(f"group.{group}", Kind.RESOURCE_GROUP, group)
    yield from address_refs(desired)
    for wanted in desired.machines.values():
        yield from landing_refs(names, wanted)
        for size in wanted.machine.size:
            sku = sku_id(wanted.target, size)
            yield ResourceRef(f"sku.{sku}", "sku", sku)


def _project_group(desired: Desired, seen: dict[str, Observed | None]) -> Iterator[Diagnostic]:
    azure = desired.estate.azure
    group = desired.names.group(azure.project_subscription, azure.project_group.name)
    if f"group.{group}" in seen and seen[f"group.{group}"] is None:
        yield _no_group(group, "azure.project.resource_group", None)


def _no_group(group: str, path: str, span: Span | None) -> Diagnostic:
    detail = f"{group} does not exist. Make it, or write `resource_group: {{name: …, managed: true}}` to have it made."
    return Diagnostic("WL341", "the resource group does not exist", detail, path, span)


def _target(desired: Desired, target: Target, seen: dict[str, Observed | None]) -> Iterator[Diagnostic]:
    path = f"targets.{target.name}"
    group = desired.names.group(target.subscription, target.resource_group.name)
    project = desired.names.group(desired.estate.azure.project_subscription, desired.estate.azure.project_group.name)
    if group != project and f"group.{group}" in seen and seen[f"group.{group}"] is None:
        yield _no_group(group, f"{path}.resource_group", target.span)
    here = [m.machine for m in desired.machines.values() if m.target.name == target.name]
    testing = any(m.phase is not Phase.REPLICATE for m in here)
    subnets = {*target.subnets.values(), *(n.subnet for m in here for n in m.nics.values() if n.subnet and not n.skip)}
    for key, vnet in (("vnet", target.vnet), ("test_vnet", target.test_vnet)):
        if vnet is None:
            continue
        arm_id = Names.vnet(desired.names, target, vnet)
        if f"network.{arm_id}" not in seen:
            continue
        network = seen[f"network.{arm_id}"]
        if network is None:
            detail = f"{arm_id} does not exist. Networks belong to the landing zone: make it, or correct {path}.{key}."
            yield Diagnostic("WL342", "the virtual network does not exist", detail, f"{path}.{key}", target.span)
            continue
        region = str(network.properties.get("location", ""))
        if region and region.replace(" ", "").lower() != target.region.replace(" ", "").lower():
            detail = f"{arm_id} is in {region}, target {target.name!r} in {target.region}. A VM needs a network of its region."
            yield Diagnostic("WL343", "network in another region", detail, f"{path}.{key}", target.span)
        known = network.properties.get("subnets", {})
        missing = sorted(subnets - set(known))
        if missing and (key == "vnet" or testing):
            detail = f"{arm_id} has no subnet {', '.join(map(repr, missing))}. It has {', '.join(known) or 'none'}."
            yield Diagnostic("WL344", "the subnet does not exist", detail, f"{path}.subnets", target.span)


def _sizes(wanted: DesiredMachine, seen: dict[str, Observed | None]) -> Iterator[Diagnostic]:
    machine = wanted.machine
    for size in machine.size:
        address = f"sku.{sku_id(wanted.target, size)}"
        if address in seen and seen[address] is None:
            detail = (
                f"{machine.name}: {wanted.target.region} has no VM size {size!r} for this subscription. "
                f"`az vm list-sizes -l {wanted.target.region}` lists those it has."
            )
            path = f"waves.{machine.wave}.machines.{machine.name}.size"
            yield Diagnostic("WL345", "unknown VM size", detail, path, machine.spans.get("size") or machine.span)
