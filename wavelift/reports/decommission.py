"""`wavelift report decommission`: state, records, integrity reports and vCenters read, each source VM judged."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from planner.decommission import Proof, Row, Seen, Verdict, judge
from planner.inventory import VmFacts
from planner.plan.life import Stage, stage
from planner.release import owned
from planner.state import MachineState, State
from replication import reporting, verify
from replication.model.errors import PortError
from replication.model.jsonform import BadDocument
from replication.model.source import SourceFacts
from wavelift.planning.look import gateways, refreshed
from wavelift.problems import UserProblem
from wavelift.reports.integrity import check, fetch, known_keys

if TYPE_CHECKING:
    from wavelift.wiring import Wiring

Say = Callable[[str], None]


def rows(wiring: Wiring, key: str | None, compare: bool, now: float, say: Say) -> list[Row]:
    """Every machine that the state knows and that was not stopped before its migration, those that may go first."""
    view = wiring.workspace.view().state
    state, records = refreshed(wiring.engine, view)
    recorded, accounts = owned(state), gateways(state)
    known = known_keys(wiring, key)
    sources = _Sources(wiring, state, say)
    found = []
    for machine in sorted(state.machines.values(), key=lambda m: m.name):
        record = records.get(machine.uuid)
        proof = Proof("")
        if stage(machine, record) in (Stage.COMPLETED, Stage.MIGRATED):
            proof = _proof(wiring, accounts.get(machine.region), machine, known)
        about = (wiring.workspace.estate, recorded[machine.name], machine, record, sources.seen(machine))
        row = judge(*about, proof, sources.shared(machine), now)
        if row is not None and compare and row.verdict is Verdict.MAY_GO:
            say(f"comparing {machine.name} with what was migrated")
            proof = Proof(proof.lacks, proof.written, _compared(wiring, machine, known))
            row = judge(*about, proof, sources.shared(machine), now)
        if row is not None:
            found.append(row)
    order = list(Verdict)
    return sorted(found, key=lambda r: (order.index(r.verdict), r.source, r.machine))


def _proof(wiring: Wiring, account: str | None, machine: MachineState, known: frozenset[str] | None) -> Proof:
    """Signature and evidence of the newest report; its block hashes stay where they are."""
    if account is None:
        return Proof(f"its integrity report cannot be looked for: the estate has no gateway store in {machine.region} any more")
    documents = wiring.engine.open(account)
    try:
        names = sorted(n for n in documents.list(f"reports/{machine.uuid}/") if n.endswith("/report.json"))
        got = documents.get(names[-1]) if names else None
        if got is None:
            return Proof("it has no integrity report")
        signed = reporting.loads(got[0])
    except BadDocument as error:
        return Proof(f"its integrity report is damaged: {error}")
    except PortError as error:
        return Proof(f"its integrity report cannot be read: {error}")
    if signed.report.machine.machine != machine.uuid:
        return Proof("its integrity report is about another VM")
    failed = [c for c in (*verify.signature(signed, known), *verify.evidence(signed)) if c.result == "FAILED"]
    lacks = "; ".join(f"its integrity report does not hold: {c.what}: {c.detail}" for c in failed)
    return Proof(lacks, signed.report.written)


def _compared(wiring: Wiring, machine: MachineState, known: frozenset[str] | None) -> str:
    """The source read whole against the report's block hashes (a snapshot of it is taken and removed)."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            checks = list(check(fetch(wiring, machine.name, Path(folder), False), known, "source", wiring))
    except (UserProblem, PortError) as problem:
        return f"FAILED to compare its content: {problem}"
    failed = [c for c in checks if c.result == "FAILED"]
    if failed:
        return f"FAILED: it is not what was migrated: {'; '.join(f'{c.what}: {c.detail}' for c in failed)}"
    return "compared: every block is what was migrated"


class _Sources:
    """Each vCenter that machines come from, read once."""

    def __init__(self, wiring: Wiring, state: State, say: Say) -> None:
        self._wiring = wiring
        self._of = {m.uuid: self._source(m) for m in state.machines.values()}
        self._vms: dict[str, dict[str, VmFacts]] = {}
        self._blind: dict[str, str] = {}
        self._facts: dict[str, SourceFacts] = {}
        for name in sorted(set(self._of.values())):
            self._read(name, say)
        holders: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for name, vms in self._vms.items():
            for vm in vms.values():
                for disk in vm.disks:
                    holders[name, disk.file].add(vm.name)
        self._holders = holders

    def seen(self, machine: MachineState) -> Seen:
        source = self._of[machine.uuid]
        if source in self._blind:
            return Seen(blind=self._blind[source])
        facts = self._facts.get(machine.uuid)
        names = tuple(name for _, name in facts.snapshots) if facts is not None else ()
        return Seen(self._vms[source].get(machine.uuid), names)

    def shared(self, machine: MachineState) -> dict[str, str]:
        """Disk file -> another VM that has it."""
        source = self._of[machine.uuid]
        vm = self.seen(machine).vm
        found = {disk.file: self._holders[source, disk.file] - {vm.name} for disk in vm.disks} if vm is not None else {}
        return {file: sorted(others)[0] for file, others in found.items() if others}

    def _read(self, name: str, say: Say) -> None:
        if name not in self._wiring.workspace.estate.sources:
            self._blind[name] = f"its source {name or '?'} is not in the files: its vCenter was not looked at"
            return
        say(f"reading the inventory of {name}")
        try:
            source = self._wiring.source(name)
            there = self._vms[name] = source.inventory().by_uuid()
            self._facts |= source.facts(tuple(u for u, of in self._of.items() if of == name and u in there))
        except PortError as error:
            self._blind[name] = f"vCenter {name} could not be read: {error}"

    def _source(self, machine: MachineState) -> str:
        return str(machine.released.get("source", "")) or self._wiring.workspace.source_of(machine.name)
