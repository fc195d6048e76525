"""`wavelift destroy`: an estate, a wave or a machine; evidence first, then stopped, then deleted."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavelift.cli.options import AllowDestroy, AsJson, Folder, Machines, Parallelism, Waves
from wavelift.problems import DENIED, UserProblem, code_for
from wavelift.stopping import STOPPING, stoppable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planner.state import Recorded
    from wavelift.cli.console import Console
    from wavelift.leaving.destroyfile import Doomed
    from wavelift.leaving.destroying import Aim, Going
    from wavelift.planning.look import Looked
    from wavelift.wiring import Wiring

def destroy(
    estate: Folder = Path(),
    wave: Waves = None,
    machine: Machines = None,
    allow_destroy: AllowDestroy = None,
    auto_approve: Annotated[bool, typer.Option("--auto-approve", help="Do not ask.")] = False,
    evidence: Annotated[
        Path | None, typer.Option("--evidence", metavar="FOLDER", help="Where the evidence is exported to before anything goes.")
    ] = None,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Host the replication engine in this process while waiting.")
    ] = False,
    parallelism: Parallelism = 10,
    json: AsJson = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write what would go to a file for `show` and `apply FILE`."),
    ] = None,
) -> None:
    """Stop and delete what wavelift made; Azure VMs that were migrated to stay. Run it again after anything went wrong."""
    if out is not None and (auto_approve or embedded):
        raise UserProblem("--out writes what would go and destroys nothing: it goes neither with --auto-approve nor --embedded")
    request = Request(tuple(wave or ()), tuple(machine or ()), allow_destroy, auto_approve, evidence, json, out)
    carry_out(estate, request, embedded, parallelism)


def carry_out(
    estate: Path,
    asked: Request,
    embedded: bool,
    parallelism: int,
    file: Path | None = None,
    sha: str = "",
    by: Mapping[str, str] | None = None,
) -> None:
    """`file`: of `--out`, which says what is meant; `sha` is what its reviewer saw, or empty; `by`: who, and where."""
    from planner.plan.life import Stage
    from wavelift.cli.console import Console
    from wavelift.cli.destroyrounds import Rounds, look
    from wavelift.leaving.destroyfile import doomed, fits, held_against, in_time, read
    from wavelift.leaving.destroying import aim, going, stages
    from wavelift.leaving.evidence import Intent, begun, export, fresh_folder
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    reviewed = read(file) if file is not None else None
    if file is not None and reviewed is not None:
        fits(reviewed, file, sha or None, asked.allowed)
        asked = replace(asked, waves=reviewed.waves, machines=reviewed.machines, allowed=reviewed.number)
    console = Console()
    with ExitStack() as stack:
        wiring = stack.enter_context(Wiring(Workspace.open(estate), "engine"))
        stop = stack.enter_context(stoppable(lambda: console.line(STOPPING), twice_leaves=True))
        state = wiring.workspace.view().state
        what = aim(wiring.workspace.estate, state, asked.waves, asked.machines)
        looked = look(wiring, what, console)
        gone = going(looked.state, what)
        stops = {n: s.value for n, s in stages(looked, gone.machines.values()).items() if s not in (Stage.NEW, Stage.COMPLETED)}
        found = doomed((state.estate, state.lineage), what, (asked.waves, asked.machines), gone, stops)
        if file is not None and reviewed is not None:
            in_time(reviewed, file, wiring.now())
            held_against(reviewed, file, found)
        console.line(wiring.wrong_clock())
        _show(found, looked, asked)
        if asked.json:  # standard output holds one document; what follows is for people
            stack.enter_context(redirect_stdout(sys.stderr))
        name = re.sub(r"[^A-Za-z0-9-]+", "-", f"evidence-{state.estate}-{what.words}").strip("-")
        folder = fresh_folder(asked.evidence or Path(name), state.lineage, what.words)
        earlier = begun(folder, state.lineage, what.words)
        if not looked.plan.steps and not looked.plan.in_progress:
            console.line("There is nothing to destroy.")
            if earlier is not None:
                _ended(wiring, what, folder, gone)
            return
        began = reviewed.number if reviewed else earlier.number if earlier else None
        if asked.out is not None:
            if asked.allowed is not None:
                _said(gone.number, began, asked.allowed)
            _keep(wiring, found, asked.out, console)
            return
        _guard(what, gone.number, began, asked)
        number = max(gone.number, earlier.number if earlier else 0)
        console.doing("exporting the evidence")
        kept = export(wiring.engine, looked.state, gone.machines, folder, Intent(state.lineage, what.words, number))
        console.line(f"Evidence: {kept.files} files, {kept.reports} signed reports in {kept.folder}")
        code = Rounds(wiring, what, stop, console, parallelism, embedded, by or {}).carry_out(looked)
        if code == 0:
            _ended(wiring, what, folder, gone)
    if code:
        typer.echo("Not everything is gone. Run the same command again to go on.", err=True)
        raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line says of a destroying."""

    waves: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    allowed: int | None = None
    auto_approve: bool = False
    evidence: Path | None = None
    json: bool = False
    out: Path | None = None


def _show(found: Doomed, looked: Looked, asked: Request) -> None:
    """What goes; on standard error where --json has standard output. Exits when the plan has errors."""
    import json as jsons

    from wavelift.diagnostics import shown
    from wavelift.leaving.destroyfile import lines, listing, to_json

    if asked.json:
        typer.echo(jsons.dumps(to_json(found), indent=2, ensure_ascii=False))
    else:
        notes = (("Under way", looked.plan.in_progress), ("Kept", looked.plan.kept))
        more = [line for title, part in notes for line in listing(title, [f"{n.machine}: {n.what}: {n.why}" for n in part])]
        typer.echo("\n".join([*lines(found), *more]))
    if looked.plan.errors:
        typer.echo(shown(looked.plan.errors), err=True)
        raise typer.Exit(code_for(looked.plan.errors))


def _keep(wiring: Wiring, found: Doomed, out: Path, console: Console) -> None:
    from wavelift.applying.planio import validity
    from wavelift.leaving.destroyfile import until, write

    kept = replace(found, valid_until=until(wiring.now(), validity(wiring.workspace.estate)))
    write(out, kept)
    console.line(f"Written to {out}: sha256 {kept.digest}, valid until {kept.valid_until}. Nothing was changed.")


def _said(number: int, began: int | None, allowed: int | None) -> None:
    """The planned number has to be said; of a destroying that was cut off, the one that it began with is as good."""
    if allowed is None and number:
        raise UserProblem(
            f"This destroys {number} artifacts that hold data: say `--allow-destroy {number}` to do it. Nothing was changed.",
            DENIED,
        )
    if allowed is not None and allowed not in (number, began):
        raise UserProblem(
            f"--allow-destroy {allowed} was given; {number} artifacts that hold data would go. Nothing was changed. [WL330]"
        )


def _guard(what: Aim, number: int, began: int | None, asked: Request) -> None:
    _said(number, began, asked.allowed)
    if asked.auto_approve:
        return
    if asked.json or not sys.stdin.isatty():
        raise UserProblem("This needs a yes: run it on a terminal, or with --auto-approve. Nothing was changed.")
    answer: str = typer.prompt(f"Destroy {what.words}? Only 'destroy' is taken", default="no", show_default=False)
    if answer != "destroy":
        raise UserProblem("Nothing was changed.")


def _ended(wiring: Wiring, what: Aim, folder: Path, gone: Going) -> None:
    """All is gone: what Azure keeps of all that there was in the beginning, and what the files still ask for."""
    from wavelift.leaving.destroying import going
    from wavelift.leaving.evidence import finished, first_state

    first = first_state(folder)
    _leftovers(wiring, going(first, what).data if first is not None else gone.data)
    _still_in_files(wiring, gone)
    finished(folder)
    typer.echo(f"Destroyed: {what.words}. Evidence: {folder}")


def _leftovers(wiring: Wiring, data: Sequence[Recorded]) -> None:
    """What Azure keeps of what was deleted, and how to be rid of it."""
    from wavelift.leaving.leftovers import soft_deleted

    for line in soft_deleted(wiring.azure, data):
        typer.echo(line)


def _still_in_files(wiring: Wiring, gone: Going) -> None:
    from planner.wording import some

    names = [m.name for m in gone.machines.values() if m.name in wiring.workspace.estate.machines]
    if names:
        listed = some(names)
        typer.echo(f"Still in the files: {listed}. Take them out, or the next apply starts to replicate them again.")
