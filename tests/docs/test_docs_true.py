"""The documents say what is: links lead somewhere, commands and options exist, the page of codes is not stale."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from planner.config import CODES
from tests.docs.codes import MEANING, PAGE, ROOT, diagnosed, page

_BELOW = (path for folder in ("docs", "examples") for path in (ROOT / folder).rglob("*.md"))
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *_BELOW])
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
_INLINE = re.compile(r"`(wavelift [^`]+)`")
_GROUPS = ("engine", "inventory", "export", "import", "lab", "replication", "state", "test")
_NO_COMMAND = ("wavelift …", "wavelift log blob")
"""Inline texts that begin like a command: an ellipsis, and the label of a key derivation."""


@cache
def helped(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "wavelift", *command, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"wavelift {' '.join(command)} --help: {done.stderr}"
    return done.stdout


def anchors(path: Path) -> set[str]:
    """The anchors that a Markdown viewer makes of a page's headings."""
    text = _FENCE.sub("", path.read_text())
    heads = re.findall(r"^#+ +(.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in heads}


def links(path: Path) -> Iterator[str]:
    for target in _LINK.findall(_FENCE.sub("", path.read_text())):
        if "://" not in target:
            yield target


def commands(text: str) -> Iterator[str]:
    """Command lines that call wavelift: in shell blocks, and inline."""
    for kind, body in _FENCE.findall(text):
        if kind in ("sh", "console"):
            for line in body.splitlines():
                found = re.match(r"^\s*(?:\$ )?(?:\S*/)?(wavelift .+)$", line.replace("\\\n", " "))
                if found:
                    yield found.group(1)
    yield from (found for found in _INLINE.findall(_FENCE.sub("", text)) if not found.startswith(_NO_COMMAND))


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    """D4: what is read in a pull request can be followed."""
    for target in links(path):
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), f"{path.name}: {target} leads nowhere"
        if anchor:
            assert anchor in anchors(there), f"{path.name}: {there.name} has no heading #{anchor}"


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_and_options_that_are_named_exist(path: Path) -> None:
    """D5: a command that a document shows is one that the program has, with every option of it."""
    for line in commands(path.read_text()):
        words = [w for w in shlex.split(line, comments=True) if w != "&"][1:]
        if not words or words[0].startswith(("-", "…", "<")):
            continue
        command = words[: 2 if words[0] in _GROUPS and len(words) > 1 else 1]
        assert re.search(rf"^ +{command[0]} ", helped(), re.M), f"{path.name}: `{line}`: no command {command[0]}"
        known = helped(*command)
        for option in [w.partition("=")[0] for w in words if w.startswith("-")]:
            assert re.search(rf"(^|[\s,|/]){re.escape(option)}\b", known, re.M), f"{path.name}: `{line}`: no option {option}"


def test_every_command_is_in_the_readme() -> None:
    """D5: nothing that the program can do is left out of the list of commands."""
    readme = (ROOT / "README.md").read_text()
    listed = [*re.findall(r"^  ([a-z]+)  +\S", helped().partition("Commands:")[2], re.M)]
    names = [n for n in listed if n not in _GROUPS]
    for group in _GROUPS:
        names += [f"{group} {n}" for n in re.findall(r"^  ([a-z-]+)  +\S", helped(group).partition("Commands:")[2], re.M)]
    assert names
    for name in names:
        assert f"| `{name}` |" in readme, f"README.md lists no `{name}`"


def test_codes_outside_the_files_are_all_explained() -> None:
    """D4: a code that the product can print has a line in the page of codes, and no line is left of one that it lost."""
    made = diagnosed().keys()
    assert made == MEANING.keys(), (
        f"new: {sorted(made - MEANING.keys())}, gone: {sorted(MEANING.keys() - made)}. "
        "Say in MEANING of tests/docs/codes.py what it means, then run: python -m tests.docs.codes"
    )


def test_the_page_of_codes_is_what_the_product_says() -> None:
    """D4: `docs/errors.md` is written from the code; `python -m tests.docs.codes` brings it up to date."""
    assert page() == PAGE.read_text(), "run: python -m tests.docs.codes"
    assert all(f"| {code} |" in PAGE.read_text() for code in CODES)


def test_no_machine_paths() -> None:
    """A document holds nothing of the machine that it was written on."""
    for path in PAGES:
        assert not re.search(r"/(?:work|root|home|tmp)/\w", path.read_text()), f"{path.name} names a path of some machine"
