"""Options that several commands share, spelled once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[
    Path, typer.Option("--estate", "-C", help="Folder with the estate's YAML files.", file_okay=False, show_default=True)
]
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


class Told(StrEnum):
    """Forms in which diagnostics are told (`planner.annotations.Format`)."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


Diagnostics = Annotated[
    Told, typer.Option("--diagnostics", help="How to tell problems, on standard error; sarif and github are for pull requests.")
]
