"""Whether the vCPUs that a region still has are enough for all machines that are to start there, tests included."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from planner.desired import Desired, DesiredMachine
from planner.estate import Diagnostic, Phase
from planner.ports import ArtifactReader, Observed, ResourceRef
from planner.state import State
from planner.wording import some
from replication.model.errors import Denied
from wavelift.planning.landings import sku_id

Seen = Mapping[str, Observed | None]
ALL = "cores"
"""Azure's name for the vCPUs of all families of a region together."""
NAMED = 3


@dataclass(slots=True)
class _Short:
    """Machines for which nothing is left, and what is."""

    left: int
    limit: int
    machines: list[DesiredMachine] = field(default_factory=list)
    vcpus: int = 0


def quotas(desired: Desired, state: State, cloud: ArtifactReader, seen: Seen, over: Collection[str]) -> Iterator[Diagnostic]:
    """A warning for each quota that is too small: it may grow until the window, and the engine looks before it powers off.

    `seen`: the sizes; `over`: uuids of machines that have been cut over. Machines are served in their order, each by the first
    of its sizes for which enough is left. A test VM that is there has its vCPUs.
    """
    due = [m for m in desired.machines.values() if _starts(m, state, over)]
    asks = {m.uuid: list(_asks(m, seen)) for m in due}
    ids = {one for sizes in asks.values() for _, quota, total in sizes for one in (quota, total)}
    if not ids:
        return
    try:
        found = cloud.observe([ResourceRef(f"quota.{one}", "quota", one) for one in sorted(ids)])
    except Denied as error:
        yield Diagnostic("WL340", "not checked", f"vCPU quotas were not checked: {error}", severity="warning")
        return
    known = {one: usage.properties for one in ids if (usage := found.get(f"quota.{one}")) is not None}
    left = {one: int(usage["limit"]) - int(usage["used"]) for one, usage in known.items()}
    short: dict[str, _Short] = {}
    for machine in due:
        if not _serve(asks[machine.uuid], left):
            vcpus, quota, total = asks[machine.uuid][0]
            lacks = quota if left.get(quota, vcpus) < vcpus else total
            one = short.setdefault(lacks, _Short(left[lacks], int(known[lacks]["limit"])))
            one.machines.append(machine)
            one.vcpus += vcpus
    for lacks, one in short.items():
        yield _told(lacks, one)


def _starts(wanted: DesiredMachine, state: State, over: Collection[str]) -> bool:
    machine = wanted.machine
    return machine.phase.rank >= Phase.TEST.rank and wanted.uuid not in over and f"test_vm.{machine.name}" not in state.artifacts


def _asks(wanted: DesiredMachine, seen: Seen) -> Iterator[tuple[int, str, str]]:
    """(vCPUs, id of the family's quota, id of the region's) for each size whose capabilities could be looked at."""
    for size in wanted.machine.size:
        sku = sku_id(wanted.target, size)
        offered = seen.get(f"sku.{sku}")
        if offered is not None and offered.properties.get("vcpus"):
            usages = sku.rpartition("/skus/")[0] + "/usages/"
            yield int(offered.properties["vcpus"]), usages + str(offered.properties["family"]), usages + ALL


def _serve(sizes: list[tuple[int, str, str]], left: dict[str, int]) -> bool:
    """Takes the vCPUs of the first size for which there are enough. A quota that Azure does not name has no limit."""
    for vcpus, *ids in sizes:
        if all(left.get(one, vcpus) >= vcpus for one in ids):
            for one in left.keys() & ids:
                left[one] -= vcpus
            return True
    return not sizes


def _told(lacks: str, short: _Short) -> Diagnostic:
    first = short.machines[0].machine
    region, _, family = lacks.partition("/locations/")[2].partition("/usages/")
    what = "vCPUs of all families" if family == ALL else f"vCPUs of {family}"
    names = [m.machine.name for m in short.machines]
    whom = some(names, NAMED)
    detail = (
        f"{whom} need {short.vcpus} {what} in {region}; {max(0, short.left)} of {short.limit} are left beside what runs and the "
        "machines before them. Ask Azure for more quota, or name another size: the engine refuses before it powers off."
    )
    path = f"waves.{first.wave}.machines.{first.name}.size"
    return Diagnostic("WL433", "not enough vCPU quota", detail, path, first.spans.get("size") or first.span, severity="warning")
