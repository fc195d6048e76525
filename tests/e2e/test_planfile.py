"""Plan files through the command, on the real providers and the lab: written, shown, applied, refused; and no secret anywhere."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

import schemas
from planner.planfile.envelope import dumps
from tests.e2e.command import CLOCK_AHEAD
from tests.e2e.site import Site, Vm, standing
from wavelift.applying.planio import read
from wavelift.forecasting.beside import GRAIN
from wavelift.problems import CHANGES, DENIED, STALE

SECRETS = Path(".wavelift/secrets")
LOOSE = {"AccountKey=", "SharedAccessSignature", "&sig=", "?sig=", "sharedkey", "Bearer ey", "-----BEGIN PRIVATE"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with standing(tmp_path_factory.mktemp("planfile"), [Vm("web-01"), Vm("web-02", (4,), data=1)], ["web-01"]) as made:
        yield made


def secrets(site: Site) -> set[str]:
    """Every secret of this site: the logins, the lab's own, what Key Vault holds (log key, report key, service bus)."""
    found: set[str] = set()
    for file in (*(site.estate / SECRETS).iterdir(), site.lab.folder / "lab.json"):
        found |= set(_texts(json.loads(file.read_text())))
    made = site.state["artifacts"]
    vault = next(a["attributes"]["vault_uri"] for a in made.values() if a["kind"] == "key_vault")
    client = site.wiring().azure.secrets(vault)
    kept = {client.get_secret(a["spec"]["name"]).value or "" for a in made.values() if a["kind"] == "secret"}
    assert len(kept) == 3 and all(kept)
    return found | kept


def _texts(value: object, key: str = "") -> Iterator[str]:
    match value:
        case dict():
            for name, one in value.items():
                yield from _texts(one, str(name))
        case list():
            for one in value:
                yield from _texts(one, key)
        case str() if any(word in key.lower() for word in ("password", "secret", "token", "key1", "key2")) and len(value) > 7:
            yield value


@pytest.mark.timeout(300)
def test_the_life_of_a_plan_file(site: Site) -> None:
    """Issue 4: plan --out, show, apply F, exit codes, events, approver, and nothing secret in anything that was written."""
    plan, events = site.folder / "plan.wavelift", site.folder / "events.jsonl"
    began = time.time() // GRAIN
    made = site.here("plan", "--out", str(plan), "--detailed-exitcode", "--log-file", str(events))
    assert made.code == CHANGES, made.said
    again = site.here("plan", "--out", str(site.folder / "again"), "--log", "json")
    same = plan.read_bytes() == (site.folder / "again").read_bytes()
    assert again.code == 0 and (same or time.time() // GRAIN != began), again.said

    shown = site.run("show", str(plan))  # in no estate's folder
    assert shown.code == 0 and shown.out.startswith("Plan: ") and "start to replicate" in shown.out, shown.said
    document = json.loads(site.run("show", str(plan), "--json").out)
    jsonschema.validate(document, schemas.load("plan-1"))
    comment = site.run("show", str(plan), "--markdown")
    assert comment.out.startswith("<!-- wavelift:plan:e2e -->") and document["digest"] in comment.out, comment.said

    wrong = site.here("apply", str(plan), "--expect-sha", "0" * 64)
    assert wrong.code == DENIED and "not the plan that was reviewed" in wrong.said, wrong.said
    site.engine()
    done = site.here(
        "apply", str(plan), "--expect-sha", document["digest"], "--approver", "kim", "--pull-request", "381",
        "--log-file", str(events),
    )  # fmt: skip
    assert done.code == 0 and "names no end of validity" in done.said, done.said
    used = site.here("apply", str(plan))
    assert used.code == STALE and "applied already" in used.said, used.said
    assert site.here("plan", "--detailed-exitcode").code == 0

    lines = [json.loads(line) for line in (*events.read_text().splitlines(), *again.err.splitlines())]
    for line in lines:
        jsonschema.validate(line, schemas.load("event-1"))
    names = [line["event"] for line in lines]
    assert {"doing", "planned", "step", "reached", "finished"} <= set(names), names
    assert {s["state"] for s in lines if s["event"] == "step"} == {"started", "done"}
    state = next(site.estate.rglob("state.json")).read_text()
    assert '"approver":"kim"' in state and '"pull_request":"381"' in state and document["digest"] in state

    site.phase("test", "web-01")
    stale = site.folder / "stale"
    assert site.here("plan", "--out", str(stale)).code == 0
    site.machines["web-01"]["size"] = "Standard_D4s_v5"
    site.write_wave()
    assert site.here("apply", "--auto-approve").code == 0
    refused = site.here("apply", str(stale))
    assert refused.code == STALE and "order.web-01/000001-test" in refused.said, refused.said

    said = [made.said, again.said, shown.said, comment.said, done.said, used.said, refused.said, events.read_text(), state]
    written = {str(number): text for number, text in enumerate(said)} | {str(p): p.read_text() for p in (plan, stale)}
    kept = [p for p in site.estate.rglob("*") if p.is_file() and SECRETS.name not in p.parts]
    written |= {str(p): p.read_text(errors="replace") for p in kept}
    planted = secrets(site)
    assert len(planted) >= 6, "there must be secrets to look for"
    for secret in planted:
        forms = {secret, base64.b64encode(secret.encode()).decode()}
        found = [where for where, text in written.items() if any(form in text for form in forms)]
        assert not found, f"a secret was written to {found}"
    for word in LOOSE:
        assert not [where for where, text in written.items() if word.lower() in text.lower()], word


def test_a_runner_whose_clock_is_wrong(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4, Plan files, "valid for a policy's time": by Azure's clock, whatever the runner's says, and that one is named. An
    hour ahead makes no plan that lives longer and refuses none that is good; days behind revive none that is over."""
    site.machines["web-02"] = {"size": "Standard_D2s_v5"}
    site.write_wave()
    plan, end, serial = site.folder / "ahead.wavelift", read_end(site), serial_of(site)
    monkeypatch.setenv(CLOCK_AHEAD, "3600")
    made = site.here("plan", "--out", str(plan))
    assert made.code == 0 and "clock is 60 minutes ahead of Azure's" in made.said, made.said
    assert read(plan).valid_until == end
    old = site.folder / "old.wavelift"
    found = read(plan)
    old.write_bytes(dumps(found.plan, time.time() - 600, str(site.estate)))
    late = site.here("apply", str(old))
    assert late.code == STALE and "WL406" in late.said, late.said
    monkeypatch.setenv(CLOCK_AHEAD, str(-4 * 86400))
    revived = site.here("apply", str(old))
    assert revived.code == STALE and "WL406" in revived.said, revived.said
    assert serial_of(site) == serial, "nothing was done"
    monkeypatch.setenv(CLOCK_AHEAD, "3600")
    dying = site.folder / "dying.wavelift"
    dying.write_bytes(dumps(found.plan, time.time() + 1800, str(site.estate)))
    done = site.here("apply", str(dying), "--detach")
    assert done.code == 0, done.said


def serial_of(site: Site) -> int:
    return site.wiring().workspace.view().state.serial


def read_end(site: Site) -> float:
    """When a plan of now ends, made with the right clock."""
    plan = site.folder / "right.wavelift"
    made = site.here("plan", "--out", str(plan))
    assert made.code == 0 and "clock" not in made.said, made.said
    return read(plan).valid_until
