"""Users, The estate 12: a rehearsal on a lab beside production, by one overlay file; states, locks and resources apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site import Site, Vm, standing

REHEARSAL = """\
estate: {name: drill}
azure: {project: {resource_group: {name: rg-drill-project, managed: true}}}
targets: {korea: {resource_group: {name: rg-drill, managed: true}}}
waves:
  w:
    machines: {web-01: null, drill-01: Standard_B2s}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with standing(tmp_path_factory.mktemp("overlay"), [Vm("web-01"), Vm("drill-01")], ["web-01"]) as made:
        yield made


def recorded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_rehearsal_beside_production(site: Site, tmp_path: Path) -> None:
    """issue 4, Where it runs: both are applied on one cloud; neither sees, plans or records anything of the other."""
    overlay = site.estate / "overlays" / "drill.yaml"
    overlay.parent.mkdir()
    overlay.write_text(REHEARSAL)
    drill = ("--overlay", str(overlay))
    site.apply("--detach")
    production = (site.estate / ".wavelift" / "state.json").read_bytes()
    lock = (site.estate / "wavelift.lock.yaml").read_bytes()

    ran = site.here("init", *drill)
    assert ran.code == 0 and "wavelift.drill.lock.yaml" in ran.out, ran.said
    ran = site.here("plan", *drill)
    assert ran.code == 0 and "drill-01" in ran.out and "web-01" not in ran.out, ran.said
    file = tmp_path / "drill.plan"
    assert site.here("plan", *drill, "--out", str(file)).code == 0
    refused = site.here("apply", str(file))
    assert refused.code != 0 and "'drill'" in refused.said, "a plan of the rehearsal was taken for production's"
    ran = site.here("apply", *drill, "--auto-approve", "--detach")
    assert ran.code == 0, ran.said

    assert (site.estate / ".wavelift" / "state.json").read_bytes() == production
    assert (site.estate / "wavelift.lock.yaml").read_bytes() == lock
    one, two = recorded(site.estate / ".wavelift" / "state.json"), recorded(site.estate / ".wavelift" / "state.drill.json")
    assert (one["estate"], two["estate"]) == ("e2e", "drill") and one["lineage"] != two["lineage"]
    made = [{record["id"].lower() for record in state["artifacts"].values()} for state in (one, two)]
    assert made[0] and made[1] and not made[0] & made[1]
    for which in ((), drill):
        ran = site.here("plan", *which, "--detailed-exitcode")
        assert ran.code == 0, ran.said
        assert site.here("drift", *which).code == 0
