"""`wavelift explain-error`: what a code means, an example of wrong and right, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wavelift.cli.options import AsJson
from wavelift.problems import UserProblem

if TYPE_CHECKING:
    from planner.advice import Explained


def explain_error(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A code as a message prints it: WL120, independent-disk.")],
    json: AsJson = False,
) -> None:
    """Say what a code means and what to do, with an example of wrong and right."""
    from planner.advice import codes, explained
    from planner.wording import did_you_mean, quote

    known = explained(code)
    if known is None:
        raise UserProblem(f"There is no code {quote(code)}.{did_you_mean(code, codes())} docs/errors.md lists them all.")
    if json:
        import json as jsons

        typer.echo(jsons.dumps(known._asdict(), indent=2, ensure_ascii=False))
    else:
        typer.echo(text(known), nl=False)


def text(known: Explained) -> str:
    """The page of one code for a terminal."""
    parts = [f"{known.severity} {known.code}: {known.title}", "", f"  {known.meaning}", "", f"What to do: {known.todo}"]
    for word, example in (("Wrong", known.wrong), ("Right", known.right)):
        if example:
            parts += ["", f"{word}:", *(f"  {line}" for line in _lines(example))]
    return "\n".join(parts) + "\n"


def _lines(example: str) -> list[str]:
    """An example's lines; a situation in words stands in brackets in the table and without them here."""
    if example.startswith("("):
        return [example[1:-1]]
    return example.expandtabs(8).splitlines()
