"""Writes the inputs of the golden plan cases (tests/cases/plan): what the files, vCenter, the state, Azure and the engine say.

    python -m tests.planner.make_cases [CASE…]

Each case plays a short story in memory up to the moment of a plan, and keeps what that plan is made from. The tests read only
these files: a change of the state's or the inventory's format shows as a case that cannot be read any more. Afterwards
`UPDATE=1 pytest tests/planner/test_plan_cases.py` writes what the plans say.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from planner.inventory import dumps
from replication.model.documents import dumps as document
from tests.planner import stories_of_lives, stories_of_sites  # noqa: F401  they register their stories
from tests.planner.site import BASE, Site, vm
from tests.planner.story import TOLD, Story

CASES = BASE.parent


def write(name: str) -> None:
    """Play one case and keep what its plan is made from."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        try:
            known = (vm(1, "web-01"), vm(2, "web-02"), vm(3, "web-03"), vm(4, "db-01"))
            story = Story(Site(Path(), *known))
            TOLD[name](story)
            _keep(story, CASES / name)
        finally:
            os.chdir(here)


def _keep(story: Story, folder: Path) -> None:
    golden = {p.name: p.read_bytes() for p in folder.glob("plan.*")} if folder.exists() else {}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in sorted(Path().glob("*.yaml")):
        if file.read_bytes() != _base(file.name):
            shutil.copy(file, folder)
    (folder / "inventory.json").write_text(dumps(story.site.inventory()))
    if Path("state.json").exists():
        shutil.copy("state.json", folder / "recorded.json")
    azure = story.site.azure.contents
    things = {k: {"properties": t.spec, "ours": t.ours} for k, t in sorted(azure.things.items())}
    engine = {
        account: [json.loads(document(r)) for r in documents.records.values()]
        for account, documents in story.site.engine.stores.items()
    }
    rows = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in things.items())
    rest = {"engine": engine, "missing_access": story.site.azure.missing, "ask": story.ask}
    tail = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in rest.items())
    (folder / "observed.json").write_text(f'{{"azure": {{\n{rows}\n}},\n{tail}}}\n')
    for file_name, data in golden.items():
        (folder / file_name).write_bytes(data)


def _base(name: str) -> bytes:
    path = BASE / name
    return path.read_bytes() if path.exists() else b""


if __name__ == "__main__":
    for wanted in sys.argv[1:] or TOLD:
        write(wanted)
