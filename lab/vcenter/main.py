"""`python -m lab vcenter`: the vCenter server's process."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import resource
import sys
from pathlib import Path

from lab.control import Control
from lab.faults import Faults
from lab.http import LabServer, run_until_stopped
from lab.registry import Registry
from lab.tls import ensure_ca
from lab.vcenter import spec as inventory_spec
from lab.vcenter.build import Builder
from lab.vcenter.control_api import VCenterControl
from lab.vcenter.files import replace_json
from lab.vcenter.inventory import World
from lab.vcenter.service import VCenter
from lab.vcenter.sessions import Sessions
from lab.vcenter.spec import InventorySpec, SpecError
from lab.vcenter.tasks import Tasks

USER = "administrator@vsphere.local"


def main(arguments: list[str]) -> int:
    """Start the server and run it until it is told to stop; returns the exit code."""
    options = _options(arguments)
    logging.basicConfig(level=options.log_level, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    _many_files()
    root = Path(options.root).absolute()
    try:
        world = Builder(_inventory(options, root), root / "vcenter").build()
    except SpecError as error:
        sys.stderr.write(f"lab vcenter: {error}\n")
        return 1
    gc.collect()
    gc.freeze()  # the inventory lives as long as the process: no collection needs to look at it again
    world.defaults.latency_s = options.latency
    server, registry = make_server(world, root)
    run_until_stopped([server], lambda: _gone(registry))
    return 0


def make_server(world: World, root: Path) -> tuple[LabServer, Registry]:
    """A server for this world, listening and entered in `lab.json`."""
    registry = Registry(root)
    faults = Faults()
    sessions = Sessions(USER, registry.secret("vcenter", "password"), world.defaults)
    vcenter = VCenter(world, sessions, Tasks(world), faults)
    extras = VCenterControl(world, sessions)
    control = Control(registry.control_token(), faults, extras.status)
    extras.install(control)
    port = int(registry.section("vcenter").get("port", 0))
    server = LabServer(control.before(vcenter.handle), ensure_ca(root), port)
    registry.update("vcenter", {"host": "127.0.0.1", "port": server.port, "pid": os.getpid(), "user": USER})
    return server, registry


def _gone(registry: Registry) -> None:
    registry.update("vcenter", {"pid": None})


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lab vcenter", description="A simulated vCenter on loopback."
    )
    parser.add_argument("--root", required=True, help="the lab's folder; everything is kept below it")
    parser.add_argument("--inventory", help="YAML file (default: inventory.yaml in the folder, if there)")
    parser.add_argument("--vms", type=int, help="make so many VMs instead of reading a file")
    parser.add_argument("--hosts", type=int, default=2)
    parser.add_argument("--disks", type=int, default=1, help="disks of each VM")
    parser.add_argument("--disk-gib", type=float, default=10)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds that any task takes at least")
    parser.add_argument("--log-level", default="WARNING")
    return parser.parse_args(arguments)


def _inventory(options: argparse.Namespace, root: Path) -> InventorySpec:
    """From the file or the counts given, else from what the folder has: a restart needs no options."""
    source = root / "vcenter" / "source.json"
    if options.inventory:
        path = Path(options.inventory).absolute()
        replace_json(source, {"inventory": str(path)})
        return inventory_spec.read(path)
    if options.vms is not None:
        counts = {
            "vms": options.vms,
            "hosts": options.hosts,
            "disks": options.disks,
            "disk_gib": options.disk_gib,
        }
        replace_json(source, counts)
        return inventory_spec.from_counts(**counts)
    if (root / "inventory.yaml").exists():
        return inventory_spec.read(root / "inventory.yaml")
    if source.exists():
        return inventory_spec.read_again(source)
    return inventory_spec.from_counts(4)


def _many_files() -> None:
    """Each connection and each disk being read holds a descriptor: take as many as the system gives."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
