"""A lab Azure in a process of its own, and a small estate in it, made by the provider under test itself.

One per test process, started when first asked for and stopped by its pid at the end.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from planner.estate import Azure, AzureLogin, ResourceGroup, SecretRef
from planner.ports import Made, ResourceRef
from providers.azure.again import Patience
from providers.azure.artifacts.provider import AzureArtifacts
from providers.azure.artifacts.waiting import RoleWait
from providers.azure.factory import AzureStores
from providers.azure.session import AzureSession
from providers.azure.tags import Owner

REGION = "koreacentral"
OWNER = Owner("shop", "lineage-1")
_numbers = itertools.count(int(time.time()) % 100000 * 100)


def fresh(prefix: str) -> str:
    """A name that no test has used before."""
    return f"{prefix}{os.getpid() % 10000}x{next(_numbers)}"


class LabAzure:
    """The process `python -m lab azure` below a temporary folder."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="wavelift-azure-"))
        with open(self.root / "log", "wb") as log:
            command = [sys.executable, "-m", "lab", "azure", "--root", str(self.root), "--latency", "0.02"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait()
        self.document: dict[str, Any] = json.loads((self.root / "lab.json").read_text())
        self.info: dict[str, Any] = self.document["azure"]
        self.subscription: str = self.info["subscriptions"][0]

    def _wait(self) -> None:
        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if json.loads((self.root / "lab.json").read_text())["azure"]["pid"] == self.process.pid:
                    return
            except (FileNotFoundError, KeyError, ValueError):
                pass  # not written yet
            time.sleep(0.05)
        raise RuntimeError("the lab did not start:\n" + (self.root / "log").read_text()[-2000:])

    def stop(self) -> None:
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
            self.process.wait(10)
        shutil.rmtree(self.root, ignore_errors=True)

    def control(self, method: str, path: str, body: Any = None, server: str = "arm") -> Any:
        """A request to the control API."""
        request = urllib.request.Request(
            f"{self.info[server]}/lab/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.document['control_token']}", "Content-Type": "application/json"},
        )
        context = ssl.create_default_context(cafile=self.document["ca"])
        with urllib.request.urlopen(request, context=context, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    @contextmanager
    def fault(self, match: str, action: str, **more: Any) -> Iterator[None]:
        """A fault rule as long as the block lasts."""
        self.control("POST", "faults", {"match": match, "action": action, **more})
        try:
            yield
        finally:
            self.control("DELETE", "faults")

    def azure(self, **changes: Any) -> Azure:
        """The estate's `azure` that points here."""
        ref = SecretRef("env", "LAB_AZURE")
        group = ResourceGroup("rg-wavelift", managed=True)
        made = Azure(
            self.info["tenant"],
            self.subscription,
            REGION,
            group,
            self.info["arm"],
            self.info["authority"],
            self.document["ca"],
            AzureLogin(ref, ref),
        )
        return replace(made, **changes)

    def session(
        self, secret: Mapping[str, str] | None = None, patience: Patience | None = None, **changes: Any
    ) -> AzureSession:
        """A session of the lab's owner, or of who `secret` says."""
        login = secret or {key: self.info[key] for key in ("client_id", "client_secret")}
        patience = patience or Patience(times=5, pause=0.02)
        return AzureSession(self.azure(**changes), "engine", lambda _: login, polling_interval=0.02, patience=patience)


@functools.cache
def lab() -> LabAzure:
    """This test process's lab."""
    started = LabAzure()
    atexit.register(started.stop)
    return started


@dataclass(frozen=True, slots=True)
class World:
    """An estate's artifacts in the lab: made once, shared by tests that each use names of their own."""

    lab: LabAzure
    session: AzureSession
    artifacts: AzureArtifacts
    stores: AzureStores
    group: str
    made: Mapping[str, Made]

    def ref(self, kind: str, name: str, arm_id: str) -> ResourceRef:
        return ResourceRef(f"{kind}.{name}", kind, arm_id)

    def endpoint(self, kind: str) -> str:
        return str(self.made[kind].attributes["blob_endpoint"])

    @property
    def vault_uri(self) -> str:
        return str(self.made["key_vault"].attributes["vault_uri"])


@functools.cache
def world() -> World:
    """Group, stores with roles and containers, key vault with a key; through the provider's public interface."""
    at = lab()
    session = at.session()
    artifacts = AzureArtifacts(session, OWNER, RoleWait(20))
    group = f"/subscriptions/{at.subscription}/resourceGroups/rg-wavelift"
    made: dict[str, Made] = {}
    here = {"location": REGION}

    def make(key: str, kind: str, arm_id: str, spec: Mapping[str, Any]) -> Made:
        made[key] = artifacts.create(ResourceRef(f"{kind}.{REGION}", kind, arm_id), spec)
        return made[key]

    make("resource_group", "resource_group", group, here)
    for kind, name, container in (
        ("log_store", "wllog", "log"),
        ("gateway_store", "wlgwy", "gateway"),
        ("seed_store", "wlsed", "seeds"),
    ):
        account = f"{group}/providers/Microsoft.Storage/storageAccounts/{name}"
        endpoint = make(kind, kind, account, here).attributes["blob_endpoint"]
        role = "Storage Blob Data Contributor"
        make(f"role.{kind}", "role", f"{account}#{role}", {"scope": account, "role": role})
        box = f"{account}/blobServices/default/containers/{container}"
        make(f"container.{kind}", "container", box, {"account": endpoint, "name": container})
    vault = f"{group}/providers/Microsoft.KeyVault/vaults/wl-kv-1"
    uri = make("key_vault", "key_vault", vault, here).attributes["vault_uri"]
    role = "Key Vault Secrets Officer"
    make("role.key_vault", "role", f"{vault}#{role}", {"scope": vault, "role": role})
    make("secret", "secret", f"{vault}/secrets/log-key", {"vault": uri, "name": "log-key", "source": "random-256"})
    return World(at, session, artifacts, AzureStores(session), group, made)


@functools.cache
def subnet() -> str:
    """The ARM id of a subnet 10.20.1.0/24, made with Azure's own client: networks are not wavelift's."""
    here = world()
    network: Any = {
        "location": REGION,
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.20.0.0/16"]},
            "subnets": [{"name": "snet-web", "properties": {"addressPrefix": "10.20.1.0/24"}}],
        },
    }
    client = here.session.network(here.lab.subscription).virtual_networks
    made = client.begin_create_or_update("rg-wavelift", "vnet-prod", network).result()
    return f"{made.id}/subnets/snet-web"
