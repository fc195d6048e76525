"""Fetches what a support bundle holds: from the folder, the state, the gateway stores, Azure and vCenter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from planner.config.collect import Problems
from planner.config.files import find as estate_files
from planner.config.files import read_text
from planner.state import dumps
from planner.store.view import View
from replication.model.errors import NotFound
from replication.ports import DocumentStore
from wavelift.bundle.archive import Bundle, files, logs, versions
from wavelift.bundle.redaction import Redactor
from wavelift.bundle.secretvalues import references, values, written
from wavelift.wiring import Wiring
from wavelift.workspace import BadEstate, Workspace

OF_MACHINES = ("records", "items", "orders", "commands", "status", "evidence")
SHARED = ("holds",)


def collect(folder: Path, machine: str | None, paths: list[Path], say: Callable[[str], None]) -> tuple[Bundle, str]:
    """The bundle, and the estate's name ("estate" where the files cannot be read). `paths`: logs to take the ends of."""
    workspace, wrong = _opened(folder)
    estate = workspace.estate if workspace is not None else None
    problems = Problems()
    found, locks = estate_files(folder, problems), sorted(folder.glob("wavelift*.lock.yaml"))
    texts = [text for path in found if (text := read_text(path, problems)) is not None]
    refs = [*(references(estate) if estate is not None else ()), *written(texts)]
    bundle = Bundle(Redactor(values(estate, refs, folder)))
    versions(bundle)
    skipped = {(folder / ref.name).resolve() for ref in refs if ref.kind == "file"}
    files(bundle, [*found, *locks], folder, skipped)
    logs(bundle, paths)
    if wrong is not None:
        bundle.add("problems.txt", wrong.text + "\n")
    if workspace is None:
        bundle.miss("state.json, status.json, doctor.txt, vcenter.json, REGION/", "the estate's files have errors: problems.txt")
        return bundle, "estate"
    with Wiring(workspace, "plan") as wiring:
        _outside(bundle, workspace, wiring, machine, say)
    return bundle, workspace.estate.name


def _opened(folder: Path) -> tuple[Workspace | None, BadEstate | None]:
    try:
        return Workspace.open(folder), None
    except BadEstate as error:
        return None, error


def _outside(bundle: Bundle, workspace: Workspace, wiring: Wiring, machine: str | None, say: Callable[[str], None]) -> None:
    from wavelift.planning.look import gateways
    from wavelift.watching.rows import with_nights

    views: list[View] = []
    say("state")
    bundle.trying("state.json", lambda: views.append(workspace.view()))
    states = [view.state for view in views]
    for view in views:
        bundle.add("state.json", dumps(view.state).decode())
        # What an apply that was cut off has begun without a result; what its journal says was done is in the state.
        opened = {"interrupted": view.interrupted, "steps": [asdict(doubt) for doubt in view.doubts]}
        bundle.add_json("state.open.json", opened)
    uuid = workspace.locked.get(machine) if machine is not None else None
    if states and machine is not None and uuid is None:
        known = states[0].by_name().get(machine)
        uuid = known.uuid if known is not None else None
    reached = True
    for region, account in sorted(gateways(states[0]).items()) if states else []:
        say(f"documents of {region}")
        reached = bundle.trying(f"{region}/", partial(_documents, bundle, wiring, region, account, uuid)) and reached
    if states and reached:
        say("status")
        bundle.trying("status.json", lambda: bundle.add_json("status.json", with_nights(workspace, wiring)))
    else:
        bundle.miss("status.json", "it is made from the documents, which could not be read")
    say("vCenter")
    for name in workspace.estate.sources:
        asked = (uuid,) if uuid is not None else tuple(workspace.locked.values())
        bundle.trying(f"vcenter/{name}.json", partial(_vcenter, bundle, wiring, name, asked))
    say("doctor")
    bundle.trying("doctor.txt", lambda: _doctor(bundle, wiring))


def _documents(bundle: Bundle, wiring: Wiring, region: str, account: str, uuid: str | None) -> None:
    """Those of one machine, or of all; the coordinator's and the waves' always. Raises when the store cannot be read."""
    store = wiring.engine.open(account)
    for name in names(store, uuid):
        try:
            got = store.get(name)
        except NotFound:
            got = None
        if got is not None:
            bundle.add_bytes(f"{region}/{name}", got[0])


def names(store: DocumentStore, uuid: str | None) -> list[str]:
    """The documents to take, of all machines without `uuid`. A year of evidence of a large estate is millions of names: of one
    machine only its own are listed."""
    out = ["coordinator.json"]
    for kind in (*OF_MACHINES, *SHARED):
        out += sorted(store.list(f"{kind}/" if uuid is None or kind in SHARED else f"{kind}/{uuid}"))
    return out


def _vcenter(bundle: Bundle, wiring: Wiring, name: str, machines: tuple[str, ...]) -> None:
    found = wiring.source(name).facts(machines)
    bundle.add_json(f"vcenter/{name}.json", {uuid: {**asdict(one), "power": one.power.value} for uuid, one in found.items()})


def _doctor(bundle: Bundle, wiring: Wiring) -> None:
    from wavelift.doctor import examine

    lines = [f"{f.state:<4}  {f.check}  {f.subject}  {f.detail}  {f.todo}".rstrip() for f in examine(wiring, "plan")]
    bundle.add("doctor.txt", "\n".join(lines) + "\n")


