"""Plan files of a `Site`, applied as the command does: read, held against what is there now, carried out."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.apply import Outcome, Outside, Reporter
from tests.planner.site import Site
from wavelift.applying.apply import apply
from wavelift.applying.planfiles import belongs, fits, held_against, in_time
from wavelift.applying.planio import read, write
from wavelift.problems import UserProblem

FILE = Path("plan.wavelift")


def planned(site: Site, allow_destroy: int | None = None, path: Path = FILE) -> Path:
    looked = site.look(allow_destroy)
    assert not looked.plan.errors, looked.plan.errors
    write(path, looked.plan, site.workspace.estate, site.now)
    return path


def apply_file(site: Site, path: Path = FILE, reporter: Reporter | None = None, expected: str | None = None) -> Outcome:
    """`UserProblem` when the file is refused."""
    file = read(path)
    fits(file, path, expected)
    in_time(file, path, site.now)
    workspace = site.workspace
    view = workspace.view()
    done = belongs(file, path, workspace, view)
    looked = site.look(file.plan.asked.allow_destroy)
    chosen = held_against(file, path, looked, view, done)
    outside = Outside(site.azure, site.engine, site, lambda: site.now)
    return apply(workspace, looked, outside, 4, site.stop, reporter or Reporter(), chosen, {"approver": "kim"})


def refused(site: Site, code: int, expected: str | None = None, path: Path = FILE) -> str:
    """The refusal's text; nothing outside has changed."""
    made = len(site.azure.contents.made)
    state = site.workspace.view().state
    with pytest.raises(UserProblem) as problem:
        apply_file(site, path, expected=expected)
    assert problem.value.code == code, problem.value.text
    assert len(site.azure.contents.made) == made
    assert site.workspace.view().state == state
    return problem.value.text
