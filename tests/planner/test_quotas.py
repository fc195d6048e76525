"""Users, The weeks 23: a vCPU quota that is too small is seen in plan, and not an hour before the window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from planner.estate import Diagnostic
from planner.ports import Observed, ResourceRef
from replication.model.errors import Denied
from tests.planner.site import TARGET, Site, vm

COMPUTE = f"{TARGET}/providers/Microsoft.Compute/locations/koreacentral"
D, E = "standardDSv5Family", "standardESv5Family"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    made = Site(tmp_path, *(vm(n, f"web-0{n}") for n in (1, 2, 3)))
    for size, vcpus, family in (("Standard_D2s_v5", 2, D), ("Standard_D4s_v5", 4, D), ("Standard_E8s_v5", 8, E)):
        made.azure.put("sku", f"{COMPUTE}/skus/{size}", {"vcpus": vcpus, "family": family}, ours=False)
    return made


def quota(site: Site, family: str, used: int, limit: int) -> None:
    site.azure.put("quota", f"{COMPUTE}/usages/{family}", {"used": used, "limit": limit}, ours=False)


def told(site: Site, *sizes: str, phase: str = "migrate") -> list[Diagnostic]:
    machines = ", ".join(f"web-0{n}: {{size: {size}}}" for n, size in enumerate(sizes, start=1))
    site.files(waves=f"waves: {{shop: {{target: korea, phase: {phase}, machines: {{{machines}}}}}}}\n")
    return [one for one in site.look().plan.warnings if one.code == "WL433"]


def test_all_machines_of_a_family_are_counted_together(site: Site) -> None:
    """Two of three fit; the third is named with its line, what it needs and what is left."""
    quota(site, D, 90, 98)
    quota(site, "cores", 90, 1000)
    sizes = ("Standard_D4s_v5", "Standard_D4s_v5", "Standard_D2s_v5")
    (short,) = told(site, *sizes)
    assert "web-03 need 2 vCPUs of standardDSv5Family in koreacentral; 0 of 98 are left" in short.detail
    assert short.span is not None and short.path == "waves.shop.machines.web-03.size"
    assert told(site, *sizes, phase="test") and not told(site, *sizes, phase="replicate")
    quota(site, D, 88, 98)
    assert not told(site, *sizes)


def test_the_region_s_total_counts_too_and_a_second_size_serves(site: Site) -> None:
    quota(site, D, 0, 2)
    quota(site, E, 0, 100)
    quota(site, "cores", 0, 10)
    assert not told(site, "Standard_D2s_v5", "[Standard_D2s_v5, Standard_E8s_v5]")
    (short,) = told(site, "Standard_E8s_v5", "Standard_D4s_v5", "Standard_E8s_v5")[:1]
    assert "web-02 need 4 vCPUs of standardDSv5Family" in short.detail and "2 of 2 are left" in short.detail
    (total,) = told(site, "Standard_E8s_v5", "Standard_D2s_v5", "Standard_E8s_v5")
    assert "web-03 need 8 vCPUs of all families in koreacentral; 0 of 10 are left" in total.detail


def test_what_may_not_be_read_is_not_checked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """S4: "cannot check" is a result of its own."""
    quota(site, D, 98, 98)
    observe = site.azure.observe

    def denied(refs: Sequence[ResourceRef]) -> dict[str, Observed | None]:
        if any(ref.kind == "quota" for ref in refs):
            raise Denied("no role", subject="usages")
        return observe(refs)

    monkeypatch.setattr(site.azure, "observe", denied)
    assert not told(site, "Standard_D2s_v5")
    (unknown,) = (d.detail for d in site.look().plan.unchecked if "quotas" in d.detail)
    assert unknown == "vCPU quotas were not checked: usages: no role"
