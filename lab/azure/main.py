"""`python -m lab azure`: one process with two HTTPS servers, "arm" (ARM, login, Key Vault) and "blob"."""

from __future__ import annotations

import argparse
import logging
import os
import uuid
from pathlib import Path

from lab.azure.arm.env import Addresses
from lab.azure.blob.accounts import Accounts
from lab.azure.blob.disks import DiskFiles
from lab.azure.blob.service import BlobService
from lab.azure.cloud import OWNER, Cloud
from lab.azure.control import Extras, extend
from lab.control import Control
from lab.faults import Faults
from lab.http import LabServer, run_until_stopped
from lab.registry import Registry
from lab.tls import ensure_ca


class AzureLab:
    """The process's parts; tests use it in their own process, `main` in one of its own."""

    def __init__(self, root: Path | str, *, subscriptions: int = 2, latency: float | None = None) -> None:
        self.registry = Registry(root)
        folder = self.registry.root / "azure"
        folder.mkdir(exist_ok=True)
        known = self.registry.section("azure")
        certs = ensure_ca(self.registry.root)
        addresses = Addresses()
        self.faults = Faults()
        # The servers listen before the parts exist that need to know the ports; they serve only later.
        self._arm = LabServer(lambda request: self._arm_handler(request), certs, _port(known.get("arm")))
        self._blob = LabServer(lambda request: self._blob_handler(request), certs, _port(known.get("blob")))
        addresses.arm = f"https://127.0.0.1:{self._arm.port}"
        addresses.blob = f"https://127.0.0.1:{self._blob.port}"
        accounts = Accounts(folder)
        disks = DiskFiles(folder, addresses.blob)
        self.cloud = Cloud(folder, accounts, disks, addresses, self.faults)
        if latency is not None:
            self.cloud.settings.change(latency=latency)
        blobs = BlobService(folder, accounts, disks, self.faults, self.cloud.may_use_blobs)
        extras = Extras(self.cloud, blobs)
        control = Control(self.registry.control_token(), self.faults, extras.status)
        extend(control, extras)
        self._arm_handler = control.before(self.cloud.handle)
        self._blob_handler = control.before(blobs.handler)
        self._register(subscriptions)

    def _register(self, subscriptions: int) -> None:
        """Make the tenant, its subscriptions and its first principal on first use, and tell `lab.json`."""
        settings = self.cloud.settings
        self.cloud.ensure_subscriptions(subscriptions)
        secret = self.registry.secret("azure", "client_secret")
        client_id = self.registry.section("azure").get("client_id") or str(uuid.uuid4())
        if client_id not in settings.values.principals:
            object_id = str(uuid.uuid4())
            self.cloud.add_principal(client_id, object_id, secret, "wavelift")
            for subscription in settings.values.subscriptions:
                self.cloud.assign(object_id, OWNER, f"/subscriptions/{subscription}")
        self.registry.update(
            "azure",
            {
                "arm": self.cloud.addresses.arm,
                "authority": self.cloud.addresses.arm,
                "blob": self.cloud.addresses.blob,
                "pid": os.getpid(),
                "tenant": settings.values.tenant,
                "subscriptions": settings.values.subscriptions,
                "client_id": client_id,
                "client_secret": secret,
                "object_id": settings.values.principals[client_id]["object_id"],
            },
        )

    @property
    def servers(self) -> tuple[LabServer, LabServer]:
        """The "arm" and the "blob" server."""
        return self._arm, self._blob

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        self.cloud.run()
        run_until_stopped(self.servers, self.cloud.close)


def main(arguments: list[str]) -> int:
    """Start the process's servers and run them until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser("python -m lab azure", description="The lab's Azure on loopback.")
    parser.add_argument("--root", required=True, help="the lab's folder; everything is kept below it")
    parser.add_argument("--subscriptions", type=int, default=2, help="how many subscriptions there are (default 2)")
    parser.add_argument("--latency", type=float, help="seconds a long-running operation takes (default 0.2, kept)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    AzureLab(options.root, subscriptions=options.subscriptions, latency=options.latency).run()
    return 0


def _port(address: str | None) -> int:
    return int(address.rpartition(":")[2]) if address else 0
