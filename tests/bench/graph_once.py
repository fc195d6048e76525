"""`wavelift graph -f dot` with the inventory read from its recorded snapshot.

python -m tests.bench.graph_once FOLDER
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from planner.desired import build
from planner.graph import build_graph, dot
from planner.inventory import loads
from tests.bench.estates import INVENTORY
from wavelift.workspace import Workspace


def main(folder: Path) -> None:
    gc.disable()  # as the command does: see `wavelift.__main__.SHORT`
    workspace = Workspace.open(folder / "estate")
    desired = build(workspace.estate, loads((folder / INVENTORY).read_text()), workspace.locked)
    sys.stdout.write(dot(build_graph(desired, workspace.view().state)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
