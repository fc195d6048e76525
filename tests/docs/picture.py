"""The picture of a plan in README.md, made from examples/demo: `python -m tests.docs.picture` brings it up to date.

The demo's estate is planned for its pilot wave alone, with the VMs that the demo makes, against a cloud in memory: first
everything from nothing, then, replicated, the cut-over. Long lists are cut; what is cut says so with "…".
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from planner.explain import text
from planner.inventory import VmFacts
from planner.planfile.envelope import valid_until
from tests.docs.codes import ROOT
from tests.planner.site import Site, vm
from wavelift.applying.planio import moment, validity

PAGE = ROOT / "README.md"
BEGIN = "<!-- written by `python -m tests.docs.picture` -->"
SHARED = 4
"""Lines of what all waves share that are shown."""
_MIB = 1024**2
_SUBSCRIPTION = "/subscriptions/00000000-0000-4000-8000-000000000001"
_OUTSIDE = """\
azure:
  tenant: corp.example
  project:
    {subscription: 00000000-0000-4000-8000-000000000001, region: koreacentral, resource_group: {name: rg-wavelift, managed: true}}
sources:
  seoul: {vcenter: vc01.corp.example, login: env:VC}
"""
"""What `lab.yaml` says in the demo, with the source's name that `Site` has."""


def picture() -> str:
    """Both plans, as README.md must show them."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return _told(Path())
        finally:
            os.chdir(before)


def _told(folder: Path) -> str:
    shutil.copytree(ROOT / "examples" / "demo", folder, dirs_exist_ok=True)
    for name in ("shop", "erp"):
        (folder / "waves" / f"{name}.yaml").unlink()
    estate = folder / "estate.yaml"
    estate.write_text(estate.read_text().replace("source: lab", "source: seoul"))
    (folder / "lab.yaml").write_text(_OUTSIDE)
    site = Site(folder, _vm(1, "wiki-01", 64, tracking=True), _vm(2, "jump-01", 48, tracking=False))
    _landing_zone(site)
    first = site.look()
    until = moment(valid_until(site.now, validity(site.workspace.estate)), zone=site.workspace.estate.time_zone)
    written = f"Plan written to plan.wavelift: sha256 7f3ac1…, valid until {until}."
    site.go()
    pilot = folder / "waves" / "pilot.yaml"
    pilot.write_text(pilot.read_text().replace("phase: replicate", "phase: migrate"))
    start = "\n".join(["$ wavelift plan --out plan.wavelift", *_cut(text(first.plan).splitlines()), written])
    cutover = "\n".join(_first(text(site.look().plan).splitlines(), "Wave pilot, cut over"))
    return (
        f"{BEGIN}\n```text\n{start}\n```\n\n"
        f"And when the wave's phase becomes `migrate`:\n\n```text\n{cutover}\n```\n"
    )


def _vm(number: int, name: str, mib: int, *, tracking: bool) -> VmFacts:
    """As examples/demo/lab/datacenter.yaml has it: one disk, one adapter with 10.20.1.x."""
    made = vm(number, name, (1,), tracking=tracking)
    disk = replace(made.disks[0], capacity=mib * _MIB)
    nic = replace(made.nics[0], addresses=(f"10.20.1.{9 + number}",))
    return replace(made, path=f"/Seoul/vm/{name}", disks=(disk,), nics=(nic,))


def _landing_zone(site: Site) -> None:
    group = f"{_SUBSCRIPTION}/resourceGroups/rg-network-koreacentral"
    subnets = {"snet-web": "10.20.1.0/24", "snet-db": "10.20.2.0/24"}
    for name in ("vnet-prod", "vnet-bubble"):
        spec = {"location": "koreacentral", "prefixes": ["10.20.0.0/16"], "subnets": subnets}
        site.azure.put("network", f"{group}/providers/Microsoft.Network/virtualNetworks/{name}", spec, ours=False)
    for size in ("Standard_D2s_v5", "Standard_B2s"):
        arm_id = f"{_SUBSCRIPTION}/providers/Microsoft.Compute/locations/koreacentral/skus/{size}"
        site.azure.put("sku", arm_id, {}, ours=False)


def _cut(lines: list[str]) -> Iterator[str]:
    """Of what all share only the beginning."""
    shared = 0
    for line in lines:
        shared = 1 if line == "Shared:" else shared + 1 if shared and line else 0
        if shared == SHARED + 2:
            yield "  …"
        elif shared < SHARED + 2:
            yield line


def _first(lines: list[str], title: str) -> list[str]:
    """A section's title and the first of its orders, with its details."""
    begin = next(n for n, line in enumerate(lines) if line.startswith(title))
    end = next(n for n, line in enumerate(lines) if n > begin + 1 and not line.startswith("      "))
    return [*lines[begin:end], "  …"]


def placed(page: str) -> str:
    """README.md with the picture as it must be: from the mark to the legend, which begins with "`+` make"."""
    before, _, rest = page.partition(BEGIN)
    _, legend, after = rest.partition("\n`+` make")
    assert legend, "README.md has lost the picture's mark or its legend"
    return before + picture() + legend + after


if __name__ == "__main__":
    PAGE.write_text(placed(PAGE.read_text()))
