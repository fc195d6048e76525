"""What `status MACHINE` says of the last cycles and of a test: snapshots as measured, isolation, the way to a console."""

from __future__ import annotations

from collections.abc import Iterator

from replication.model.item import Order, OrderKind
from replication.model.record import Evidence, Record

SHOWN = 3
"""Cycles that are told."""
PORTAL = "https://portal.azure.com/#resource"


def snapshot_words(one: Evidence) -> str:
    """`quiesced snapshot taken in 1.2 s, open 40 s, removed in 3.4 s`; empty where nothing was measured."""
    times = one.snapshot
    if times is None:
        return ""
    kind = "quiesced snapshot" if times.quiesced else "snapshot (not quiesced)"
    taken = f"taken in {times.take:.1f} s" if times.take is not None else "taken (how fast is not known)"
    removed = f"removed in {times.remove:.1f} s" if times.remove is not None else "removed later"
    return f"{kind} {taken}, open {one.snapshot_seconds:.1f} s, {removed}"


def cycle_lines(record: Record) -> Iterator[str]:
    told = [(one, words) for one in record.evidence[:SHOWN] if (words := snapshot_words(one))]
    for one, words in told:
        yield f"cycle {one.cycle} {one.kind.value}: {words}"
    if told:
        yield "the guest's stuns lie within the taking and the removing; how long they are stands in the VM's log alone"


def trial_lines(record: Record, order: Order | None, name: str) -> Iterator[str]:
    """Of the test that is there: what its isolation asserted, and how to look at it."""
    vm = record.test.get("vm")
    if vm is None:
        return
    if record.order is not None and record.order.kind is OrderKind.TEST and record.order.steps:
        yield f"test: {record.order.steps[0].detail or record.order.steps[0].state.value}"
    parts = vm.strip("/").split("/")
    group = parts[parts.index("resourceGroups") + 1] if "resourceGroups" in parts else ""
    yield f"test VM: {vm}"
    at = f"--resource-group {group} --name {parts[-1]}"
    logged = order is not None and order.vm is not None and order.vm.boot_log  # boot diagnostics is on then
    yield f"console: {'' if logged else f'az vm boot-diagnostics enable {at} && '}az serial-console connect {at}"
    if logged:
        yield f"boot log: az vm boot-diagnostics get-boot-log {at}"
    yield f"portal:  {PORTAL}{vm}/serialConsole"
    if order is not None and order.kind is OrderKind.TEST and order.vm is not None:
        for nic in order.vm.nics:
            address = nic.address or "an address of Azure's choice"
            yield f"network: {address} in {nic.subnet}   (reached from inside that virtual network alone)"
    yield f"accept:  wavelift test accept {name} --note …"
