"""`wavelift support-bundle`: one archive with what somebody needs who was not there, without secrets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.options import Folder


def support_bundle(
    machine: Annotated[str | None, typer.Argument(help="Only the engine's documents of this machine.")] = None,
    estate: Folder = Path(),
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The archive (.tar.gz); else named by itself.")
    ] = None,
    log: Annotated[
        list[Path] | None, typer.Option("--log", metavar="FILE", help="A log of an engine or of apply: its end goes in.")
    ] = None,
) -> None:
    """Versions, files, state, records, orders, status, evidence, doctor's findings: redacted, with what could not be had."""
    from wavelift.bundle.archive import default_name, write
    from wavelift.bundle.fetch import collect

    now = time.time()
    bundle, name = collect(estate, machine, list(log or ()), lambda text: typer.echo(f"… {text}", err=True))
    path = out if out is not None else Path(default_name(name, machine, now))
    about = {"estate": name, "machine": machine, "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))}
    write(bundle, path, about, now)
    hidden = bundle.redactor.hidden
    typer.echo(f"{path}: {len(bundle.files)} files, {hidden} places taken out; look through it before you send it")
    for missing, why in sorted(bundle.missing.items()):
        typer.echo(f"not in it: {missing}: {why.splitlines()[0] if why else ''}")
