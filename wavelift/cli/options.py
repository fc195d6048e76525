"""Options that several commands share, spelled once."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wavelift.problems import UserProblem

if TYPE_CHECKING:
    from planner.plan.scope import Scope

Folder = Annotated[
    Path, typer.Option("--estate", "-C", help="Folder with the estate's YAML files.", file_okay=False, show_default=True)
]
OVERLAY = "WAVELIFT_OVERLAY"
"""Names the overlay to whatever reads the estate's files (`planner.config.overlay`), here and in processes begun from here."""


def _use_overlay(context: typer.Context, overlay: Path | None) -> Path | None:
    """For this command only: a program that runs several finds its environment as it was."""
    if overlay is not None:
        before = os.environ.get(OVERLAY)
        os.environ[OVERLAY] = str(overlay)
        context.call_on_close(lambda: os.environ.pop(OVERLAY, None) if before is None else os.environ.update({OVERLAY: before}))
    return overlay


Overlay = Annotated[
    Path | None,
    typer.Option(
        "--overlay",
        envvar=OVERLAY,
        dir_okay=False,
        callback=_use_overlay,
        expose_value=False,
        help="One file that makes another estate of these, a rehearsal of production.",
    ),
]
"""Every command that takes an estate has it (`wavelift.cli.overlay`), without naming it."""

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, for scripts.")]


class LogAs(StrEnum):
    TEXT = "text"
    JSON = "json"


Log = Annotated[
    LogAs, typer.Option("--log", help="json: one JSON object a line, as things happen, on standard error instead of text.")
]
LogFile = Annotated[
    Path | None, typer.Option("--log-file", metavar="FILE", help="Add those JSON lines to a file, beside the text.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Fold nothing: a line for every change.")]
Parallelism = Annotated[int, typer.Option("--parallelism", min=1, max=100, help="Independent steps at once.")]
AllowDestroy = Annotated[
    int | None,
    typer.Option(
        "--allow-destroy",
        metavar="N",
        min=0,
        help="Let the plan destroy exactly N data-bearing artifacts (seed disks, stores).",
    ),
]
Approval = Annotated[
    list[str] | None,
    typer.Option(
        "--approval",
        metavar="NAME",
        help="An approval that a cut-over asks for (CHG0042); repeatable. Also in WAVELIFT_APPROVAL.",
    ),
]


def _globs(given: list[str] | None) -> list[str] | None:
    """Each as it is; `@FILE`: a line of the file each, without comments (`#`) and empty lines."""
    return None if given is None else [name for glob in given for name in (_lines(glob) if glob.startswith("@") else (glob,))]


def _lines(glob: str) -> list[str]:
    try:
        lines = Path(glob[1:]).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserProblem(f"{glob}: the file of names cannot be read: {why}") from error
    names = [name for line in lines if (name := line.partition("#")[0].strip())]
    if not names:
        raise UserProblem(f"{glob}: no name stands in this file")
    return names


def _narrowing(option: str, help: str) -> Any:
    return typer.Option(option, metavar="GLOB", help=f"{help}; repeatable. @FILE: a name a line.", callback=_globs)


Waves = Annotated[list[str] | None, _narrowing("--wave", "Only machines of these waves, and what they need")]
Machines = Annotated[list[str] | None, _narrowing("--machine", "Only these machines, and what they need")]
Targets = Annotated[list[str] | None, _narrowing("--target", "Only machines of these targets")]
Exclude = Annotated[
    list[str] | None,
    _narrowing("--exclude", "Not this: a machine, wave.NAME, target.NAME or an address, and what needs it"),
]


def scope_of(
    waves: list[str] | None, machines: list[str] | None, targets: list[str] | None, exclude: list[str] | None
) -> Scope:
    from planner.plan.scope import Scope

    return Scope(tuple(waves or ()), tuple(machines or ()), tuple(targets or ()), tuple(exclude or ()))


class Told(StrEnum):
    """Forms in which diagnostics are told (`planner.annotations.Format`)."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


Diagnostics = Annotated[
    Told, typer.Option("--diagnostics", help="How to tell problems, on standard error; sarif and github are for pull requests.")
]
RefreshOnly = Annotated[
    bool, typer.Option("--refresh-only", help="Only what the engine has done since and is not recorded yet; nothing is changed.")
]
