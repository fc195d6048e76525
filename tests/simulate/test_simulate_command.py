"""`wavelift simulate` as people use it."""

import json

import pytest

from tests.bench import estates
from wavelift.cli.app import invoke


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("estate")
    estates.write(folder, 60)
    return folder


def run(capsys, *arguments):
    code = invoke(["simulate", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_an_estate_with_a_recorded_inventory(estate, capsys):
    """S8, S9: the estate's own limits and throttle; a wave that migrates; figures as JSON."""
    base = ["-C", estate / "estate", "--inventory", estate / estates.INVENTORY, "--start", "2027-03-12T00:00", "--days", 2]
    code, out, _ = run(capsys, *base, "--migrate", "wave-000@2027-03-13T20:00", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["machines"] == 60
    assert found["assumed"]["start"] == "2027-03-12T00:00 Asia/Seoul"
    assert found["migrated"] > 0 and found["migrations"]["count"] == found["migrated"]
    assert {use["kind"] for use in found["used"]} == {"appliance", "host", "datastore"}
    assert max(use["peak"] for use in found["used"] if use["kind"] == "appliance") <= 52
    sent = sum(found["sent_gib"].values()) * 1024**3 * 8
    assert sent <= 2 * 86400 * 1e9  # the throttle of this estate: 1 Gbps
    again = json.loads(run(capsys, *base, "--migrate", "wave-000@2027-03-13T20:00", "--json")[1])
    assert again == found


def test_a_made_up_fleet_as_text(capsys):
    code, out, _ = run(capsys, "--machines", 30, "--days", 1, "--start", "2027-03-12T00:00", "--churn", 10, "--link", 500)
    assert code == 0
    for part in (
        "churn 10 % a day",
        "link 500 Mbit/s",
        "appliance disks (1)",
        "link (bytes sent)",
        "Held while due, machine-hours",
    ):
        assert part in out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--migrate", "wave-01"], "expected WAVE@TIME"),
        (["--migrate", "wave-99@2027-03-12T10:00"], "neither a wave nor a machine. The waves are wave-01"),
        (["--migrate", "wave-01@2028-03-12T10:00"], "outside what is simulated"),
        (["--migrate", "wave-01@noon"], "'noon' is no time: give it as"),
    ],
)
def test_what_cannot_be_simulated_is_said(capsys, arguments, why):
    code, _, err = run(capsys, "--machines", 5, "--start", "2027-03-12T00:00", *arguments)
    assert code == 1 and why in err and "bug" not in err


def test_a_file_that_is_no_inventory(estate, capsys, tmp_path):
    wrong = tmp_path / "inventory.json"
    wrong.write_text("{}")
    code, _, err = run(capsys, "-C", estate / "estate", "--inventory", wrong)
    assert code == 1 and "not a recorded inventory" in err
