"""`wavelift show` of a file of `destroy --out`."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from wavelift.leaving.destroyfile import lines, markdown, read, to_json


def show(path: Path, as_json: bool, as_markdown: bool) -> None:
    found = read(path)
    if as_json:
        typer.echo(json.dumps(to_json(found), indent=2, ensure_ascii=False))
    elif as_markdown:
        typer.echo(markdown(found), nl=False)
    else:
        typer.echo("\n".join([*lines(found), f"sha256 {found.digest}, valid until {found.valid_until}."]))
