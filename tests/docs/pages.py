"""The pages as a shell reads them: their blocks, the command lines in them, and a run of these in one shell.

A line exits with 0 unless its comment says otherwise ("# … exit code 2"). In a block `text`, what follows "$ " is a command and
the rest is what it said; blocks `sh norun` are for who reads.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.docs.codes import ROOT

PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(p for folder in ("docs", "examples") for p in (ROOT / folder).rglob("*.md"))]
)
RUN_BY = {
    "docs/tutorial.md": "tests/docs/test_docs_tutorial.py",
    "docs/howto-real-site.md": "tests/docs/test_docs_real_site.py",
    "docs/where-it-runs.md": "tests/docs/test_docs_real_site.py",
}
"""Page with command lines -> the test that runs each of them through `run`; it names those that it cannot."""
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.M | re.S)
_EXIT = re.compile(r"(?:^|\s)#[^\n]*\bexit code (\d+)")
_HERE = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_RUNNER = 'ended() { code=$?; printf "\\n=== %s ended %s\\n" "$1" "$code"; [ "$code" = "$2" ] || exit 99; return "$code"; }'


@dataclass(frozen=True, slots=True)
class Line:
    """One command of a page, with its continuations and its here-document; `number` is the line of the page it begins in."""

    number: int
    text: str

    @property
    def code(self) -> int:
        """The exit code that the page says, in a comment."""
        found = _EXIT.search(self.text)
        return int(found[1]) if found else 0


@dataclass(frozen=True, slots=True)
class Told:
    """A line that was run, and all that was printed until the next began."""

    line: Line
    said: str


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def lines(page: Path) -> Iterator[Line]:
    """Every command line of a page, in its order."""
    text = page.read_text()
    for block in FENCE.finditer(text):
        first = text.count("\n", 0, block.start(2)) + 1
        match block[1]:
            case "sh":
                yield from _commands(block[2], first)
            case "text" | "":
                for number, line in enumerate(block[2].splitlines(), first):
                    if line.startswith("$ "):
                        yield Line(number, line.removeprefix("$ "))


def _commands(body: str, first: int) -> Iterator[Line]:
    """A line ends where bash would run it."""
    held: list[str] = []
    for number, line in enumerate(body.splitlines(), first):
        held.append(line)
        text = "\n".join(held)
        if not text.strip() or text.lstrip().startswith("#"):
            held = []
        elif _whole(text):
            yield Line(number - len(held) + 1, text)
            held = []
    assert not held, f"line {first}: a block ends within a command:\n" + "\n".join(held)


def _whole(text: str) -> bool:
    if here := _HERE.search(text):
        return text.splitlines()[-1] == here[2]
    return (
        not text.endswith("\\") and subprocess.run(["bash", "-n", "-c", text], capture_output=True, check=False).returncode == 0
    )


def environment(folder: Path, programs: Path) -> dict[str, str]:
    """Of a user's shell: the programs of a test's `Shim` first, those of this interpreter, the system's."""
    path = f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin"
    return {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}


def run(wanted: Sequence[Line], folder: Path, variables: Mapping[str, str], seconds: float) -> list[Told]:
    """Run lines one after another in one shell in `folder`; AssertionError at the first that exits otherwise than it says.

    What a line leaves in the background is ended with the shell."""
    body = "\n".join(f"echo '=== {n} begins'\n{line.text}\nended {n} {line.code}" for n, line in enumerate(wanted))
    script = f"trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n{_RUNNER}\n{body}\n"
    log = folder / ".said"
    with log.open("ab") as out:  # not a pipe: who runs on in the background would hold the test
        shell = subprocess.Popen(
            ["bash", "-mc", script],
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code: int | None = shell.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
            os.kill(shell.pid, signal.SIGTERM)
            shell.wait(30)
    told = list(_told(wanted, log.read_text(errors="replace")))
    last = told[-1] if told else Told(Line(0, ""), log.read_text())
    come = f"line {last.line.number} (exit code {last.line.code} expected), shell {code}:\n{last.line.text}\n{last.said[-6000:]}"
    assert code == (wanted[-1].code if wanted else 0) and len(told) == len(wanted), come
    assert not any("Traceback" in one.said for one in told), next(one.said for one in told if "Traceback" in one.said)
    return told


def _told(wanted: Sequence[Line], said: str) -> Iterator[Told]:
    for n, line in enumerate(wanted):
        _, begun, rest = said.partition(f"=== {n} begins\n")
        if begun:
            yield Told(line, rest.partition(f"=== {n + 1} begins\n")[0])
