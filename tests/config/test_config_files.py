"""Folders, bytes and scalars: what can be wrong below YAML, and what YAML 1.1 would have made of a text."""

from __future__ import annotations

import codecs
import os
import shutil
from pathlib import Path

import pytest

from planner.config import load, read_sources, render
from planner.estate import Diagnostic, Estate

CASES = Path(__file__).parents[1] / "cases" / "config"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(CASES / "_base", tmp_path, dirs_exist_ok=True)
    return tmp_path


def problems(folder: Path) -> list[Diagnostic]:
    return list(load(folder, env={}).diagnostics)


def good(folder: Path) -> Estate:
    loaded = load(folder, env={})
    assert loaded.diagnostics == ()
    assert loaded.estate is not None
    return loaded.estate


def test_no_folder_and_no_files(tmp_path: Path) -> None:
    """WL101: an estate that is not there is said so, not taken for an empty one."""
    assert [d.code for d in problems(tmp_path / "missing")] == ["WL101"]
    assert [d.code for d in problems(tmp_path)] == ["WL101"]
    (tmp_path / "file.yaml").write_text("a", encoding="utf-8")
    assert [d.code for d in problems(tmp_path / "file.yaml")] == ["WL101"]


def test_what_is_passed_over(folder: Path) -> None:
    """Hidden files, the lock, other suffixes, folders and deeper folders are not read."""
    for name in (
        ".hidden.yaml",
        "wavelift.lock.yaml",
        "notes.txt",
        "waves/.x.yaml",
        "other/a.yaml",
        "waves/deep/a.yaml",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("nonsense: {", encoding="utf-8")
    (folder / "folder.yaml").mkdir()
    assert good(folder).name == "seoul-exit"


def test_unreadable_file(folder: Path) -> None:
    """WL102: a link that leads nowhere."""
    (folder / "gone.yaml").symlink_to(folder / "nowhere.yaml")
    (found,) = problems(folder)
    assert (found.code, "gone.yaml" in found.detail) == ("WL102", True)


def test_a_pipe_among_the_files_is_not_waited_for(folder: Path) -> None:
    """Issue 2, bad input: reading it would never end."""
    os.mkfifo(folder / "pipe.yaml")
    loaded = load(folder, env={})
    assert ["WL102" for d in loaded.diagnostics if d.code == "WL102" and "is no file" in d.detail] == ["WL102"]


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        ("waves: {}\n# 서울\n".encode("euc-kr"), 2, 3),
        (b"# ok\n# \xff\n", 2, 3),
        (codecs.BOM_UTF16_LE + "waves: {}".encode("utf-16-le"), 1, 1),
    ],
)
def test_not_utf8(folder: Path, data: bytes, line: int, column: int) -> None:
    """WL103, with the place of the first byte that does not fit."""
    (folder / "a.yaml").write_bytes(data)
    (found,) = problems(folder)
    assert found.code == "WL103"
    assert found.span is not None
    assert (found.span.line, found.span.column) == (line, column)


def test_byte_order_mark_and_windows_line_ends(folder: Path) -> None:
    """Both are harmless, and places are counted right."""
    (folder / "a.yaml").write_bytes(codecs.BOM_UTF8 + b"defaults:\r\n  ip: keep\r\n  disk: X\r\n")
    (found,) = problems(folder)
    assert str(found.span).endswith("a.yaml:3:9")


def test_control_character(folder: Path) -> None:
    """WL104 at the character that YAML forbids, after text of several bytes."""
    (folder / "a.yaml").write_text("defaults:\n  # 서울 \x01\n", encoding="utf-8")
    (found,) = problems(folder)
    assert found.code == "WL104"
    assert str(found.span).endswith("a.yaml:2:8")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_ends_in_a_diagnostic(folder: Path, opening: str) -> None:
    """WL109: 100,000 levels would end the process inside libyaml's composer."""
    (folder / "a.yaml").write_text(opening * 100_000, encoding="utf-8")
    assert [d.code for d in problems(folder)] in (["WL109"], ["WL104"])


def test_scalars_are_read_by_their_place(folder: Path) -> None:
    """users.md "The estate" 6: nothing that YAML 1.1 makes a number, truth, date or a name that is null of loses its text."""
    written = [
        "7:00",
        "22:00",
        "0123",
        "0x1F",
        "1e3",
        "on",
        "no",
        "yes",
        "2026-12-31",
        "1_000",
        ".inf",
        "=",
        "+1",
    ]
    tags = "".join(f"  t{n}: {text}\n" for n, text in enumerate(written))
    names = ["on", "null", "0123", "1e3", "2026-12-31"]
    machines = "".join(f"      {name}: Standard_D2s_v5\n" for name in names)
    text = f"defaults:\n tags:\n{tags}waves:\n  no:\n    target: korea\n    machines:\n{machines}"
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    estate = good(folder)
    assert list(estate.machines) == names
    assert list(estate.waves) == ["no"]
    assert list(estate.machines["on"].tags.values()) == written


@pytest.mark.parametrize("text", ["", "null", "Null", "NULL", "~"])
def test_null_is_no_value(folder: Path, text: str) -> None:
    """Issue 4, Editing: `region: null` was a region of that name, and plan said that Azure has none such."""
    (folder / "a.yaml").write_text(f"defaults: {{tags: {{owner: {text}}}}}\n", encoding="utf-8")
    (found,) = problems(folder)
    assert found.code == "WL130" and found.span is not None and found.span.line == 1
    (folder / "a.yaml").write_text(f'defaults: {{tags: {{owner: "{text}"}}}}\n', encoding="utf-8")
    assert good(folder) is not None


def test_block_texts(folder: Path) -> None:
    """Quoted, folded and literal texts are texts."""
    text = "waves: {a: {target: korea, machines: {m: {size: 'Standard_D2s_v5', hold: {why: \"x\\ty\"}}}}}\n"
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    (folder / "b.yaml").write_text("defaults:\n  tags:\n    note: >-\n      one\n      two\n", encoding="utf-8")
    machine = good(folder).machines["m"]
    assert machine.hold is not None
    assert (machine.hold.why, machine.tags) == ("x\ty", {"note": "one two"})


def test_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values written env:NAME come from the given mapping, from the process when none is given, and are checked."""
    base = (folder / "base.yaml").read_text(encoding="utf-8").replace("vc01.corp.example", "env:VC_HOST")
    (folder / "base.yaml").write_text(base, encoding="utf-8")
    loaded = load(folder, env={"VC_HOST": "[::1]:9443"})
    assert loaded.estate is not None
    assert (loaded.estate.sources["seoul"].host, loaded.estate.sources["seoul"].port) == ("::1", 9443)
    monkeypatch.setenv("VC_HOST", "vc09")
    from_process = load(folder).estate
    assert from_process is not None
    assert from_process.sources["seoul"].port == 443
    assert [d.code for d in load(folder, env={"VC_HOST": "https://vc"}).diagnostics] == ["WL125"]
    assert [d.code for d in load(folder, env={}).diagnostics] == ["WL155"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_forbidden_file(folder: Path) -> None:
    """WL102 for a file without the right to read it."""
    (folder / "a.yaml").write_text("defaults: {}", encoding="utf-8")
    (folder / "a.yaml").chmod(0)
    assert [d.code for d in problems(folder)] == ["WL102"]


@pytest.mark.parametrize(
    "text",
    [
        "targets: {t: {region: " + "a" * 200_000 + "!}}",
        "waves: {a: {target: korea, machines: {" + ", ".join(f"m{n}: Standrd" for n in range(3000)) + "}}}",
        "password " * 100_000,
        "waves: {"
        + ",".join(f"w{n}: {{target: korea, after: {{w{(n + 1) % 2000}: migrated}}}}" for n in range(2000))
        + "}",
        "policies: {schedule: {a: {delta_minimum: "
        + "9" * 5000
        + "d}}, throttle: {a: {rate: "
        + "9" * 5000
        + " bps}}}",
    ],
    ids=["long-value", "many-on-one-line", "many-secrets", "long-circle", "long-numbers"],
)
@pytest.mark.timeout(20)
def test_large_mistakes_stay_cheap(folder: Path, text: str) -> None:
    """No pattern, guess or excerpt takes more than linear time over what a file can hold."""
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    found = problems(folder)
    assert found
    assert "a.yaml" in render(found, read_sources(found))
