"""An estate's files, and the overlay where there is one, read as one tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from planner.config.collect import Problems
from planner.config.document import compose
from planner.config.files import FileResult, find, merge, read_one, read_root, read_text
from planner.config.overlay import VARIABLE, lay
from planner.config.tree import Tree
from planner.estate import Span
from planner.wording import PATH, quote


@dataclass(frozen=True, slots=True)
class Files:
    """`paths` in reading order, the overlay last. `whole`: every one was read to its end. `overlay` names it, "" for none."""

    paths: list[Path]
    tree: Tree
    whole: bool
    overlay: str = ""
    roots: Mapping[str, yaml.Node] = field(default_factory=dict)
    removed: Mapping[str, Span] = field(default_factory=dict)

    def below(self, *parts: str) -> Tree:
        """What the estate's own files say without the overlay: of these top-level keys, or of all."""
        unheard = Problems()
        return merge((read_root(_only(root, parts), file) for file, root in self.roots.items()), unheard)


def read_files(folder: Path, env: Mapping[str, str], problems: Problems) -> Files:
    """The files of `folder`, with the overlay that the environment names upon them."""
    paths = find(folder, problems)
    overlay = env.get(VARIABLE, "")
    if overlay:
        return _overlaid(folder, paths, Path(overlay), problems)
    texts = {str(path): read_text(path, problems) for path in paths}
    results = [read_one(file, text) for file, text in texts.items() if text is not None]
    return Files(paths, merge(results, problems), len(results) == len(paths) and _all_readable(results))


def _all_readable(results: Iterable[FileResult]) -> bool:
    return all(result.readable for result in results)


def _overlaid(folder: Path, paths: list[Path], overlay: Path, problems: Problems) -> Files:
    """As `read_files`, in two steps: all texts become nodes first, and what comes of them is read by the schema."""
    if any(path.resolve() == overlay.resolve() for path in paths):
        detail = (
            f"{quote(overlay, PATH)} is one of the files of {quote(folder, PATH)}, so the estate would hold it anyway. "
            "Put it elsewhere, say into `overlays/`."
        )
        problems.add("WL180", detail, Span(str(overlay), 1, 1))
        paths = [path for path in paths if path.resolve() != overlay.resolve()]
    roots, whole = _composed(paths, problems)
    over, read = _composed([overlay], problems)
    file, nodes, removed = str(overlay), roots, dict[str, Span]()
    if file in over:
        laid = lay(over[file], file, roots, problems)
        nodes, removed = laid.files | ({file: laid.rest} if laid.rest is not None else {}), laid.removed
    results = [read_root(root, name, removed) for name, root in nodes.items()]
    tree = merge(results, problems)
    files = Files([*paths, overlay], tree, whole and read and _all_readable(results), file, roots, removed)
    if read:
        _own_name(files, problems)
    return files


def _composed(paths: list[Path], problems: Problems) -> tuple[dict[str, yaml.Node], bool]:
    """File -> root node, of those that hold anything, and whether all could be read."""
    roots: dict[str, yaml.Node] = {}
    before = sum(d.severity == "error" for d in problems.found)
    for path in paths:
        text = read_text(path, problems)
        root = compose(text, str(path), problems) if text is not None else None
        if root is not None:
            roots[str(path)] = root
    return roots, before == sum(d.severity == "error" for d in problems.found)


def _only(root: yaml.Node, parts: tuple[str, ...]) -> yaml.Node:
    if not parts or not isinstance(root, yaml.MappingNode):
        return root
    pairs = [(key, value) for key, value in root.value if isinstance(key, yaml.ScalarNode) and key.value in parts]
    return yaml.MappingNode(root.tag, pairs, root.start_mark, root.end_mark)


def _own_name(files: Files, problems: Problems) -> None:
    """The estate that comes of it has a name of its own: lineage, state, lock and names in Azure follow from it."""
    mine, theirs = (tree["estate"].map.get("name") if "estate" in tree else None for tree in (files.tree, files.below("estate")))
    if mine is None or theirs is None or mine.value != theirs.value:
        return  # one that is missing or wrong has been told
    detail = (
        f"Without a name of its own it would be {quote(theirs.value)} itself, with its state and its resources. "
        f"Say `estate: {{name: {theirs.value}-rehearsal}}` in the overlay."
    )
    span = mine.span if mine.span.file == files.overlay else Span(files.overlay, 1, 1)
    problems.add("WL181", detail, span, "estate.name", (("the name below it", theirs.span),))
