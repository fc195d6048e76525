"""The pages as a shell reads them: their blocks, the command lines in them, and a run of these in one shell.

A line exits with 0 unless its comment says otherwise ("# … exit code 2"). In a block `text`, what follows "$ " is a command and
the rest is what it said; blocks `sh norun` are for who reads.
"""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.docs.codes import ROOT

PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(p for folder in ("docs", "examples") for p in (ROOT / folder).rglob("*.md"))]
)
RUN_BY = {
    "README.md": "tests/docs/test_docs_pages.py",
    "docs/after.md": "tests/docs/test_docs_pages.py",
    "docs/destroy.md": "tests/docs/test_docs_pages.py",
    "docs/editing.md": "tests/docs/test_docs_pages.py",
    "docs/explain.md": "tests/docs/test_docs_pages.py",
    "docs/narrowing.md": "tests/docs/test_docs_pages.py",
    "docs/plan-files.md": "tests/docs/test_docs_pages.py",
    "examples/policy/README.md": "tests/docs/test_docs_pages.py",
    "docs/tutorial.md": "tests/docs/test_docs_tutorial.py",
    "docs/howto-real-site.md": "tests/docs/test_docs_real_site.py",
    "docs/integrity-report.md": "tests/docs/test_docs_pages.py",
    "docs/where-it-runs.md": "tests/docs/test_docs_pages.py",
}
"""Page with command lines -> the test that runs each of them through `run`; it names those that it cannot."""
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.M | re.S)
_EXIT = re.compile(r"(?:^|\s)#[^\n]*\bexit code (\d+)")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HERE = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_RUNNER = 'ended() { code=$?; printf "\\n=== %s ended %s\\n" "$1" "$code"; [ "$code" = "$2" ] || exit 99; return "$code"; }'


@dataclass(frozen=True, slots=True)
class Line:
    """One command of a page, with its continuations and its here-document; `number` is the line of the page it begins in.
    `shown`: what the page says that it prints, where it does."""

    number: int
    text: str
    shown: tuple[str, ...] = ()

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

    def require_shown(self) -> None:
        """Each line that the page shows was printed; "…" stands for anything, and one uuid is as good as another."""
        said = _UUID.sub("UUID", self.said)
        for one in self.line.shown:
            pattern = ".*".join(map(re.escape, _UUID.sub("UUID", one).split("…")))
            assert re.search(f"^{pattern}$", said, re.M), f"line {self.line.number} shows\n{one}\nand says\n{self.said}"


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
                yield from _session(block[2].splitlines(), first)


def _session(body: Sequence[str], first: int) -> Iterator[Line]:
    """What stands on a terminal: a command behind `$ `, then what it printed."""
    begins = [at for at, line in enumerate(body) if line.startswith("$ ")]
    for at, end in pairwise([*begins, len(body)]):
        yield Line(first + at, body[at].removeprefix("$ "), tuple(body[at + 1 : end]))


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


def run(wanted: Sequence[Line], folder: Path, variables: Mapping[str, str], seconds: float, answer: str = "") -> list[Told]:
    """Run lines one after another in one shell in `folder`; AssertionError at the first that exits otherwise than it says.

    `answer`: what is typed, on a terminal, wherever a line asks; empty: there is no terminal. What a line leaves in the
    background is ended with the shell."""
    body = "\n".join(f"echo '=== {n} begins'\n{line.text}\nended {n} {line.code}" for n, line in enumerate(wanted))
    script = f"trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n{_RUNNER}\n{body}\n"
    log = folder / ".said"
    log.unlink(missing_ok=True)
    with log.open("ab") as out, _keyboard(answer) as typed:  # no pipe: who runs on in the background would hold the test
        shell = subprocess.Popen(
            ["bash", "-mc", script],
            cwd=folder,
            env=dict(variables),
            stdin=typed,
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


@contextmanager
def _keyboard(answer: str) -> Iterator[int]:
    """A terminal on which `answer` is typed once for each line that may ask; without one there is no input."""
    if not answer:
        yield subprocess.DEVNULL
        return
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode() * 20)
        yield theirs
    finally:
        os.close(ours)
        os.close(theirs)


def _told(wanted: Sequence[Line], said: str) -> Iterator[Told]:
    for n, line in enumerate(wanted):
        _, begun, rest = said.partition(f"=== {n} begins\n")
        if begun:
            yield Told(line, rest.partition(f"=== {n + 1} begins\n")[0])
