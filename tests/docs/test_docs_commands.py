"""issue 4, Documentation: every command line of every page is one that the program takes: options, their values, arguments.

What is run by which test stands in `tests.docs.pages.RUN_BY` (examples/ci: tests/ci); here nothing is run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from tests.docs.codes import ROOT
from tests.docs.pages import FENCE, PAGES, RUN_BY, lines, name_of
from tests.docs.reference import leaves
from wavelift.cli.app import app

GENERATED = ROOT / "docs" / "reference"
COMMANDS: dict[str, Any] = dict(leaves(get_command(app)))
_INLINE = re.compile(r"`((?:\.venv/bin/)?wavelift [^`]+)`")
_CALLS = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ |if |while |! |code=\$\()*(?:\S*/)?wavelift (.*)$")
KINDS = {"", "sh", "sh norun", "text", "yaml", "json", "hcl", "ini", "mermaid"}
_NO_COMMAND = ("…", "log blob")
"""Inline texts that begin like a command: an ellipsis, and the label of a key derivation."""


def written(path: Path) -> Iterator[tuple[str, bool]]:
    """(command line after the word `wavelift`, whether it is whole) of a page: lines of code blocks are, words in a sentence
    may leave arguments out."""
    text = path.read_text()
    for kind, body in FENCE.findall(text):
        if kind in ("sh", "sh norun", "text", "", "ini"):
            for line in body.replace("\\\n", " ").splitlines():
                if found := _CALLS.match(line.strip()):
                    yield found.group(1), True
    for found in _INLINE.findall(FENCE.sub("", text)):
        words = " ".join(found.split()).partition("wavelift ")[2]
        if not words.startswith(_NO_COMMAND):
            yield words, False


def words_of(line: str) -> list[str]:
    """The words up to a pipe, a redirection or a comment."""
    bare = re.sub(r"(?<= )\[|\](?= |$)", "", re.sub(r" [12](?=>)", " ", line))  # [MACHINE] may be left out: here it is not
    read = shlex.shlex(bare, posix=True, punctuation_chars=True)
    read.whitespace_split = True
    out: list[str] = []
    for word in read:
        if set(word) <= set("();<>|&"):
            break
        out.append(word)
    return out


def refused(line: str, whole: bool) -> str:
    """Why the program does not take this line; empty when it does."""
    words = words_of(line)
    if words[0] in ("--help", "--version"):
        return ""
    taken = 2 if " ".join(words[:2]) in NAMES else 1
    command = COMMANDS.get("wavelift " + " ".join(words[:taken]))
    if command is None:
        below = any(name.startswith(f"{words[0]} ") for name in NAMES)
        return "" if below and len(words) == 1 and not whole else f"no command {' '.join(words[:2])}"
    given = ["1" if w == "N" else w for w in words[taken:] if w != "…"]
    if "--help" in given:
        return ""
    try:
        command.make_context(words[0], given).close()
    except typer.TyperException as problem:
        said = problem.format_message()
        left_out = not whole and ("Missing" in said or "requires an argument" in said)
        return "" if left_out or "does not exist" in said else said
    return ""


NAMES = {name.removeprefix("wavelift ") for name in COMMANDS}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_command_line_is_taken(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D5; issue 4, Documentation: no page shows a command, an option or a value that the program does not have."""
    monkeypatch.chdir(tmp_path)
    if path.parent == GENERATED:
        return
    said = list(written(path))
    for name in re.findall(r" @([\w.-]+)", "\n".join(line for line, _ in said)):  # a file of names is read with the options
        (tmp_path / name).write_text("web-01\n")
    wrong = [f"wavelift {line}: {why}" for line, whole in said if (why := refused(line, whole))]
    assert not wrong, f"{name_of(path)}:\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    "line", ["pln", "plan --nope", "apply a b", "plan --log xml", "state", "state lst", "status --check", "hold"]
)
def test_what_is_wrong_is_seen(line: str) -> None:
    """The check itself: an unknown command, option, value, one argument too many or too few."""
    assert refused(line, whole=True)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_block_is_of_a_kind_that_is_read(path: Path) -> None:
    """The checks themselves: a block in a list, behind `~~~` or of an unknown kind would be looked at by none of them."""
    begins = re.findall(r"^(.*)(```|~~~)([^`\n]*)$", path.read_text(), re.M)
    assert all((before, fence) == ("", "```") and kind in KINDS for before, fence, kind in begins), begins
    assert len(begins) % 2 == 0, "one does not end"
    bare = re.compile(r"^(?:[\w.]*/)*wavelift ", re.M)
    quiet = [body for kind, body in FENCE.findall(path.read_text()) if kind != "sh" and bare.search(body)]
    assert not quiet, "a command outside of a block `sh`, and not behind `$ `, is run by nobody"


def test_every_page_with_command_lines_is_run() -> None:
    """issue 4, Documentation: "Every command in it is run by a test." A test takes all lines of its page, so a new one is run; a
    page that gets its first one has to be given a test."""
    shown = {name_of(page) for page in PAGES if any(lines(page))}
    assert shown == RUN_BY.keys()
    assert not [page for page, test in RUN_BY.items() if page not in (ROOT / test).read_text()]


def test_every_command_is_in_the_readme() -> None:
    """D5: nothing that the program can do is left out of the list of commands, and nothing is in it that it cannot."""
    readme = (ROOT / "README.md").read_text().partition("## Commands")[2].partition("### Exit codes")[0]
    assert set(re.findall(r"^\| `([a-z -]+)` \|", readme, re.M)) == NAMES
