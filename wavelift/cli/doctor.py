"""`wavelift doctor`: whether this host has what a role needs; every result at once, with what to do."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.options import AsJson, Folder
from wavelift.problems import DENIED, ERROR


class Role(StrEnum):
    PLAN = "plan"
    APPLY = "apply"
    ENGINE = "engine"


def doctor(
    estate: Folder = Path(),
    role: Annotated[Role, typer.Option("--role", help="Whose needs: the plan runner's, apply's, the engine's.")] = Role.PLAN,
    json: AsJson = False,
) -> None:
    """Check names, ports, proxy, certificates, clocks, endpoints, credentials and permissions from this host."""
    import dataclasses
    import json as jsons

    from wavelift.cli.console import Console
    from wavelift.doctor import examine
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    console = Console(quiet=json)
    found = []
    with Wiring(Workspace.open(estate), "plan" if role is Role.PLAN else "engine") as wiring:
        for one in examine(wiring, role.value):
            found.append(one)
            if not json:
                console.clear()
                mark = {"ok": "ok  ", "bad": "BAD ", "note": "--  "}[one.state]
                typer.echo(f"{mark}{one.check:<12}{one.subject}: {one.detail}")
                if one.todo:
                    typer.echo(f"                -> {one.todo}")
    bad = sum(one.state == "bad" for one in found)
    if json:
        document = {"role": role.value, "ok": not bad, "checks": [dataclasses.asdict(one) for one in found]}
        typer.echo(jsons.dumps(document, indent=2, ensure_ascii=False))
    else:
        well = f"All is well for {role.value}: {len(found)} checks."
        typer.echo(f"{bad} of {len(found)} checks found something." if bad else well)
    if bad:
        denied = all(one.check == "permissions" for one in found if one.state == "bad")
        raise typer.Exit(DENIED if denied else ERROR)
