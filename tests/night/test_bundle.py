"""users.md screen 4, `wavelift support-bundle`: everything that can be had, nothing secret, and what could not be had."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from tests.e2e.command import fresh
from tests.fakes.clock import FakeClock
from tests.fakes.stores import FakeDocuments
from wavelift.bundle.fetch import names
from wavelift.bundle.redaction import HIDDEN, Redactor
from wavelift.cli.app import invoke

PASSWORD, CLIENT_SECRET, HOOK = "Tr0ub4dor&3/x", "cs~8Q.planted\"one", "T00/B11/hookplanted"
PLANTED = (
    "https://blob.example/c?sv=2024&sig=plantedSAS%2Babc&se=1",
    "Authorization: Bearer plantedbearer0123456789",
    "AccountKey=plantedaccountkey==;EndpointSuffix=x",
    "eyJhbGciOiJub25l.plantedjwtbody.plantedsig",
    "https://kim:planteduserinfo@proxy.example:8080/",
    '{"client_secret": "plantedjson one", "ok": 1}',
    "-----BEGIN RSA PRIVATE KEY-----\nplantedpem\n-----END RSA PRIVATE KEY-----",
    "tool --password plantedflag --verbose",
    "db_password: planted yaml, with a comma",
    "admin_password: |\n  planted block\n  planted second\nnext: stays",
    "Cookie: session=plantedcookie",
)
ESTATE = """\
# a comment that somebody pasted: password: planted_comment
estate: {name: seoul, schema: 1, time_zone: Asia/Seoul}
sources: {vc: {url: "https://127.0.0.1:1/", login: file:vc.json}}
azure: {tenant: corp.example, login: env:AZ_LOGIN, endpoint: "https://127.0.0.1:1", authority: "https://127.0.0.1:1"}
notify: {webhook: "https://hooks.example/T00/B11/hookplanted"}
"""


@pytest.mark.parametrize("text", PLANTED)
def test_what_looks_like_a_secret_is_taken_out(text: str) -> None:
    clean = Redactor().text(text)
    assert "planted" not in clean and HIDDEN in clean, clean


def test_a_known_secret_is_found_in_every_form() -> None:
    import base64
    from urllib.parse import quote

    redactor = Redactor([PASSWORD, CLIENT_SECRET])
    for value in (PASSWORD, CLIENT_SECRET):
        for before in ("", "a", "ab"):
            coded = base64.b64encode((before + value + "tail").encode()).decode()
            assert coded not in redactor.text(f"x {coded} y")
        for form in (value, json.dumps(value)[1:-1], quote(value, safe="")):
            assert form not in redactor.text(f"x{form}y")


def test_references_and_plain_words_stay() -> None:
    kept = 'login: {plan: env:VC_RO, engine: "file:/etc/vc.json"}\npassword: env:VC_PW\nsecret.koreacentral/log-key made\n'
    assert Redactor().text(kept) == kept
    assert json.loads(Redactor().json('{"password": "x", "a": {"token": ["y"]}, "n": 1}')) == {
        "password": HIDDEN, "a": {"token": [HIDDEN]}, "n": 1,
    }  # fmt: skip


def test_nothing_reachable_no_secret_and_every_file_has_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Screen 4: neither Azure nor vCenter answers; the bundle is made, says so, and holds no planted secret."""
    estate = tmp_path / "estate"
    estate.mkdir()
    (estate / "estate.yaml").write_text(ESTATE)
    (estate / "vc.json").write_text(json.dumps({"user": "svc", "password": PASSWORD}))
    (estate / "vc.json").chmod(0o600)
    monkeypatch.setenv("AZ_LOGIN", json.dumps({"client_id": "id-1", "client_secret": CLIENT_SECRET}))
    monkeypatch.setenv("OPS_TOKEN", "plantedenvironment")
    log = tmp_path / "engine.log"
    log.write_text("\n".join([*PLANTED, PASSWORD, CLIENT_SECRET, "plantedenvironment", "12:00:00 web-01: stays"]))
    out = tmp_path / "bundle.tar.gz"
    ran = fresh(["support-bundle", "-C", str(estate), "--out", str(out), "--log", str(log)], tmp_path, 120)
    assert ran.code == 0, ran.said
    assert out.stat().st_mode & 0o077 == 0
    with tarfile.open(out) as archive:
        held = {m.name.partition("/")[2]: archive.extractfile(m).read() for m in archive.getmembers()}  # type: ignore[union-attr]  # files alone
    everything = b"\n".join([*held.values(), *(name.encode() for name in held)])
    written = json.dumps(CLIENT_SECRET)[1:-1]
    for secret in map(str.encode, ("planted", PASSWORD, CLIENT_SECRET, written, HOOK)):
        assert secret not in everything, [
            (name, line) for name, data in held.items() for line in data.splitlines() if secret in line
        ]
    assert b"web-01: stays" in everything and b"env:AZ_LOGIN" in held["estate/estate.yaml"]
    manifest = json.loads(held["manifest.json"])
    assert {n: hashlib.sha256(d).hexdigest() for n, d in held.items() if n != "manifest.json"} == {
        n: told["sha256"] for n, told in manifest["files"].items()
    }
    assert manifest["redacted"] > 10 and {"versions.json", "logs/01-engine.log"} <= held.keys()
    assert "state.json" in held or any("state.json" in name for name in manifest["missing"]), manifest
    assert any(name.startswith("vcenter/") or "vcenter" in name for name in [*manifest["missing"], *held])


VALID = """\
estate: {name: seoul, schema: 1, time_zone: Asia/Seoul}
sources: {vc: {vcenter: "127.0.0.1:1", login: "file:vc.json"}}
appliances: {gw-1: {role: primary, source: vc}}
azure:
  project: {subscription: 11111111-1111-4111-8111-111111111111, resource_group: rg-w, region: koreacentral}
  tenant: corp.example
  login: env:AZ_LOGIN
  endpoint: "https://127.0.0.1:1"
  authority: "https://127.0.0.1:1"
"""


def test_a_valid_estate_whose_azure_and_vcenter_do_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Screen 4: state, status and doctor's findings are in it all the same, within a bounded time; so are steps in doubt."""
    (tmp_path / "estate.yaml").write_text(VALID)
    (tmp_path / "vc.json").write_text(json.dumps({"user": "svc", "password": PASSWORD}))
    (tmp_path / "vc.json").chmod(0o600)
    monkeypatch.setenv("AZ_LOGIN", json.dumps({"client_id": "id-1", "client_secret": CLIENT_SECRET}))
    out = tmp_path / "bundle.tar.gz"
    ran = fresh(["support-bundle", "-C", str(tmp_path), "--out", str(out)], tmp_path, 60)
    assert ran.code == 0, ran.said
    with tarfile.open(out) as archive:
        held = {m.name.partition("/")[2]: archive.extractfile(m).read() for m in archive.getmembers()}  # type: ignore[union-attr]  # files alone
    assert {"state.json", "state.open.json", "status.json", "doctor.txt"} <= held.keys() and "problems.txt" not in held
    assert json.loads(held["state.open.json"]) == {"interrupted": False, "steps": []}
    doctor = held["doctor.txt"].decode()
    assert "127.0.0.1:1" in doctor and PASSWORD not in doctor and CLIENT_SECRET not in doctor


@pytest.mark.parametrize("trace", ["", "1"])
def test_an_error_that_nobody_expected_is_told_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trace: str
) -> None:
    """Issue 4: no secret in any of it; a bug's own text and traceback may quote what it fell over."""

    def fall(_: Path) -> None:
        raise RuntimeError("could not read 'planted-token-1' of https://x.example/?sig=planted-signature&a=b")

    monkeypatch.setenv("CI_TOKEN", "planted-token-1")
    monkeypatch.setenv("WAVELIFT_TRACE", trace)
    monkeypatch.setattr("wavelift.workspace.load", fall)
    assert invoke(["plan", "-C", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "RuntimeError" in said and ("Traceback" in said) == bool(trace) and "planted" not in said, said


def test_of_one_machine_only_its_own_documents_are_taken() -> None:
    """A bundle of one machine names nothing of the others but what they share."""
    store = FakeDocuments(FakeClock())
    mine = ["evidence/a/r/000001.json", "orders/a/000001.json", "records/a.json"]
    other = ["evidence/b/r/000001.json", "records/b.json"]
    for name in [*mine, *other, "holds/w.json"]:
        store.put_any(name, b"{}")
    assert sorted(names(store, "a")) == sorted(["coordinator.json", "holds/w.json", *mine])
    assert sorted(names(store, None)) == sorted(["coordinator.json", "holds/w.json", *mine, *other])
