"""issue 4, In CI: `comment.py` by itself: size, errors, and that no token gets out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci.conftest import EXAMPLES
from tests.ci.forge import ME, TOKEN, Forge

MARKER = "<!-- wavelift:plan:seoul -->"


@pytest.fixture
def forge() -> Iterator[Forge]:
    made = Forge()
    yield made
    made.shutdown()
    made.server_close()


def said(forge: Forge, *arguments: str, **environment: str) -> tuple[int, str]:
    """`comment.py` on GitHub, pull request 17."""
    known = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": f"{forge.at}/gh",
        "GITHUB_REPOSITORY": "org/estates",
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_REF": "refs/pull/17/merge",
        "GITHUB_RUN_ID": "9",
    }
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "comment.py"), *arguments],
        env={name: value for name, value in {**known, **environment}.items() if value},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr and TOKEN not in done.stdout + done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def body(folder: Path, text: str) -> tuple[str, ...]:
    file = folder / "plan.md"
    file.write_text(text)
    return ("upsert", "--place", "estates/seoul", "--body", str(file))


def test_a_comment_that_is_too_long_loses_folded_details_from_its_end(forge: Forge, tmp_path: Path) -> None:
    """issue 4, In CI: 65,536 characters with what is added here; the summary stays, and it is said what was left out."""
    folds = "".join(f"\n<details><summary>Wave {n}</summary>\n\n```\n{'가' * 6000}\n```\n</details>\n" for n in range(11))
    code, told = said(forge, *body(tmp_path, f"{MARKER}\n### wavelift plan · seoul\n\n**66 to create**\n{folds}"))
    assert code == 0, told
    [text] = forge.mine()
    assert len(text) <= 65_536 and "**66 to create**" in text and "left out here" in text
    assert text.count("<details>") == text.count("</details>") == 10 and "Wave 9<" in text and "Wave 10<" not in text
    code, told = said(forge, *body(tmp_path, f"{MARKER}\n{'x' * 70_000}"))
    assert code == 1 and "65536" in told


def test_two_estates_of_one_repository_have_a_comment_each(forge: Forge, tmp_path: Path) -> None:
    for place in ("estates/seoul", "estates/busan", "estates/seoul"):
        file = tmp_path / "plan.md"
        file.write_text(f"<!-- wavelift:plan:{place[-5:]} -->\n### plan of {place}\n")
        assert said(forge, "upsert", "--place", place, "--body", str(file))[0] == 0
    assert [text.splitlines()[-1] for text in forge.mine()] == ["### plan of estates/seoul", "### plan of estates/busan"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"GITHUB_TOKEN": "wrong-token-of-somebody"}, "401"),
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set"),
        ({"GITHUB_REPOSITORY": "org/other"}, "404"),
        ({"GITHUB_API_URL": "http://api.example.net"}, "is not https"),
        ({"GITHUB_API_URL": "http://127.0.0.1:9"}, "refused"),
        ({"GITHUB_ACTIONS": ""}, "no run of GitHub Actions"),
        ({"GITHUB_REF": "refs/heads/main"}, "not about a pull request"),
    ],
)
def test_what_is_wrong_is_said(forge: Forge, tmp_path: Path, change: dict[str, str], expected: str) -> None:
    """issue 4, In CI: an error names what is wrong; the token is never printed."""
    code, told = said(forge, *body(tmp_path, f"{MARKER}\nx\n"), **change)
    assert code == 1 and expected in told, told
    assert "wrong-token" not in told and not forge.mine()


def test_a_missing_file_and_a_comment_of_somebody_else(forge: Forge) -> None:
    code, told = said(forge, "upsert", "--place", ".", "--body", "nothing.md")
    assert code == 1 and "nothing.md" in told
    forge.merged["c1"] = 17
    forge.say("mallory", f"{MARKER}\n<!-- wavelift:ci:. -->\n<!-- wavelift:run:1 -->\nsha256 `{'0' * 64}@2027-01-17T03:00:00Z`")
    assert said(forge, "find", "--place", ".", "--commit", "c1")[0] == 3
    forge.say(ME, f"{MARKER}\n<!-- wavelift:ci:. -->\n<!-- wavelift:run:2 -->\n\nsha256 `{'1' * 64}@2027-01-17T03:00:00Z`")
    assert said(forge, "find", "--place", ".", "--commit", "c1") == (
        0,
        f"pull_request=17\ndigest={'1' * 64}@2027-01-17T03:00:00Z\nrun=2\napprover=\n",
    )
