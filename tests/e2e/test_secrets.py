"""Issue 4: "No secret in any of it (a test plants secrets everywhere and searches all that is written)".

Planted: the vCenter's password (from a file, then from the estate's Key Vault), Azure's client secret (environment, then one that
is wrong, then one that is no JSON), a hook's address (file), the webhook (environment), a proxy's password, a private key beside
the CA's certificate, an overlay that writes secrets out, the environment of every command, what a hook prints; and what the
estate makes itself: the log's key, the report's key. Searched: every file below the site but those in which a secret belongs:
outputs, plan files, state and journal in their storage account, orders, records, evidence, reports, bundle, Terraform, metrics,
logs, the lab's own logs, temporary files; what the webhook was sent; the words of every process that ran meanwhile. As it is, as
JSON, an address, XML and base64 write it; and whatever looks like a signature or a token."""

from __future__ import annotations

import base64
import json
import re
import shutil
import signal
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e.site import PATIENCE, Site, Vm, standing
from tests.planner.test_hooks import server

AMBIENT = {"AMBIENT_TOKEN": "planted-ambient-1", "TF_VAR_password": "planted-ambient-2"}
HOOK, WEBHOOK, PROXY = "planted-in-the-hook", "planted-in-the-webhook", "planted/in the+proxy"
VCENTER, AZURE, WRONG = 'planted "vc" <&\\é>', 'planted+az/"\\ö=', "planted wrong&login"
OVERLAID = [f"planted{number}in7the9overlay" for number in range(5)]
LOOKS = re.compile(rb"[?&]sig=[A-Za-z0-9%+/]{20}|\beyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20}|-----BEGIN [A-Z ]*PRIVATE KEY")
"""A shared access signature, a token, a private key, whoever made it."""


class Planted:
    """A site whose commands run with secrets around them; `said` is all that they printed."""

    def __init__(self, site: Site, address: str, patch: pytest.MonkeyPatch) -> None:
        self.site, self._patch = site, patch
        self.secrets = [*AMBIENT.values(), HOOK, WEBHOOK, PROXY, VCENTER, AZURE, WRONG, *OVERLAID]
        self.login = site.estate / ".wavelift" / "secrets"
        self.words: set[bytes] = set()
        self.vault = ""
        azure, lab = site.lab.known["azure"], site.estate / "lab.yaml"
        site.control("vcenter", "POST", "password", {"password": VCENTER})
        who = {name: azure[name] for name in ("client_id", "object_id")}
        site.control("azure", "POST", "azure/principals", {**who, "secret": AZURE})
        self.vcenter = json.dumps({"user": site.lab.known["vcenter"]["user"], "password": VCENTER})
        (self.login / "vcenter.json").write_text(self.vcenter)
        self.azure = {"client_id": azure["client_id"], "client_secret": AZURE}
        (self.login / "azure.json").write_text(json.dumps(self.azure))
        (self.login / "hook").write_text(f"{address}?token={HOOK}\n")
        (self.login / "hook").chmod(0o600)
        text = lab.read_text().replace(site.lab.known["ca"], str(self._authority()))
        assert "file:.wavelift/secrets/azure.json" in text
        lab.write_text(text.replace("login: file:.wavelift/secrets/azure.json", "login: env:AZ_LOGIN"))
        around = {**AMBIENT, "AZ_LOGIN": json.dumps(self.azure), "WEBHOOK": f"{address}/{WEBHOOK}"}
        proxy = f"http://kim:{quote(PROXY, safe='')}@127.0.0.1:9"
        for name, value in {**around, "HTTPS_PROXY": proxy, "NO_PROXY": "127.0.0.1,localhost"}.items():
            patch.setenv(name, value)
        (site.folder / "tmp").mkdir()
        patch.setenv("TMPDIR", str(site.folder / "tmp"))
        self.overlay, self.leaky = site.folder / "drill.yaml", site.folder / "leaky.yaml"
        command = [sys.executable, "-c", "print('planted-in-the-output')"]
        hooks = {"before": [{"name": "quiet", "command": command, "timeout": "20s"}]}
        hooks["after"] = [{"name": "dns", "url": "file:.wavelift/secrets/hook", "timeout": "20s"}]
        over = {
            "estate": {"name": "drill"},
            "azure": {"project": {"resource_group": {"name": "rg-drill-p", "managed": True}}},
            "targets": {"korea": {"resource_group": {"name": "rg-drill", "managed": True}}},
            "policies": {"cutover": {"quick": {"hooks": hooks}}},
            "notify": {"webhook": "env:WEBHOOK"},
            "prices": {"currency": "EUR", "seed_gib_month": {"koreacentral": 0.5}},
            "state": {"azure_blob": {"account": "stdrill", "container": "wavelift"}},
        }
        self.overlay.write_text(yaml.safe_dump(over, sort_keys=False))
        self.leaky.write_text(yaml.safe_dump(over | _leaky(), sort_keys=False))

    def _authority(self) -> Path:
        """The lab's, in a file that somebody has put a private key into."""
        key = ec.generate_private_key(ec.SECP256R1())
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        text = key.private_bytes(serialization.Encoding.PEM, form, plain).decode()
        self.secrets.append(text.splitlines()[1])
        kept = self.login / "ca.pem"
        kept.write_text(Path(self.site.lab.known["ca"]).read_text() + text)
        return kept

    def says(self, *arguments: str, code: int | tuple[int, ...] = 0, overlay: Path | None = None, **around: str) -> None:
        """A command in the planted environment; the site keeps what it prints in files."""
        where = ["-C", str(self.site.estate), "--overlay", str(overlay or self.overlay)]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in around.items():
                patch.setenv(name, value)
            ran = self.site.run(*arguments, *([] if arguments[0] in ("show", "verify") else where))
        assert ran.code in ((code,) if isinstance(code, int) else code), (arguments, ran.said)

    @contextmanager
    def engine(self) -> Iterator[None]:
        child = self.site.beside("engine", "run", "--overlay", str(self.overlay), "--metrics", "metrics.prom")
        try:
            yield
        finally:
            child.signal(signal.SIGTERM)
            child.wait(PATIENCE)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """What every process of this host was started with meanwhile, as `ps` would show it."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.05):
                for entry in Path("/proc").glob("[0-9]*/cmdline"):
                    try:
                        self.words.add(entry.read_bytes())
                    except OSError:
                        continue  # it has ended

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def found(self) -> list[str]:
        """Places of a secret in anything that was written: outputs, plan files, state, journal, what Azure's blobs hold."""
        known = re.compile(b"|".join(sorted(map(re.escape, {form for one in self.secrets for form in _forms(one)}), key=len)))
        places = [f"process {words[:60]!r}" for words in self.words if known.search(words)]
        for file in sorted(self.site.folder.rglob("*")):
            if not file.is_file() or self._keeps(file):
                continue
            for name, data in _contents(file):
                hits = [*known.findall(data), *LOOKS.findall(data)]
                places += [f"{name}: {hit[:12].decode()}…" for hit in hits]
        return places

    def _keeps(self, file: Path) -> bool:
        """Where secrets belong: the login's files, and the lab's own directory, key vault and list of principals."""
        lab = self.site.lab.folder
        kept = {lab / "lab.json", lab / "azure" / "arm.journal", lab / "azure" / "settings.json", self.leaky}
        return self.login in file.parents or lab / "tls" in file.parents or file in kept or file.suffix == ".raw"


def _leaky() -> dict[str, object]:
    """What an overlay says that writes its secrets out."""
    hooks = [
        {"name": "a", "url": f"https://ops.corp.example/{OVERLAID[0]}"},
        {"name": "b", "url": f"https://kim:{OVERLAID[1]}@ops.corp.example/"},
        {"name": "c", "command": ["curl", "-H", f"Authorization: Bearer {OVERLAID[2]}"]},
    ]
    return {
        "notify": {"webhook": f"https://hooks.slack.com/services/{OVERLAID[3]}"},
        "policies": {"cutover": {"quick": {"hooks": {"before": hooks}}}},
        "sources": {"lab": {"login": {"user": "kim", "password": OVERLAID[4]}}},
    }


def _forms(secret: str) -> set[bytes]:
    raw = secret.encode()
    told = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    told |= {quote(secret), quote(secret, safe=""), quote_plus(secret), escape(secret), escape(secret, quote=False)}
    # base64 of a longer text that holds it: it may begin at any of three places, and its ends depend on what is beside it
    inner = {base64.b64encode(b"\0" * shift + raw)[(0, 2, 3)[shift] :].rstrip(b"=")[:-1] for shift in range(3)}
    return {one.encode() for one in told} | {one.replace(b"+", b"-").replace(b"/", b"_") for one in inner} | inner


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
        here = Planted(site, address, monkeypatch)
        with here.watched():
            written_out(here)
            all_of(here, site)
            refused(here)
    assert [body["machine"] for _, body in told if body.get("hook") == "dns"] == ["web-01"]
    (site.folder / "posted.json").write_text(json.dumps(told))
    assert len(list(site.folder.glob("*.out"))) > 35 and len(here.words) > 10
    assert here.found() == []
    for leak in (f"Bearer {HOOK}", quote(VCENTER), base64.b64encode(f"x{AZURE}y".encode()).decode(), f"https://x?sig={'a' * 40}"):
        (site.folder / "leak.txt").write_text(leak)
        assert len(here.found()) == 1, f"the search finds {leak}"


def written_out(here: Planted) -> None:
    """An overlay with secrets in it is refused in every form, and nothing shows what it says."""
    for form in ("text", "json", "sarif"):
        here.says("validate", "--format", form, code=1, overlay=here.leaky)
    here.says("plan", code=1, overlay=here.leaky)
    for place in ("notify.webhook", "policies.cutover.quick", "sources.lab.login", "web-01"):
        here.says("explain-value", place, "--json", code=(0, 1), overlay=here.leaky)
    broken = here.site.folder / "broken"
    shutil.copytree(here.site.estate, broken, ignore=shutil.ignore_patterns(".wavelift"))
    shutil.copy(here.leaky, broken / "leaky.yaml")
    ran = here.site.run("support-bundle", "-C", str(broken), "--out", "leaky.tar.gz")
    assert ran.code in (0, 1) and (here.site.folder / "leaky.tar.gz").exists(), ran.said
    (broken / "leaky.yaml").unlink()


def all_of(here: Planted, site: Site) -> None:
    says = here.says
    says("init", "--bootstrap")
    says("init")
    says("plan", "--out", "one.wlplan", "--log", "json", "--log-file", "plan.jsonl")
    for how in ((), ("--json",), ("--markdown",)):
        says("show", "one.wlplan", *how)
    says("plan", "--json")
    says("forecast", "--json")
    says("graph")
    says("inventory", "export", "--out", "inventory.json")
    says("doctor", "--role", "engine", code=(0, 1, 5))
    with here.engine():
        says("apply", "one.wlplan", "--auto-approve", "--log", "json", "--log-file", "apply.jsonl")
        keys(here, site)
        in_the_vault(here, site)
        wave = site.estate / "wave.yaml"
        wave.write_text(wave.read_text().replace("replicate", "migrate"))
        says("apply", "--auto-approve", "--approver", "kim", "--log", "json")
        says("status", "--json")
        says("status", "web-01")
    for how in (("--json",), ("--markdown",)):
        says("drift", *how, "--fail", "none")
    for words in (("show", "replication.web-01"), ("history", "--json"), ("lock",)):
        says("state", *words, code=(0, 1))
    says("explain", "web-01")
    says("explain-value", "web-01")
    says("report", "web-01", "--out", "reports", "--html", code=(0, 1))
    says("report", "decommission", code=(0, 1))
    says("export", "terraform", "--out", "tf", code=(0, 1))
    says("support-bundle", "--out", "bundle.tar.gz")
    says("destroy", "--out", "gone.json", "--allow-destroy", "6")
    says("show", "gone.json")
    says("destroy", "--json", code=(0, 5))


def keys(here: Planted, site: Site) -> None:
    """The estate's own secrets are as secret: they are searched as well."""
    here.says("state", "pull")
    pulled = max(site.folder.glob("*-state.out"), key=lambda file: file.name)
    state = json.loads(pulled.read_text())["artifacts"]
    here.vault = next(one["attributes"]["vault_uri"] for one in state.values() if one["kind"] == "key_vault").rstrip("/")
    client = site.wiring().azure.secrets(here.vault)
    values = [client.get_secret(one["spec"]["name"]).value for one in state.values() if one["kind"] == "secret"]
    assert len(values) >= 2
    here.secrets += [value for value in values if value]


def in_the_vault(here: Planted, site: Site) -> None:
    """The engine's login to vCenter moves into the Key Vault while it runs."""
    site.wiring().azure.secrets(here.vault).set_secret("vcenter", here.vcenter)
    lab = site.estate / "lab.yaml"
    both = "file:.wavelift/secrets/vcenter.json"
    lab.write_text(lab.read_text().replace(f"login: {both}", f"login: {{plan: {both}, engine: 'keyvault:{here.vault}/vcenter'}}"))


def refused(here: Planted) -> None:
    """What is wrong with a secret is told without it."""
    here.says("plan", code=(1, 5), AZ_LOGIN=json.dumps({**here.azure, "client_secret": WRONG}))
    here.says("plan", code=(1, 5), AZ_LOGIN=json.dumps(here.azure) + WRONG)
    here.says("plan", code=(1, 5), NO_PROXY="")
    here.says("doctor", code=1, NO_PROXY="")
    (here.login / "vcenter.json").write_text(here.vcenter.replace("planted", "planted wrong"))
    here.says("plan", code=1)
    (here.login / "vcenter.json").write_text(here.vcenter[:-1])
    here.says("plan", code=1)
    (here.login / "hook").unlink()
    here.says("validate")
