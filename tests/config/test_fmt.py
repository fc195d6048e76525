"""`wavelift fmt`: looks change, meaning and comments never do."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from planner.config import load
from planner.config.collect import Problems
from planner.config.document import compose
from planner.config.files import find, read_one
from planner.config.formatting import Formatted, Refused, formatted
from planner.config.layout import comments, lay_out
from planner.config.tree import plain

CONFIG = Path(__file__).parents[1] / "cases" / "config"
ROOT = Path(__file__).parents[2]
GOOD = [CONFIG / "good-seoul", CONFIG / "_base", ROOT / "examples" / "demo"]
FILES = sorted(p for base in (CONFIG, ROOT / "examples") for p in base.rglob("*.y*ml"))


def fmt(*options: str, given_text: str | None = None) -> Result:
    from wavelift.cli.app import app

    return CliRunner().invoke(app, ["fmt", *options], input=given_text)


def text_of(made: Formatted | Refused) -> str:
    assert isinstance(made, Formatted), made
    return made.text


@pytest.mark.parametrize("folder", GOOD, ids=lambda p: p.name)
def test_an_estate_keeps_its_digest(folder: Path, tmp_path: Path) -> None:
    """issue 4, Editing: load(fmt(x)) is load(x), by digest."""
    shutil.copytree(folder, tmp_path / "x")
    before = load(tmp_path / "x", env={})
    for path in find(tmp_path / "x", Problems()):
        assert fmt(str(path)).exit_code == 0
    after = load(tmp_path / "x", env={})
    assert (before.estate and before.estate.digest) == (after.estate and after.estate.digest)
    assert [d.code for d in before.diagnostics] == [d.code for d in after.diagnostics]


@pytest.mark.parametrize("file", FILES, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_every_case_keeps_its_values_and_comments(file: Path) -> None:
    """issue 4, Editing: every file of tests/cases and examples: the same values, comments and problems, and stable."""
    data = file.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        assert fmt(str(file)).exit_code == 1 and file.read_bytes() == data, "no text: refused, and left as it is"
        return
    made = formatted("x", text)
    if isinstance(made, Refused):
        assert made.diagnostics
        return
    before, after = read_one("x", text.removeprefix("\ufeff")), read_one("x", made.text.removeprefix("\ufeff"))
    assert {k: plain(v) for k, v in before.items.items()} == {k: plain(v) for k, v in after.items.items()}
    assert sorted(d.code for d in before.diagnostics) == sorted(d.code for d in after.diagnostics)
    assert formatted("x", made.text) == made


def test_what_it_changes() -> None:
    """issue 4, Editing: indents, spaces, blank lines, the order of top-level keys; comments go where they belong."""
    messy = (
        "# the estate of Seoul\n\n\n"
        "waves:   # all of them\n"
        "    pilot:\n"
        "        # first\n"
        "        machines: {a:   Standard_D2s_v5 ,b: { size : Standard_D2s_v5,tags: {x: 0123, y: on} } }\n"
        "        target:  korea   \n"
        "        # web-02: later\n"
        "\n\n"
        "# how machines are\n"
        "defaults:\n"
        "   tags: {time: 22:00,\n"
        "          'cost':   \"4711\"}\n"
    )
    assert text_of(formatted("x", messy)) == (
        "# the estate of Seoul\n\n"
        "# how machines are\n"
        "defaults:\n"
        "  tags: {time: 22:00,\n"
        "         'cost': \"4711\"}\n"
        "\n"
        "waves:   # all of them\n"
        "  pilot:\n"
        "    # first\n"
        "    machines: {a: Standard_D2s_v5, b: {size: Standard_D2s_v5, tags: {x: 0123, y: on}}}\n"
        "    target: korea\n"
        "    # web-02: later\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a: |\n     kept\n       deeper\n\nb: 1\n",
        "a:\n     - |+\n       x\n\n\n     - y\n",
        "a:\n- b: >2\n    x\n     y\n",
        "a: &k {x: 1}\nb: *k\nc: &n x\nd:\n  *n : 2\n",
        "a: 'it''s\n\n  two lines'\nb: \"x \\\n   y\"\nc: plain\n  goes on\n",
        "a: {\n  x: 1,   # one\n  # two\n  y: 2\n}\n",
        "a: 1 # one\nb: 2      # two\n",
        "? x\n: y\n",
        "a: |\n  no newline at the end",
        "a: Zürich   # 서울\nb:   日本\n",
        "- - a: b\n    c: d\n  - e\n",
        "a: {x: , y: z}\n",
        "a:\n  - b:\n    - c\n  # end\n# very end\n",
        "",
        "# nothing\n\n\n",
        "waves: &w {}\nestate: *w\n",
    ],
)
def test_odd_texts_keep_their_meaning(text: str) -> None:
    """issue 4, Editing: block scalars, anchors, folded texts, comments everywhere: kept, or refused and left alone."""
    made = formatted("x", text)
    if isinstance(made, Refused):
        assert "WL190" in {d.code for d in made.diagnostics}
        return
    assert yaml.safe_load(made.text) == yaml.safe_load(text)
    assert sorted(comments(made.text)) == sorted(comments(text))
    assert formatted("x", made.text) == made


def test_anchors_keep_their_order() -> None:
    """issue 4, Editing: top-level keys stay where an alias needs its anchor before it."""
    text = "waves: &w {}\nestate: *w\n"
    assert text_of(formatted("x", text)) == text


def test_line_endings_and_a_byte_order_mark_stay() -> None:
    """issue 4, Editing: a file of Windows stays one."""
    assert text_of(formatted("x", "\ufeffa:   1\r\n\r\n\r\nb:  2")) == "\ufeffa: 1\r\n\r\nb: 2\r\n"


SCALARS = st.sampled_from(["22:00", "0123", "on", "~", "1e3", "'q'", '"d # x"', "a b", "é", "2026-12-31", "+1", "x#y", '"a\\tb"'])
REMARKS = st.sampled_from(["", "", "", " # c", "   # far", "  #tight"])
BREAKS = st.sampled_from(["", "", "", "\n", "\n\n\n", "# alone\n", "      # deep\n", "\n  # shallow\n\n"])
GAPS = st.sampled_from(["", " ", "  ", "\n          ", " # inside\n            "])


@st.composite
def flows(draw: st.DrawFn, depth: int = 2) -> str:
    """A flow collection with odd spaces, breaks and comments."""
    items = []
    for number in range(draw(st.integers(0, 3))):
        value = draw(flows(depth - 1)) if depth and draw(st.booleans()) else draw(SCALARS)
        items.append(f"{draw(GAPS)}k{number}{draw(st.sampled_from([':  ', ': ', ' : ']))}{value}{draw(GAPS)}")
    return "{" + ",".join(items) + draw(GAPS) + "}"


@st.composite
def blocks(draw: st.DrawFn, indent: int = 0, depth: int = 3) -> str:
    """A block collection with odd indents, list or mapping."""
    out = ""
    listed = indent > 0 and draw(st.booleans())
    for number in range(draw(st.integers(1, 3))):
        out += draw(BREAKS)
        head = " " * indent + (f"-{' ' * draw(st.integers(1, 3))}" if listed else f"k{number}:{' ' * draw(st.integers(1, 3))}")
        kind = draw(st.sampled_from(["scalar", "flow", "block", "literal"]))
        deeper = indent + draw(st.integers(1, 5))
        if kind == "block" and depth:
            out += f"{head.rstrip()}{draw(REMARKS)}\n{draw(blocks(deeper, depth - 1))}"
        elif kind == "literal":
            out += f"{head}|\n{' ' * deeper}one\n{' ' * (deeper + 2)}two\n"
        else:
            out += head + (draw(flows()) if kind == "flow" else draw(SCALARS)) + draw(REMARKS) + "\n"
    return out


@settings(max_examples=200, deadline=None)
@given(blocks())
def test_generated_texts_keep_their_meaning(text: str) -> None:
    """issue 4, Editing: property: whatever the layout, values, quotes and comments stay, and a second run changes nothing."""
    problems = Problems()
    if compose(text, "x", problems) is None:  # a comment inside a literal text, or the like: no file at all
        return
    made = text_of(formatted("x", text))
    assert yaml.compose(made, yaml.CBaseLoader) is not None
    assert yaml.load(made, yaml.CBaseLoader) == yaml.load(text, yaml.CBaseLoader)
    assert sorted(comments(made)) == sorted(comments(text))
    assert lay_out(made) == made
    assert not any(line.endswith(" ") for line in made.split("\n"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(CONFIG / "good-seoul", tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.json"))
    (tmp_path / "waves" / "messy.yaml").write_text("defaults:   {ip: keep}\n")
    monkeypatch.chdir(tmp_path)
    fmt("estate.yaml", "waves/pilot.yaml", "waves/shop.yml")
    return tmp_path


def test_check_and_diff_write_nothing(folder: Path) -> None:
    """issue 4, Editing: `fmt --check` has exit code 2 and names the files; `--diff` shows the lines."""
    done = fmt("--check")
    assert (done.exit_code, done.output) == (2, "waves/messy.yaml\n")
    assert fmt("--check", str(folder)).output == f"{folder}/waves/messy.yaml\n"
    assert "cannot be read" in str(fmt("-C", "nowhere").exception)
    shown = fmt("--diff")
    assert "-defaults:   {ip: keep}\n+defaults: {ip: keep}\n" in shown.output
    assert (folder / "waves" / "messy.yaml").read_text() == "defaults:   {ip: keep}\n"


def test_files_are_written_in_one_step(folder: Path) -> None:
    """issue 4, Editing: without options the files are written; permissions and links stay."""
    os.chmod(folder / "waves" / "messy.yaml", 0o640)
    (folder / "link.yaml").symlink_to("waves/messy.yaml")
    assert fmt("link.yaml").output == "link.yaml\n"
    assert (folder / "link.yaml").is_symlink()
    assert (folder / "waves" / "messy.yaml").read_text() == "defaults: {ip: keep}\n"
    assert stat.S_IMODE((folder / "waves" / "messy.yaml").stat().st_mode) == 0o640
    (folder / "link.yaml").unlink()
    assert fmt("--check").exit_code == 0
    assert not list(folder.rglob(".*.yaml.*"))


def test_a_refused_file_is_left_and_the_others_are_formatted(folder: Path) -> None:
    """issue 4, Editing: what cannot be kept is refused with its place; exit code 1."""
    (folder / "odd.yaml").write_text("? defaults\n:   {ip: keep}\n")
    done = fmt()
    assert done.exit_code == 1
    assert "odd.yaml:1:1: error WL190" in done.output
    assert (folder / "odd.yaml").read_text() == "? defaults\n:   {ip: keep}\n"
    assert (folder / "waves" / "messy.yaml").read_text() == "defaults: {ip: keep}\n"


def test_standard_input() -> None:
    """issue 4, Editing: editors format by a pipe."""
    assert fmt("-", given_text="a:   1\n").output == "a: 1\n"


def test_an_overlay_is_formatted_with_its_estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4, Editing: `--overlay` names a file of the estate; the removals in it (`null`) stay."""
    (tmp_path / "estate.yaml").write_text("estate: {name: a, schema: 1}\n")
    over = tmp_path / "overlays" / "drill.yaml"
    over.parent.mkdir()
    over.write_text("waves:\n    w:\n        machines: {a:   null}  # not here\n")
    monkeypatch.setenv("WAVELIFT_OVERLAY", "")  # the option sets it: put back at the end
    assert fmt("-C", str(tmp_path), "--check").exit_code == 0
    assert fmt("-C", str(tmp_path), "--check", "--overlay", str(over)).exit_code == 2
    assert fmt("-C", str(tmp_path), "--overlay", str(over)).exit_code == 0
    assert over.read_text() == "waves:\n  w:\n    machines: {a: null}  # not here\n"
