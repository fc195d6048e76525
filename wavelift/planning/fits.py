"""Whether each machine fits where it goes: its sizes and its fixed addresses, judged as the engine does before a cut-over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from planner.desired import Desired, DesiredMachine
from planner.desired.machine import vm_order
from planner.estate import Diagnostic, Phase, Span
from planner.names import last
from planner.ports import Observed, ResourceRef
from replication.model.fitting import address_unfit, size_unfit
from replication.model.item import NicOrder, VmOrder
from wavelift.planning.landings import sku_id

Seen = Mapping[str, Observed | None]


def address_refs(desired: Desired) -> Iterator[ResourceRef]:
    """What interfaces hold, where a machine asks for an address of its own."""
    for wanted in desired.machines.values():
        machine = wanted.machine
        if machine.ip == "keep" or any(wish.ip for wish in machine.nics.values()):
            subscription = desired.names.vnet(wanted.target, wanted.target.vnet).split("/")[2]
            yield ResourceRef(f"addresses.{subscription}", "addresses", f"/subscriptions/{subscription}#addresses")


class Fits:
    """Judges machines one after the other; it remembers who has asked for an address."""

    def __init__(self, desired: Desired, seen: Seen) -> None:
        self._names, self._seen = desired.names, seen
        self._asked: dict[tuple[str, str], str] = {}

    def problems(self, wanted: DesiredMachine) -> Iterator[Diagnostic]:
        vm = vm_order(self._names, wanted, test=False)
        yield from self._sizes(wanted, vm)
        for nic in vm.nics:
            if nic.address:
                yield from self._address(wanted, vm, nic)

    def _sizes(self, wanted: DesiredMachine, vm: VmOrder) -> Iterator[Diagnostic]:
        """One size that can be had is enough; what cannot be looked at is no reason. Zone and security are judged apart."""
        reasons = []
        for name in vm.sizes:
            size = self._seen.get(f"sku.{sku_id(wanted.target, name)}")
            if size is None or "data_disks" not in size.properties:
                return
            reason = size_unfit(size.properties, replace(vm, zone=None, security=None))
            if not reason:
                return
            reasons.append(reason)
        if reasons:
            yield _problem(wanted, "WL430", "no size fits the machine", f"{'; '.join(reasons)}.", "size")

    def _address(self, wanted: DesiredMachine, vm: VmOrder, nic: NicOrder) -> Iterator[Diagnostic]:
        subnet, address = nic.subnet.lower(), str(nic.address)
        network = self._seen.get(f"network.{nic.subnet.rpartition('/subnets/')[0]}")
        ranges = network.properties.get("ranges", {}).get(last(nic.subnet)) if network is not None else None
        reason = address_unfit(address, last(nic.subnet), ranges) if ranges else ""
        if reason:
            yield _problem(wanted, "WL431", "the address cannot be had", f"{nic.name} {address} {reason}.", "ip")
            return
        other = self._asked.setdefault((subnet, address), wanted.machine.name)
        if other != wanted.machine.name:
            detail = f"{nic.name} asks for {address} in {last(nic.subnet)}, and so does {other}. Give one of them another."
            yield _problem(wanted, "WL431", "the address cannot be had", detail, "ip")
        held = self._seen.get(f"addresses.{nic.subnet.split('/')[2]}")
        holder = held.properties.get("taken", {}).get(f"{subnet}|{address}") if held is not None else None
        group = f"/resourcegroups/{vm.resource_group}/".lower()
        ours = holder and group in holder and last(holder) == nic.name.lower()
        if holder and not ours:
            asks = f"{nic.name} asks for {address} in {last(nic.subnet)}"
            detail = f"{asks}, and {holder} holds it. Free it before the cut-over."
            if wanted.machine.phase.rank >= Phase.MIGRATE.rank:
                yield _problem(wanted, "WL431", "the address cannot be had", detail, "ip")
            else:
                path, span = _place(wanted, "ip")
                yield Diagnostic("WL432", "the address is taken", detail, path, span, severity="warning")


def _problem(wanted: DesiredMachine, code: str, summary: str, detail: str, key: str) -> Diagnostic:
    path, span = _place(wanted, key)
    return Diagnostic(code, summary, f"{wanted.machine.name}: {detail}", path, span)


def _place(wanted: DesiredMachine, key: str) -> tuple[str, Span | None]:
    machine = wanted.machine
    span = machine.spans.get(key) or machine.spans.get("nics") or machine.span
    return f"waves.{machine.wave}.machines.{machine.name}.{key}", span
