"""`wavelift state …`: look at what is recorded, and mend it by hand."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wavelift.cli.options import AsJson, Folder
from wavelift.problems import UserProblem, coded

if TYPE_CHECKING:
    from planner.store import View
    from wavelift.workspace import Workspace

app = typer.Typer(help="What is recorded: list, show, pull, push, mv, rm, rebind, history, unlock.", no_args_is_help=True)
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("list")
def list_(
    patterns: Annotated[list[str] | None, typer.Argument(help="Globs such as 'seed_disk.*' or '*.web-01*'.")] = None,
    estate: Folder = Path(),
    json: AsJson = False,
) -> None:
    """Addresses of everything recorded, machines as machine.NAME."""
    from fnmatch import fnmatchcase

    state = _view(_open(estate)).state
    found = sorted([*state.artifacts, *(f"machine.{m.name}" for m in state.machines.values())])
    found = [a for a in found if not patterns or any(fnmatchcase(a, p) for p in patterns)]
    if not found and not json:
        typer.echo("Nothing that is recorded is called so." if patterns else "Nothing is recorded yet.", err=True)
    _print(found, json)


@app.command("show")
def show(address: str, estate: Folder = Path(), json: AsJson = False) -> None:
    """One artifact or machine (machine.NAME) with all that is recorded of it."""
    from dataclasses import asdict

    from wavelift.state.care import lost_by

    state = _view(_open(estate)).state
    found = lost_by(state, [address])[-1]
    document: dict[str, Any] = asdict(found)
    if "kind" in document:
        document["kind"] = document["kind"].value
    if json:
        _print(document, json)
        return
    import json as jsons

    for name, value in document.items():
        typer.echo(f"{name:<12} {value if isinstance(value, str | int) else jsons.dumps(value, indent=2, ensure_ascii=False)}")


@app.command("pull")
def pull(estate: Folder = Path()) -> None:
    """Print the state, with what an interrupted apply has done, as its canonical JSON."""
    from planner.state import dumps

    view = _view(_open(estate))
    if view.interrupted:
        typer.echo(f"An apply is at work or was cut off: {len(view.doubts)} steps in doubt.", err=True)
    sys.stdout.write(dumps(view.state).decode())


@app.command("push")
def push(
    file: Annotated[Path, typer.Argument(help="The JSON, - for standard input.", allow_dash=True)],
    estate: Folder = Path(),
    force: Annotated[bool, typer.Option("--force", help="An older serial or another lineage too.")] = False,
    confirm: Annotated[str, typer.Option("--confirm", help="With --force: what is lost, typed as it is asked for.")] = "",
) -> None:
    """Put a state in place of the recorded one. Refused when it is older or of another lineage."""
    from planner.wording import some
    from wavelift.state import care as statecare

    workspace = _open(estate)
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise UserProblem(f"{file} cannot be read: {error.strerror}") from error
    now, state, why = statecare.incoming(workspace, data)
    if why:
        going = statecare.lost(now, state)
        listed = some(going, 10)
        text = f"{' and '.join(why)}. What is recorded of {len(going)} would be lost: {listed or 'nothing'}."
        text = coded(text, "WL425")
        if not force:
            raise UserProblem(f"{text}\nNothing was changed; --force puts it back all the same.")
        typer.echo(text, err=True)
        wanted = f"lose {len(going)}"
        given = confirm or (typer.prompt(f"Type '{wanted}' to go on", default="") if sys.stdin.isatty() else "")
        if given != wanted:
            raise UserProblem(f"That was not '{wanted}' (--confirm '{wanted}'). Nothing was changed.")
    typer.echo(statecare.push(workspace, state, now, **({"forced": "; ".join(why)} if why else {})))


@app.command("mv")
def mv(source: str, to: str, estate: Folder = Path()) -> None:
    """Record something under another address, or a machine under another name (machine.OLD machine.NEW)."""
    from wavelift.state.care import move

    typer.echo(move(_open(estate), source, to))


@app.command("rm")
def rm(addresses: list[str], estate: Folder = Path(), yes: Yes = False) -> None:
    """Forget artifacts or machines. Nothing outside is deleted."""
    from wavelift.state.care import forget, lost_by

    workspace = _open(estate)
    for one in lost_by(_view(workspace).state, addresses):
        typer.echo(f"  forget {getattr(one, 'address', '') or 'machine.' + str(getattr(one, 'name', ''))}")
    if not yes and not (sys.stdin.isatty() and typer.confirm("Forget these? What they stand for stays where it is")):
        raise UserProblem("This needs a yes: run it on a terminal, or with --yes. Nothing was changed.")
    typer.echo(forget(workspace, addresses))


@app.command("rebind")
def rebind(
    machine: str,
    vm: Annotated[str, typer.Option("--vm", help="Name or inventory path of the VM that the machine is now.")],
    estate: Folder = Path(),
) -> None:
    """Bind a machine to a VM that was restored or registered anew (another instance uuid)."""
    from wavelift.state import care as statecare
    from wavelift.wiring import Wiring

    workspace = _open(estate)
    with Wiring(workspace, "engine") as wiring:
        asked = workspace.estate.machines.get(machine)
        vms = wiring.inventory().sources[asked.source].vms if asked is not None else ()
    found = [v for v in vms if vm in (v.name, v.path, v.uuid)]
    if asked is not None and len(found) != 1:
        listed = ", ".join(v.path for v in found) or "none"
        raise UserProblem(f"--vm must name one VM of {asked.source}; {vm!r} names {listed}. Nothing was changed.")
    typer.echo(statecare.rebind(workspace, machine, found[0].uuid if found else "", found[0].path if found else ""))


@app.command("history")
def history(estate: Folder = Path(), json: AsJson = False) -> None:
    """The last changes: serial, when, who, where, what."""
    from dataclasses import asdict

    state = _view(_open(estate)).state
    if json:
        _print([asdict(c) for c in state.history], json)
        return
    if not state.history:
        typer.echo("Nothing was changed yet.", err=True)
    for change in reversed(state.history):
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(change.at))
        about = "  ".join(f"{k}={v[:12] if k == 'plan' else v}" for k, v in sorted(change.about.items()))
        typer.echo(f"{change.serial:>5}  {when}  {change.who} on {change.host}  {change.doing}  {about}".rstrip())


@app.command("lock")
def lock(estate: Folder = Path(), json: AsJson = False) -> None:
    """Say who holds the state's lock now: user, host, process, doing what, since when, and the link of the CI run."""
    from dataclasses import asdict

    workspace = _open(estate)
    who = workspace.store.held()
    if json:
        _print({"where": workspace.store.where, "holder": asdict(who) if who is not None else None}, json)
    elif who is None:
        typer.echo(f"Nobody holds {workspace.store.where}.")
    else:
        typer.echo(f"{workspace.store.where} is locked by {who if who.user else 'somebody who has not said who'}.")


@app.command("unlock")
def unlock(estate: Folder = Path()) -> None:
    """Break the lock of a holder that is dead. One that lives is never cut off."""
    from wavelift.state.care import told

    workspace = _open(estate)
    with told(workspace):
        typer.echo("looking whether its holder lives (up to a minute or so) …", err=True)
        typer.echo(workspace.store.unlock())


def _open(folder: Path) -> Workspace:
    from wavelift.workspace import Workspace

    return Workspace.open(folder).acting("engine")


def _view(workspace: Workspace) -> View:
    return workspace.view()


def _print(value: Any, json: bool) -> None:
    import json as jsons

    if json:
        typer.echo(jsons.dumps(value, indent=2, ensure_ascii=False, default=str))
        return
    for line in value:
        typer.echo(line)
