"""Reads the lab's whole vCenter once and prints the seconds: python -m tests.bench.inventory_once ESTATE VMS DISKS"""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path

import yaml

from planner.estate import Login, SecretRef, Source
from providers.secrets import credentials
from providers.vmware.source import open_source


def seconds(estate: Path, vms: int, disks: int) -> float:
    """From the first connection to values; imports are not counted."""
    entry = yaml.safe_load((estate / "lab.yaml").read_text())["sources"]["lab"]
    host, _, port = entry["vcenter"].partition(":")
    secret = SecretRef("file", str(estate / entry["login"].removeprefix("file:")))
    source = Source("lab", host, int(port), Login(secret, secret), entry["tls"]["ca"])
    before = time.perf_counter()
    with closing(open_source(source, lambda: credentials(secret))) as opened:
        found = opened.inventory(now=time.time())
        took = time.perf_counter() - before
    if len(found.vms) != vms or any(len(vm.disks) != disks for vm in found.vms):
        raise AssertionError(f"{len(found.vms)} VMs were read, there are {vms}")
    return took


if __name__ == "__main__":
    print(json.dumps(seconds(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
