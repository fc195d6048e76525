"""Issue 4: "No secret in any of it (a test plants secrets everywhere and searches all that is written)".

Every way in holds one: logins as environment, file and Key Vault, an overlay, hooks, the webhook, the environment of plan, apply
and engine; and the estate's own: the log's key and the report's key. Everything that a command prints or writes is searched."""

from __future__ import annotations

import base64
import json
import signal
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.e2e.site import PATIENCE, Site, Vm, standing
from tests.planner.test_hooks import server

AMBIENT = {"AMBIENT_TOKEN": "planted-ambient-1", "TF_VAR_password": "planted-ambient-2"}
HOOK, WEBHOOK = "planted-in-the-hook", "planted-in-the-webhook"


class Planted:
    """A site whose commands run with secrets around them; `said` is all that they printed."""

    def __init__(self, site: Site, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site = site
        azure, lab = site.lab.known["azure"], site.estate / "lab.yaml"
        self.secrets = [*AMBIENT.values(), HOOK, WEBHOOK, azure["client_secret"]]
        login = site.estate / ".wavelift" / "secrets"
        self.secrets.append(json.loads((login / "vcenter.json").read_text())["password"])
        text = lab.read_text()
        assert "file:.wavelift/secrets/azure.json" in text
        lab.write_text(text.replace("login: file:.wavelift/secrets/azure.json", "login: env:AZ_LOGIN"))
        around = {**AMBIENT, "AZ_LOGIN": (login / "azure.json").read_text()}
        around |= {"HOOK_URL": f"{address}?token={HOOK}", "WEBHOOK": f"{address}/{WEBHOOK}"}
        for name, value in around.items():
            monkeypatch.setenv(name, value)
        self.overlay = site.folder / "drill.yaml"
        command = [sys.executable, "-c", "print('planted-in-the-output')"]
        hooks = {"before": [{"name": "quiet", "command": command, "timeout": "20s"}]}
        hooks["after"] = [{"name": "dns", "url": "env:HOOK_URL", "timeout": "20s"}]
        over = {
            "estate": {"name": "drill"},
            "azure": {"project": {"resource_group": {"name": "rg-drill-p", "managed": True}}},
            "targets": {"korea": {"resource_group": {"name": "rg-drill", "managed": True}}},
            "policies": {"cutover": {"quick": {"hooks": hooks}}},
            "notify": {"webhook": "env:WEBHOOK"},
            "prices": {"currency": "EUR", "seed_gib_month": {"koreacentral": 0.5}},
        }
        self.overlay.write_text(yaml.safe_dump(over, sort_keys=False))

    def says(self, *arguments: str, code: int | tuple[int, ...] = 0) -> None:
        """A command in the planted environment; the site keeps what it prints in files."""
        where = [] if arguments[0] == "show" else ["-C", str(self.site.estate), "--overlay", str(self.overlay)]
        ran = self.site.run(*arguments, *where)
        assert ran.code in ((code,) if isinstance(code, int) else code), ran.said

    @contextmanager
    def engine(self) -> Iterator[None]:
        child = self.site.beside("engine", "run", "--overlay", str(self.overlay), "--metrics", "metrics.prom")
        try:
            yield
        finally:
            child.signal(signal.SIGTERM)
            child.wait(PATIENCE)

    def found(self) -> list[str]:
        """Places of a secret in anything that was written: outputs, plan files, state, journal, what Azure's blobs hold."""
        known = {form for secret in self.secrets for form in _forms(secret)}
        places = []
        for file in sorted(self.site.folder.rglob("*")):
            if not file.is_file() or self._keeps(file):
                continue
            for name, data in _contents(file):
                places += [f"{name}: {form.decode()[:12]}…" for form in known if form in data]
        return places

    def _keeps(self, file: Path) -> bool:
        """Where secrets belong: the login's files, and the lab's own directory, key vault and list of principals."""
        lab = self.site.lab.folder
        vault = {lab / "azure" / "arm.journal", lab / "azure" / "settings.json"}
        return ".wavelift/secrets" in str(file) or file.parent == lab or file in vault or file.suffix == ".raw"


def _forms(secret: str) -> set[bytes]:
    raw = secret.encode()
    return {raw, json.dumps(secret)[1:-1].encode(), base64.b64encode(raw).rstrip(b"=")[:-1]}


def _contents(file: Path) -> Iterator[tuple[str, bytes]]:
    yield file.name, file.read_bytes()
    if file.suffixes[-2:] == [".tar", ".gz"]:
        with tarfile.open(file) as archive:
            for member in archive.getmembers():
                data = archive.extractfile(member)
                yield f"{file.name}:{member.name}", data.read() if data else b""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with standing(tmp_path, [Vm("web-01", (3,))]) as made:
        yield made


@pytest.mark.timeout(400)
def test_no_secret_is_in_anything_that_is_written(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4, Plan files: planted everywhere, searched in everything, from the first plan to the evidence of a destroy."""
    with server(204) as (address, told):
        all_of(Planted(site, address, monkeypatch), site)
    assert [body["machine"] for _, body in told if body.get("hook") == "dns"] == ["web-01"]


def all_of(here: Planted, site: Site) -> None:
    says = here.says
    says("init")
    says("plan", "--out", "one.wlplan", "--log", "json", "--log-file", "plan.jsonl")
    for how in ((), ("--json",), ("--markdown",)):
        says("show", "one.wlplan", *how)
    says("plan", "--json")
    says("forecast", "--json")
    says("inventory", "export", "--out", "inventory.json")
    says("doctor", "--role", "plan", code=(0, 1, 7))
    with here.engine():
        says("apply", "one.wlplan", "--auto-approve", "--log", "json", "--log-file", "apply.jsonl")
        keys(here, site)
        wave = site.estate / "wave.yaml"
        wave.write_text(wave.read_text().replace("replicate", "migrate"))
        says("apply", "--auto-approve", "--approver", "kim", "--log", "json")
        says("status", "--json")
        says("status", "web-01")
    for how in (("--json",), ("--markdown",)):
        says("drift", *how, "--fail", "none")
    for words in (("show", "replication.web-01"), ("history", "--json"), ("pull",)):
        says("state", *words)
    says("explain", "web-01")
    says("explain-value", "web-01")
    says("report", "web-01", "--out", "reports", "--html", code=(0, 1))
    says("support-bundle", "--out", "bundle.tar.gz")
    says("destroy", "--out", "gone.json", "--allow-destroy", "6")
    says("show", "gone.json")
    says("destroy", "--json", code=(0, 5))
    assert len(list(site.folder.glob("*.out"))) > 20
    assert here.found() == []
    (site.folder / "leak.txt").write_text(f"Bearer {HOOK}")
    assert len(here.found()) == 1, "the search finds what is there"


def keys(here: Planted, site: Site) -> None:
    """The estate's own secrets are as secret: they are searched as well."""
    state = json.loads((site.estate / ".wavelift" / "state.drill.json").read_text())["artifacts"]
    vault = next(one["attributes"]["vault_uri"] for one in state.values() if one["kind"] == "key_vault")
    client = site.wiring().azure.secrets(vault)
    values = [client.get_secret(one["spec"]["name"]).value for one in state.values() if one["kind"] == "secret"]
    assert len(values) >= 2
    here.secrets += [value for value in values if value]
