"""Users, The estate 12: rehearsal and production differ by one overlay file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from planner.config import load
from planner.config.provenance import Origins
from planner.estate import Estate, Loaded
from planner.store import lineage_of
from wavelift.cli.app import app

BASE = (Path(__file__).parents[1] / "cases" / "config" / "_base" / "base.yaml").read_text()
WAVES = """\
defaults: {disk: Premium_LRS}
policies: {schedule: {quick: {delta_minimum: 1m}}}
waves:
  shop:
    target: korea
    machines:
      web-01: Standard_D4s_v5
      web-02: &db {size: Standard_E8s_v5, tags: {owner: shop}}
      web-03: *db
"""
MORE = """\
policies: {cutover: {night: {downtime: 30m}}}
waves: {erp: {target: korea, phase: migrate, machines: {erp-01: Standard_E8s_v5}}}
"""
REHEARSAL = """\
estate: {name: rehearsal}
azure: {project: {resource_group: rg-rehearsal}}
targets: {korea: {resource_group: rg-drill, subnets: {VLAN120-db: snet-db}}}
policies: {cutover: {night: {downtime: 4h}}, schedule: {quick: {delta_minimum: 5m}}}
waves:
  erp: null
  shop:
    machines:
      web-01: {phase: test}
      web-02: {tags: {owner: drill}}
      web-03: Standard_B2s
  extra: {target: korea, machines: {new-01: Standard_B2s}}
"""


def written(folder: Path, overlay: str = REHEARSAL, **files: str) -> Path:
    """The estate in `folder`; the path of its overlay."""
    (folder / "waves").mkdir(exist_ok=True)
    for name, text in ({"base": BASE, "waves/a": WAVES, "waves/b": MORE} | files).items():
        (folder / f"{name}.yaml").write_text(text)
    path = folder / "overlays" / "rehearsal.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(overlay)
    return path


def laid(folder: Path, overlay: Path | None) -> Loaded:
    return load(folder, env={} if overlay is None else {"WAVELIFT_OVERLAY": str(overlay)})


def estate(folder: Path, overlay: Path | None) -> Estate:
    found = laid(folder, overlay)
    assert found.estate is not None, found.diagnostics
    return found.estate


def test_one_file_makes_another_estate(tmp_path: Path) -> None:
    """The estate 12: mappings come together, values are replaced, null removes, what is new is added, over several files."""
    overlay = written(tmp_path)
    mine, theirs = estate(tmp_path, overlay), estate(tmp_path, None)
    assert (theirs.name, list(theirs.waves)) == ("seoul-exit", ["shop", "erp"])
    assert (mine.name, list(mine.waves), mine.time_zone) == ("rehearsal", ["shop", "extra"], "Asia/Seoul")
    assert mine.azure.project_group.name == "rg-rehearsal" and mine.azure.project_region == theirs.azure.project_region
    assert mine.targets["korea"].subnets == {"VLAN110-web": "snet-web", "VLAN120-db": "snet-db"}
    machines = mine.machines
    assert (machines["web-01"].size, machines["web-01"].phase.value) == (("Standard_D4s_v5",), "test")
    # the alias is no way for the change of one machine into another
    assert [machines[n].tags["owner"] for n in ("web-02", "web-03")] == ["drill", "shop"]
    assert (machines["web-02"].size, machines["web-03"].size) == (("Standard_E8s_v5",), ("Standard_B2s",))
    assert mine.digest != theirs.digest
    assert estate(tmp_path, None) == theirs, "the overlay is no file of the estate"


@pytest.mark.parametrize(
    ("more", "code", "there"),
    [
        ("targets: {korea: {region: null}}", "WL122", "base.yaml:7:10"),
        ("targets: {korea: null, busan: {region: koreasouth, resource_group: rg, vnet: v}}", "WL140", "waves/a.yaml:5:13"),
        ("appliances: null", "WL145", "base.yaml:4:11"),
        ("targets: null", "WL160", "base.yaml:1:1"),
        ("waves: {shop: {target: null}}", "WL122", "waves/a.yaml:5:5"),
        ("sources: {seoul: {login: null}}", "WL122", "base.yaml:4:18"),
    ],
)
def test_what_is_removed_and_needed_is_told_where_it_is_removed(tmp_path: Path, more: str, code: str, there: str) -> None:
    """The estate 12: the line to mend is the overlay's; production's, which is right, is the other place."""
    overlay = written(tmp_path, f"estate: {{name: rehearsal}}\n{more}\n")
    found = [d for d in laid(tmp_path, overlay).diagnostics if d.code == code]
    assert {(d.span.file, d.span.line) for d in found if d.span} == {(str(overlay), 2)}
    assert [str(span).removeprefix(f"{tmp_path}/") for _, span in found[0].related] == [there]


def test_nothing_is_shared(tmp_path: Path) -> None:
    """issue 4, Where it runs: lineage, state and lock of a rehearsal are its own; production's stay what they were."""
    overlay = written(tmp_path)
    mine, theirs = estate(tmp_path, overlay), estate(tmp_path, None)
    assert lineage_of(mine) != lineage_of(theirs)
    assert Path(theirs.state_path) == tmp_path / ".wavelift" / "state.json"
    assert Path(mine.state_path) == tmp_path / ".wavelift" / "state.rehearsal.json"
    assert (theirs.lock_file, mine.lock_file) == ("wavelift.lock.yaml", "wavelift.rehearsal.lock.yaml")
    (tmp_path / mine.lock_file).write_text("machines: {}\n")
    assert estate(tmp_path, None) == theirs, "the lock is no file of the estate"


BLOB = "state: {azure_blob: {account: sttfstate, container: wavelift}}\n"
KEYED = "state: {azure_blob: {account: sttfstate, container: wavelift, key: seoul.json}}\n"


@pytest.mark.parametrize(
    ("base", "more", "codes"),
    [
        (BLOB, "", []),
        (KEYED, "", ["WL183"]),
        (KEYED, "state: {azure_blob: {key: null}}\n", []),
        (KEYED, "state: {azure_blob: {container: drills}}\n", []),
        (KEYED, "state: local\n", []),
        ("state: {local: {path: s/state.json}}\n", "", ["WL183"]),
        ("state: {local: {path: s/state.json}}\n", "state: {local: {path: ./s//state.json}}\n", ["WL183"]),
        ("state: {local: {path: s/state.json}}\n", "state: null\n", []),
        ("", "state: {local: {path: .wavelift/state.json}}\n", ["WL183"]),
    ],
)
def test_a_state_of_its_own(tmp_path: Path, base: str, more: str, codes: list[str]) -> None:
    """The estate 12: never recorded where production is, however that is written."""
    files = {"state": base or "defaults: {ip: keep}\n", "waves/a": MORE, "waves/b": ""}
    overlay = written(tmp_path, "estate: {name: rehearsal}\n" + more, **files)
    assert [d.code for d in laid(tmp_path, overlay).diagnostics if d.severity == "error"] == codes


@pytest.mark.parametrize(
    ("overlay", "codes"),
    [
        ("estate: {name: seoul-exit}\n", ["WL181"]),
        ("defaults: {ip: keep}\n", ["WL181"]),
        ("estate: {name: null}\n", ["WL122"]),
        ("", ["WL181"]),
        ("# nothing\n", ["WL181"]),
        ("[]\n", ["WL108", "WL181"]),
        ("estate: {name: x\n", ["WL104"]),
        ("? {a: b}\n: c\nestate: {name: x}\n", ["WL129"]),
        ("estate: {name: x}\n<<: {a: b}\n", ["WL129"]),
        ("estate: {name: x}\nwaves: 7\n", ["WL123"]),
    ],
)
def test_rubbish_never_is_production(tmp_path: Path, overlay: str, codes: list[str]) -> None:
    """The estate 12: what cannot be read as an overlay is an error, and never the estate below it."""
    found = laid(tmp_path, written(tmp_path, overlay))
    assert found.estate is None
    assert [d.code for d in found.diagnostics if d.severity == "error"] == codes


def test_files_that_are_no_overlay(tmp_path: Path) -> None:
    """The estate 12: an overlay among the estate's own files would be production; one that is not there is none."""
    written(tmp_path)
    (tmp_path / "waves" / "rehearsal.yaml").write_text("estate: {name: rehearsal}\n")
    assert [d.code for d in laid(tmp_path, tmp_path / "waves" / "rehearsal.yaml").diagnostics] == ["WL180"]
    (tmp_path / "waves" / "rehearsal.yaml").unlink()
    assert [d.code for d in laid(tmp_path, tmp_path / "nothing.yaml").diagnostics] == ["WL102"]


def test_what_production_lacks_the_overlay_may_give(tmp_path: Path) -> None:
    """The estate 12: keys that must be there are looked for in what comes of both; a problem stands where its line does."""
    target = "targets: {korea: {region: koreacentral, resource_group: rg-shop, subnets: {VLAN110-web: snet-web}}}\n"
    base = BASE[: BASE.index("targets:")] + target
    overlay = written(tmp_path, "estate: {name: x}\ntargets: {korea: {vnet: vnet-a, test_vnet: vnet-b, sise: 1}}\n", base=base)
    found = laid(tmp_path, overlay).diagnostics
    assert [(d.code, str(d.span)) for d in found] == [("WL120", f"{overlay}:2:52")]
    assert [d.code for d in laid(tmp_path, None).diagnostics if d.severity == "error"] == ["WL122"]


def test_explain_value_has_the_overlay_as_a_level(tmp_path: Path) -> None:
    """issue 4, Where it runs: what the files say, and above it what the overlay says instead, each with its line."""
    overlay = written(tmp_path)
    origins = Origins.read(tmp_path, {"WAVELIFT_OVERLAY": str(overlay)})
    size = origins.of("web-03.size")
    assert (size.value, size.place) == ("Standard_B2s", "waves.shop.machines.web-03.size (overlay)")
    assert str(size.span) == f"{overlay}:11:15"
    assert [(level.value, level.hidden) for level in size.levels][-2:] == [("Standard_E8s_v5", True), ("Standard_B2s", False)]
    assert origins.of("web-01.size").place == "waves.shop.machines.web-01.size", "it stands in production's file"
    ran = CliRunner().invoke(app, ["explain-value", "-C", str(tmp_path), "--overlay", str(overlay), "--json", "estate.name"])
    [document] = json.loads(ran.output)
    assert [(level["value"], level["hidden_by_overlay"]) for level in document["levels"]] == [
        ("seoul-exit", True),
        ("rehearsal", False),
    ]


def test_every_command_on_an_estate_has_the_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 4, Where it runs: --overlay, or WAVELIFT_OVERLAY for a whole job; and for that one command only."""
    overlay = written(tmp_path)
    run = CliRunner().invoke
    for command in (["plan"], ["apply"], ["status"], ["drift"], ["engine", "run"], ["forecast"], ["state", "list"], ["init"]):
        assert "--overlay" in run(app, [*command, "--help"]).output, command
    assert "--overlay" not in run(app, ["show", "--help"]).output
    assert "estate rehearsal" in run(app, ["validate", "-C", str(tmp_path), "--overlay", str(overlay)]).output
    assert "estate seoul-exit" in run(app, ["validate", "-C", str(tmp_path)]).output
    monkeypatch.setenv("WAVELIFT_OVERLAY", str(overlay))
    assert "estate rehearsal" in run(app, ["validate", "-C", str(tmp_path)]).output
    refused = run(app, ["init", "-C", str(tmp_path), "--from-vcenter", "all"])
    assert refused.exit_code != 0 and "without an overlay" in str(refused.exception)
