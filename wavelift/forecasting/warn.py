"""What a forecast warns of: a cut-over that will not fit into its window or its budget, or that may never begin; a datastore
that snapshots may fill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from planner.estate import Diagnostic, Estate, Machine
from replication.model.extents import GIB
from wavelift.forecasting.model import Forecast, Start
from wavelift.forecasting.text import size


def warnings(estate: Estate, found: Forecast) -> tuple[Diagnostic, ...]:
    out = []
    for one in found.cutovers:
        machine = estate.machines[one.machine]
        span = machine.spans.get("cutover") or machine.span
        if one.short:
            detail = f"{one.machine}: {one.short}. Choose a longer one, or a time when the guest writes less."
            out.append(Diagnostic("WL488", "cut-over will not fit", detail, _path(machine), span, severity="warning"))
        elif one.legal.at is None and machine.hold is None:
            detail = f"{one.machine} has no legal start: {'; '.join(one.legal.why)}. Give it another window."
            out.append(Diagnostic("WL489", "cut-over may never begin", detail, _path(machine), span, severity="warning"))
    return (*out, *_datastores(estate, found.starts))


def _datastores(estate: Estate, starts: Iterable[Start]) -> Iterator[Diagnostic]:
    """Of each datastore whose free space is known: what its snapshots may grow to at once against what the engine may use."""
    on: dict[tuple[str, str], list[Start]] = defaultdict(list)
    for one in starts:
        for store in one.space.keys() & one.free.keys():
            on[estate.machines[one.machine].source, store].append(one)
    for (source, store), ones in sorted(on.items()):
        kept = max(a.limits.datastore_free_gib for a in estate.appliances.values() if a.source == source) * GIB
        free, most = ones[0].free[store], _most_at_once(ones, store)
        if most > free - kept:
            detail = (
                f"{store} of {source}: the snapshots of initial replications may grow to {size(most)} at once; {size(free)} are "
                f"free, of which {size(kept)} stay free (`datastore_free_gib`). The engine would release them and go on later. "
                "Make room there, or begin with fewer machines."
            )
            machine = estate.machines[ones[0].machine]
            yield Diagnostic("WL490", "a datastore may fill", detail, f"sources.{source}", machine.span, severity="warning")


def _most_at_once(ones: Iterable[Start], store: str) -> int:
    """Bytes. One that ends makes room before the next one begins."""
    events = [(at, amount) for one in ones for at, amount in ((one.begins, one.space[store]), (one.ends, -one.space[store]))]
    now = most = 0
    for _, amount in sorted((at, amount) for at, amount in events if at is not None):
        now += amount
        most = max(most, now)
    return most


def _path(machine: Machine) -> str:
    return f"waves.{machine.wave}.machines.{machine.name}.cutover"
