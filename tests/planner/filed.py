"""Plan files of a `Site`, applied as the command does: read, held against what is there now, carried out."""

from __future__ import annotations

from pathlib import Path

from planner.apply import Outcome, Outside, Reporter
from tests.planner.site import Site
from wavelift.applying.apply import apply
from wavelift.applying.planfiles import belongs, fits, held_against, in_time
from wavelift.applying.planio import read, write

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
