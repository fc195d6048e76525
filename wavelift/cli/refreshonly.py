"""`plan --refresh-only` and `apply --refresh-only`: what is known and not recorded yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wavelift.problems import ERROR

if TYPE_CHECKING:
    from wavelift.planning.look import Looked
    from wavelift.wiring import Wiring


def show_news(looked: Looked, json: bool) -> int:
    """Print it; how many changes to the state there are."""
    from wavelift.planning.newer import told, unrecorded

    lines, effects = list(told(looked)), unrecorded(looked)
    if json:
        import json as jsons

        from planner.store.effects import to_json

        shown = {"effects": [to_json(e) for e in effects], "text": lines}
        typer.echo(jsons.dumps(shown, indent=2, ensure_ascii=False))
        return len(effects)
    for line in lines:
        typer.echo(line)
    count = f"{len(effects)} change{'s' if len(effects) != 1 else ''} to record"
    known = "Nothing to record: the state knows what the engine has done."
    typer.echo(f"{count}; nothing outside is changed." if effects else known)
    return len(effects)


def keep_news(wiring: Wiring, looked: Looked, json: bool, agreed: bool) -> None:
    """Show it and record it. `UserProblem` when it cannot be; exit code 1 without a yes."""
    from wavelift.applying.apply import record

    if not show_news(looked, json):
        return
    if not agreed and typer.prompt("Record this? Only 'yes' is taken", default="no", show_default=False) != "yes":
        typer.echo("Nothing was recorded.", err=True)
        raise typer.Exit(ERROR)
    record(wiring.workspace, wiring.engine, looked.records)
