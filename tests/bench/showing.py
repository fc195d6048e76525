"""`wavelift show --markdown` of a plan file of 10,000 machines: whole processes, from their start to their end."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.estates import INVENTORY, OBSERVED
from tests.bench.figures import Measured
from tests.bench.plan_once import NoEngine, RecordedCloud
from tests.bench.process import median, python, run, seen

TIMES = 5
MACHINES = 10_000


def measure(folder: Path) -> Iterator[Measured]:
    python("-m", "tests.bench.estates", folder, str(MACHINES))
    python("-m", "tests.bench.showing", folder)
    plan, out = folder / "plan.wavelift", folder / "plan.md"
    command = [sys.executable, "-m", "wavelift", "show", str(plan), "--markdown"]
    runs = [run(command, out) for _ in range(TIMES)]
    comment = out.read_text()
    if not comment.startswith("<!-- wavelift:plan:many -->") or "| wave-199 | 50 machines" not in comment:
        raise AssertionError("the Markdown is not that of the plan")
    size = plan.stat().st_size / 1e6
    how = f"a plan file of {size:.0f} MB, process start to Markdown of {len(comment.encode())} bytes: {seen(runs)}"
    yield Measured("show_markdown_10000_s", median(r.wall for r in runs), how)


def write(folder: Path) -> None:
    """The plan file, as `wavelift plan --out` writes it."""
    from planner.inventory import loads
    from wavelift.applying.planio import write as keep
    from wavelift.planning.look import look
    from wavelift.workspace import Workspace

    workspace = Workspace.open(folder / "estate")
    looked = look(workspace, loads((folder / INVENTORY).read_text()), RecordedCloud(folder / OBSERVED), NoEngine())
    if looked.plan.errors:
        raise AssertionError(json.dumps([str(e) for e in looked.plan.errors[:3]]))
    keep(folder / "plan.wavelift", looked.plan, workspace.estate)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
