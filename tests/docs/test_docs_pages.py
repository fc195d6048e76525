"""issue 4, Documentation: every command of the pages about an estate's life is run as it stands, page by page, on one site.

The site has what the pages name: waves `shop`, `shop-late`, `pilot` and `erp`, targets `korea` and `japan`. Where a command
asks, the answer is yes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from providers.secrets import Credentials
from providers.vmware.tls import Endpoint
from tests.ci.shim import Shim
from tests.docs.pages import FENCE, ROOT, environment, lines, run
from tests.e2e.site import ESTATE, Site, Vm, standing
from tests.thirdparty import missing
from tests.vmware.tagged import Subject

JAPAN = """\
  japan:
    region: koreacentral
    resource_group: {name: rg-japan, managed: true}
    network_group: rg-network
    vnet: vnet-prod
    test_vnet: vnet-bubble
    subnets: {VLAN10: snet-a}
"""
WAVES = {
    "shop": {"target": "korea", "machines": ["web-01"]},
    "shop-late": {"target": "korea", "machines": ["shop-db-01"]},
    "pilot": {"target": "korea", "machines": ["wiki-01", "web-07"]},
    "erp": {"target": "japan", "machines": ["erp-01"]},
}
OTHERS = ("conftest", "opa")
IN_CI = {"make demo", "make test"}
SECONDS = 120
NAMES = [name for wave in WAVES.values() for name in wave["machines"]]
Page = Callable[..., list[str]]
"""Runs a page by its name and gives what each of its lines said. `answer` is typed where one asks; `folder` is where the shell
stands (that of the estate)."""


def write(site: Site, **phases: str) -> None:
    """The estate's waves, in phase `replicate` unless said otherwise."""
    waves: dict[str, Any] = {}
    for name, wave in WAVES.items():
        machines = dict.fromkeys(wave["machines"], "Standard_D2s_v5")
        waves[name] = {"target": wave["target"], "phase": phases.get(name.replace("-", "_"), "replicate"), "machines": machines}
    (site.estate / "wave.yaml").write_text(yaml.safe_dump({"waves": waves}, sort_keys=False))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    vms = [Vm(name, (20, 20) if name == "web-01" else (20,), data=1) for name in NAMES]
    with standing(tmp_path_factory.mktemp("pages"), vms) as made:
        (made.estate / "estate.yaml").write_text(ESTATE.replace("defaults:", JAPAN + "defaults:"))
        write(made)
        made.engine()
        yield made


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("programs") / "bin"
    shim = Shim(folder)
    yield folder
    shim.close()


@pytest.fixture
def page(site: Site, programs: Path) -> Page:
    def told(name: str, answer: str = "yes", folder: Path = site.estate) -> list[str]:
        wanted = [line for line in lines(ROOT / name) if line.text.split("  #")[0].rstrip() not in IN_CI]
        variables = environment(folder, programs)
        variables["PATH"] += ":" + ":".join(str(Path(one).parent) for one in map(shutil.which, OTHERS) if one)
        found = run(wanted, folder, variables, SECONDS, f"{answer}\n")
        for one in found if name != "README.md" else ():  # what that shows is another estate's: test_docs_picture
            one.require_shown()
        return [one.said for one in found]

    return told


def test_readme(site: Site, page: Page) -> None:
    """What CI runs on each change is not run once more by one of its own tests."""
    assert {line.removeprefix("exec ") for line in (ROOT / ".ci" / "run").read_text().splitlines()} >= IN_CI
    (planned,) = page("README.md")
    assert "Plan written to plan.wavelift" in planned


def test_narrowing(site: Site, page: Page) -> None:
    (site.estate / "tonight.txt").write_text("web-01  # the first\n")
    *_, wiki, tonight = page("docs/narrowing.md")
    assert "wiki-01: is in delta sync" in wiki and "Left out" in tonight


def test_plan_files(page: Page) -> None:
    planned, _, _, applied = page("docs/plan-files.md")
    assert "Plan written to plan.wavelift" in planned and "Apply: " in applied


def test_explain(site: Site, page: Page) -> None:
    write(site, shop="test")
    machine, seed, order, wave, filed = page("docs/explain.md")
    assert all("order (test) order.web-01/000001-test" in one for one in (machine, order, wave))
    assert "Observed: " in seed and "make replication.web-01" in filed and "looking at" not in filed


def test_policies(site: Site, page: Page, tmp_path: Path) -> None:
    if not all(map(shutil.which, OTHERS)):
        missing(f"{' or '.join(OTHERS)} is not on PATH")
    (tmp_path / "migration").symlink_to(site.estate)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    _, conftest, _ = page("examples/policy/README.md", folder=tmp_path)
    assert "0 failures" in conftest and "0 exceptions" in conftest


def test_where_it_runs(site: Site, page: Page) -> None:
    """The overlay is the page's own; whose subscription it names, and what lies there before, is the lab's."""
    [overlay] = [body for kind, body in FENCE.findall((ROOT / "docs/where-it-runs.md").read_text()) if "# overlays/" in body]
    drills = site.lab.known["azure"]["subscriptions"][1]
    path = site.estate / overlay.splitlines()[0].removeprefix("# ")
    path.parent.mkdir()
    path.write_text(overlay.replace("sub-drills", drills))
    site.wiring().azure.resources(drills).resource_groups.create_or_update("rg-drill", {"location": "koreacentral"})
    ran = site.run("lab", "networks", "-C", str(site.estate), "--overlay", str(path))
    assert ran.code == 0, ran.said
    exported, recorded, pinned, rehearsed = page("docs/where-it-runs.md")
    assert "inventory.json" in exported and "NOT CHECKED" in recorded and "Apply looks again" in recorded
    assert "wavelift.seoul-rehearsal.lock.yaml" in pinned and "erp-01" not in rehearsed
    assert "Wave shop, start to replicate (1 machine" in rehearsed, "production has begun long ago, the rehearsal begins anew"


def test_after(site: Site, page: Page) -> None:
    write(site, shop="migrate", pilot="migrate")
    site.apply()
    *_, replica, source = page("docs/integrity-report.md")
    assert all("FAILED" not in one for one in (replica, source))
    write(site, shop="complete", pilot="migrate")
    site.apply()
    page("docs/after.md")


def test_editing(site: Site, page: Page, tmp_path: Path) -> None:
    at = site.lab.known["vcenter"]
    ours = Endpoint("lab", "127.0.0.1", at["port"], ca=str(site.lab.known["ca"]))
    made = Subject(ours, Credentials(at["user"], at["password"]), lab=True)
    wave = made.category("wave")
    for name in ("none", "pilot", "shop"):
        made.tag(wave, name)
    assert site.run("init", "-C", str(tmp_path), "--lab", str(site.lab.folder)).code == 0
    written, validated, _, schema, _, formatted, value, _ = page("docs/editing.md", folder=tmp_path)
    assert "waves/unsorted.yaml" in written and "WL191" in validated and "waves.<wave>.machines.<machine>.size" in schema
    assert "wavelift's own default" in value and not formatted.startswith("error")


def test_destroy(site: Site, page: Page) -> None:
    """The estate is gone at the end, what was migrated stays."""
    page("docs/destroy.md", "destroy")
    assert site.state["artifacts"] == {} and {one["life"] for one in site.state["machines"].values()} <= {"released", "stopped"}
