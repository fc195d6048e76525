"""`wavelift explain-value`: which level, and which line, a value came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavelift.cli.options import AsJson, Folder
from wavelift.problems import UserProblem

if TYPE_CHECKING:
    from planner.config.provenance import Origin


def explain_value(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="waves.shop.machines.web-01.disk, or web-01.disk; web-01 for all of a machine.")
    ],
    estate: Folder = Path(),
    json: AsJson = False,
) -> None:
    """Name the level (file:line) that a value came from: estate, target, wave, machine or policy."""
    from planner.config.provenance import Origins
    from planner.config.vocabulary import UnknownPlace

    origins = Origins.read(estate)
    if not origins.names():
        raise UserProblem(f"No file of an estate could be read in {estate}: `wavelift validate -C {estate}` says why.")
    try:
        one = origins.of(path)
        found = origins.machine(path) if not one.default and _is_machine(one.path) else (one,)
    except UnknownPlace as error:
        raise UserProblem(str(error)) from error
    if json:
        import json as jsons

        typer.echo(jsons.dumps([_document(origin) for origin in found], indent=2, ensure_ascii=False))
        return
    typer.echo("\n".join(text(origin) for origin in found), nl=False)


def _is_machine(path: str) -> bool:
    parts = path.split(".")
    return len(parts) == 4 and parts[0] == "waves" and parts[2] == "machines"


def text(origin: Origin) -> str:
    """One value for a terminal: what holds, then every level that could say it."""
    from planner.config.provenance import shown

    if origin.span is None:
        what = "" if origin.value is None else f" = {shown(origin.value)}"
        lines = [f"{origin.path}{what}", f"  {origin.default}; no level says otherwise"]
    else:
        how = "all levels together, the last at" if origin.adds else "from"
        lines = [f"{origin.path} = {shown(origin.value)}", f"  {how} {origin.place}  {origin.span}"]
    if len(origin.levels) > 1:
        wide = max(len(level.place) for level in origin.levels)
        for level in origin.levels:
            counts = level.span is not None and not level.hidden and (origin.adds or level.place == origin.place)
            place = f"  {level.span}" if level.span else ""
            place += f"  (named at {level.by})" if level.by else ""
            lines.append(f"  {'>' if counts else ' '} {level.place:<{wide}}  {shown(level.value)}{place}")
    return "\n".join(lines) + "\n"


def _document(origin: Origin) -> dict[str, object]:
    return {
        "path": origin.path,
        "value": origin.value,
        "place": origin.place or None,
        "span": str(origin.span) if origin.span else None,
        "default": origin.default or None,
        "levels": [
            {
                "place": level.place,
                "value": level.value,
                "span": str(level.span) if level.span else None,
                "named_at": level.by or None,
                "hidden_by_overlay": level.hidden,
            }
            for level in origin.levels
        ],
    }
