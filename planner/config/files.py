"""The files of an estate: which there are, their text, and all of them merged into one tree."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from planner.config.collect import Problems
from planner.config.document import compose, decode
from planner.config.overlay import NAMED
from planner.config.rules import compiled
from planner.config.shape import read
from planner.config.tree import Item, Tree
from planner.estate import Diagnostic, Span
from planner.wording import PATH, quote

LOCK_NAME = "wavelift.lock.yaml"
"""The lock of an estate; that of one made by an overlay has the estate's name in the middle (`lock_name`)."""

SUFFIXES = (".yaml", ".yml")
MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileResult:
    """What one file gives by itself: a function of its name and text, so it may be kept between runs."""

    items: Tree
    diagnostics: tuple[Diagnostic, ...]
    readable: bool
    """Whether the whole text was read; names that it declares are unknown otherwise."""


def find(folder: Path, problems: Problems) -> list[Path]:
    """The estate's files in reading order: the folder's own by name, then those of waves/."""
    found: list[Path] = []
    for place in (folder, folder / "waves"):
        try:
            names = sorted(entry.name for entry in place.iterdir())
        except FileNotFoundError:
            if place == folder:
                problems.add("WL101", f"The folder {quote(folder, PATH)} does not exist.", None)
            continue
        except OSError as error:
            if place == folder or not isinstance(error, NotADirectoryError):
                problems.add("WL101", f"{quote(place, PATH)} cannot be listed: {error.strerror}.", None)
            continue
        found += [place / name for name in names if _is_ours(name) and not (place / name).is_dir()]
    if not found and not problems.found:
        problems.add("WL101", f"{quote(folder, PATH)} holds no *.yaml file. `wavelift init` writes a first one.", None)
    return found


def lock_name(estate: str) -> str:
    """The lock file of the estate of that name that an overlay makes."""
    return f"wavelift.{estate}.lock.yaml"


def is_lock(name: str) -> bool:
    return name == LOCK_NAME or (name.startswith("wavelift.") and name.endswith(".lock.yaml"))


def _is_ours(name: str) -> bool:
    return name.endswith(SUFFIXES) and not name.startswith(".") and not is_lock(name)


def read_text(path: Path, problems: Problems) -> str | None:
    """The text of one file, or None with a problem added."""
    file = str(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device would be waited for, for ever
            problems.add("WL102", f"{quote(file, PATH)} is no file.", Span(file, 1, 1))
            return None
        if path.stat().st_size > MAX_BYTES:
            problems.add("WL102", f"{quote(file, PATH)} is larger than {MAX_BYTES // 2**20} MiB.", Span(file, 1, 1))
            return None
        return decode(path.read_bytes(), file, problems)
    except OSError as error:
        problems.add("WL102", f"{quote(file, PATH)} cannot be read: {error.strerror}.", Span(file, 1, 1))
        return None


def read_one(file: str, text: str) -> FileResult:
    """One file's text by the estate's schema; nothing outside the text is looked at."""
    problems = Problems()
    root = compose(text, file, problems)
    readable = not problems.any_error
    items = read(root, compiled("estate-1"), file, problems) if root is not None else {}
    return FileResult(items, tuple(problems.found), readable and isinstance(root, yaml.MappingNode | None))


def read_root(root: yaml.Node, file: str, removed: Mapping[str, Span] | None = None) -> FileResult:
    """As `read_one`, of a text that has been composed already. `removed`: as for `Problems`."""
    problems = Problems(removed)
    items = read(root, compiled("estate-1"), file, problems)
    return FileResult(items, tuple(problems.found), isinstance(root, yaml.MappingNode))


def merge(results: Iterable[FileResult], problems: Problems) -> Tree:
    """All files as one tree. Collections come together name by name; whatever stands twice is named with both places."""
    whole: Tree = {}
    for result in results:
        problems.found += result.diagnostics
        for name, item in result.items.items():
            _into(whole, name, item, NAMED.get(name, 0), name, problems)
    return whole


def _into(whole: Tree, name: str, item: Item, levels: int, path: str, problems: Problems) -> None:
    """Adds one item; `levels` of names below it may be spread over files. The files' own trees are left as they are."""
    first = whole.get(name)
    if levels:
        collection = whole.setdefault(name, Item({}, item.span, item.key)).value
        if isinstance(collection, dict):
            for key, entry in item.map.items():
                _into(collection, key, entry, levels - 1, f"{path}.{key}", problems)
    elif first is None:
        whole[name] = item
    else:
        detail = f"{quote(path, PATH)} is given in two files. Remove one, or give it another name."
        problems.add("WL121", detail, item.key, path, (("first given here", first.key),))
