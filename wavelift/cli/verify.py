"""`wavelift verify`: is an integrity report what was signed, and do disks still hold what it says?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.options import AsJson
from wavelift.problems import CHECK_FAILED


class Against(StrEnum):
    replica = "replica"
    source = "source"


def verify(
    report: Annotated[Path, typer.Argument(help="A report's folder, its report.json or report.html.", show_default=False)],
    key: Annotated[
        str | None, typer.Option("--key", help="The public key (PEM file) or its fingerprint (sha256:…) that you trust.")
    ] = None,
    against: Annotated[
        Against | None, typer.Option("--against", help="Also read every block of the kept recovery point or powered-off source.")
    ] = None,
    estate: Annotated[
        Path | None, typer.Option("--estate", "-C", help="The estate: its published keys, and where replica and source are.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Check signature and block-hash roots, on request the content. Exit 0: all that was checked holds; 7: something does not."""
    from contextlib import ExitStack
    from json import dumps

    from wavelift.reports.integrity import check, known_keys, open_report
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    opened = open_report(report)
    failed = False
    with ExitStack() as stack:
        wiring = None
        if estate is not None:
            # Reading the source takes a snapshot of it: the engine's login may do that, the plan's may not.
            workspace = Workspace.open(estate)
            wiring = stack.enter_context(Wiring(workspace, "engine" if against is Against.source else "plan"))
        known = known_keys(wiring, key)
        found = []
        for one in check(opened, known, against.value if against else None, wiring):
            failed = failed or one.result == "FAILED"
            found.append({"what": one.what, "result": one.result, "detail": one.detail})
            if not json:
                typer.echo(f"{one.result:<11}  {one.what}: {one.detail}")
    name = opened.signed.report.machine.name
    if json:
        typer.echo(dumps({"machine": name, "holds": not failed, "checks": found}, indent=2))
    else:
        typer.echo(f"{name}: " + ("REFUSED: do not rely on this report." if failed else "what was checked holds."))
    if failed:
        raise typer.Exit(CHECK_FAILED)
