"""`export appliance-config` and `import appliance-config`: files of the appliance, both ways, by the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from planner.config import load
from planner.estate import Estate
from wavelift.cli.app import invoke

CASES = Path(__file__).parents[1] / "cases" / "config"
ENV = {"TENANT_ID": "corp.example", "SUB": "sub-shop", "VC_HOST": "vc01.corp.example"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The good estate; gw-1 has windows by date too, and a throttle with a schedule."""
    shutil.copytree(CASES / "good-seoul", tmp_path / "estate", ignore=shutil.ignore_patterns("*.json"))
    file = tmp_path / "estate" / "estate.yaml"
    file.write_text(file.read_text().replace("blackout: payroll,", "blackout: db_hours, limits: {host_buffer_mib: 64},", 1))
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def resolved(folder: Path) -> Estate:
    found = load(folder)
    assert found.estate is not None, found.diagnostics
    return found.estate


def test_files_for_every_appliance(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """S9.2, S13, S14: one folder for each; the host's buffer only where it is a policy; losses with their lines (WL164)."""
    assert invoke(["export", "appliance-config", "-C", "estate", "--out", "out"]) == 0
    said = capsys.readouterr()
    assert sorted(str(p.relative_to("out")) for p in Path("out").rglob("*.*")) == [
        "gw-1/GatewayDataWorker.json",
        "gw-1/throttle.ps1",
        "gw-2/GatewayDataWorker.json",
        "gw-2/throttle.ps1",
    ]
    one = json.loads(Path("out/gw-1/GatewayDataWorker.json").read_text())
    weekdays = " | ".join(f"{day};9:00;3h" for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"))
    assert one == {"BlackoutWindows": f"{weekdays} | Saturday;8:00;1d7h", "HostBufferSizeInMB": 64}
    two = json.loads(Path("out/gw-2/GatewayDataWorker.json").read_text())
    assert two == {"BlackoutWindows": "Friday;18:00;5h | Monday;7:00;2h"}
    for loss in (
        "2026-12-31/2027-01-02 is left out: the wire form knows days of the week, no dates.",
        "From 2026-12-31/2027-01-02 another rate would hold; it is left out",
        "The blackout of wave `erp` (Sunday;22:00;8h) is left out",
        "The blackout of `erp-db` (db_hours) is left out",
    ):
        assert loss in said.err
    assert said.err.count("warning WL164") == 5
    assert "waves/shop.yml:24:" in said.err


def test_one_appliance_on_standard_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["export", "appliance-config", "-C", "estate", "--appliance", "gw-2"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith('# gw-2/GatewayDataWorker.json\n{\n  "BlackoutWindows": "Friday;18:00;5h | Monday;7:00;2h"\n}\n')
    assert "gw-1" not in said.out
    assert invoke(["export", "appliance-config", "-C", "estate", "--appliance", "gw2"]) == 1
    assert "There is no appliance `gw2` in estate. Did you mean `gw-" in capsys.readouterr().err


def test_what_was_exported_comes_back_as_policies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """S14: the product reads and writes the appliance's file; the policies that it prints load to the same windows and rates."""
    assert invoke(["export", "appliance-config", "-C", "estate", "--appliance", "gw-1", "--out", "out"]) == 0
    capsys.readouterr()
    before = resolved(Path("estate"))
    for file in ("GatewayDataWorker.json", "throttle.ps1"):
        assert invoke(["import", "appliance-config", f"out/gw-1/{file}", "--name", "back"]) == 0
        Path(f"estate/{file}.yaml").write_text(capsys.readouterr().out)
    file = Path("estate/estate.yaml")
    file.write_text(
        file.read_text().replace(
            "throttle: wan, blackout: db_hours, limits: {host_buffer_mib: 64}", "throttle: back, blackout: back, limits: back", 1
        )
    )
    after = resolved(Path("estate"))
    one, two = before.appliances["gw-1"], after.appliances["gw-1"]
    assert two.limits == one.limits
    assert one.blackout is not None and two.blackout is not None
    assert one.blackout.windows == f"{two.blackout.windows} | 2026-12-31/2027-01-02 | 2027-01-17 01:00/05:00"
    assert one.throttle is not None and two.throttle is not None
    assert (two.throttle.bits_per_s, two.throttle.exceptions) == (one.throttle.bits_per_s, one.throttle.exceptions[:1])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "a.json: it is not JSON"),
        (b"\xff\x00\x01", "a.json"),
        (
            b'{"BlackoutWindows": "Mon;7:00;7h"}',
            "a.json: BlackoutWindows: blackout window 1 ('Mon;7:00;7h'): day 'Mon' is none of",
        ),
        (b"New-NetQosPolicy -Name x", "a.json: New-NetQosPolicy has no -ThrottleRateActionBitsPerSecond"),
    ],
)
def test_files_that_cannot_be_read_are_refused(
    content: bytes, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.json").write_bytes(content)
    assert invoke(["import", "appliance-config", "a.json"]) == 1
    assert says in capsys.readouterr().err
    assert invoke(["import", "appliance-config", "nothing.json"]) == 1
    assert "nothing.json cannot be read" in capsys.readouterr().err
    assert invoke(["import", "appliance-config", "a.json", "--name", "a b"]) == 1


def test_powershell_s_own_encoding_is_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "New-NetQosPolicy -AppPathNameMatchCondition GatewayWindowsService.exe -ThrottleRateActionBitsPerSecond 200000000"
    Path("a.ps1").write_text(line, encoding="utf-16")
    assert invoke(["import", "appliance-config", "a.ps1"]) == 0
    assert capsys.readouterr().out == "policies:\n  throttle:\n    imported:\n      rate: 200 Mbps\n"
