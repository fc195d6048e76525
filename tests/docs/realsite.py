"""A lab as what docs/howto-real-site.md finds: a vCenter with a folder of VMs, a landing zone, three identities without any role.

The lines of the page run here as on its three hosts: `AZ` is apply's login on its runner, and the engine's for what runs on its
host.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import yaml

from tests.ci.shim import Shim
from tests.docs import pages
from tests.docs.az import NETWORKS, Arm, program
from tests.docs.pages import Line
from wavelift.labs.lab import Lab

VMS = ("shop-db-01", "shop-web-02")
INVENTORY = {
    "datacenters": ["Seoul"],
    "hosts": ["esx-01"],
    "datastores": [{"name": "ds-01"}],
    "networks": ["VLAN110-web"],
    "vms": [
        {
            "name": name,
            "folder": "/Seoul/vm/shop",
            "host": "esx-01",
            "datastore": "ds-01",
            "disks": [{"gib": 0.02}],
            "nics": [{"network": "VLAN110-web", "ip": f"10.20.1.{number}"}],
        }
        for number, name in enumerate(VMS, 10)
    ],
}
_HOSTS = """\
#!/bin/sh
case " $* " in
" engine "*|*" --role engine "*) export AZ="$AZ_ENGINE" ;;
esac
exec "$(dirname "$0")/shim/wavelift" "$@"
"""


class RealSite:
    """`folder` is where a user's shell stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "user"
        self.folder.mkdir()
        self.lab = Lab(folder / "lab")
        self._programs = folder / "bin"
        self._programs.mkdir()
        self._shim = Shim(self._programs / "shim")
        (self._programs / "wavelift").write_text(_HOSTS)
        (self._programs / "wavelift").chmod(0o755)
        self.yours: dict[str, str] = {}
        """What a user sets at the page's top."""
        self._secrets: dict[str, str] = {}

    def start(self) -> None:
        inventory = self.folder.parent / "inventory.yaml"
        inventory.write_text(yaml.safe_dump(INVENTORY))
        self.lab.start(["--inventory", str(inventory)], ["--latency", "0.02"])
        program(self._programs, self.lab.folder)
        self._sign_up()
        self._landing_zone()
        certs = self.folder / self.yours["ESTATE"] / "certs"
        certs.mkdir(parents=True)
        shutil.copy(self.lab.known["ca"], certs / "corp-ca.pem")

    def close(self) -> None:
        self.lab.stop()
        self._shim.close()

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a shell of the user's."""
        return {**pages.environment(self.folder, self._programs), **self.yours, **self._secrets}

    # ---- who may do what

    def held(self) -> set[tuple[str, str, str]]:
        """Object id, role, scope of every assignment."""
        found = self.lab.control("azure", "GET", "azure/roles")
        return {(one["object_id"], one["role"], one["scope"]) for one in found}

    def take(self, roles: Iterable[tuple[str, str, str]]) -> None:
        """Take roles away: object id, role, scope."""
        for who, role, scope in roles:
            given = urlencode({"object_id": who, "role": role, "scope": scope}, quote_via=quote)
            gone = self.lab.control("azure", "DELETE", f"azure/roles?{given}")["removed"]
            assert len(gone) == 1, f"{role} on {scope}: {gone}"

    def deny(self, privileges: Iterable[str]) -> None:
        """What nobody has in vCenter from now on, and nothing else."""
        self.lab.control("vcenter", "POST", "settings", {"denied": sorted(privileges)})

    def powers(self) -> dict[str, str]:
        found = self.lab.control("vcenter", "GET", "status")["vms"]
        return {name: vm["power"] for name, vm in found.items()}

    # ---- what is there before

    def at_the_lab(self, lines: Iterable[Line]) -> list[Line]:
        """The page's lines, and one more behind that which writes the estate's file: a real cloud's clients know where it is."""
        azure = self.lab.known["azure"]
        where = f"endpoint: {azure['arm']}\\n  authority: {azure['authority']}\\n  ca: certs/corp-ca.pem"
        state = f"account: sttfstate, endpoint: {azure['blob']}/sttfstate"
        more = f"sed -i 's#^  tenant: .*#&\\n  {where}#; s#account: sttfstate#{state}#' $ESTATE/estate.yaml"
        out: list[Line] = []
        for line in lines:
            out.append(line)
            if "> $ESTATE/estate.yaml <<" in line.text:
                out.append(Line(line.number, more))
        return out

    def _sign_up(self) -> None:
        """Three principals without any role, and two accounts of vCenter, one of which only reads."""
        azure, vcenter = self.lab.known["azure"], self.lab.known["vcenter"]
        self.yours |= {"ESTATE": "estates/seoul", "TENANT": azure["tenant"], "SUBSCRIPTION": azure["subscriptions"][0]}
        self.yours |= {"REGION": "koreacentral", "VCENTER": f"{vcenter['host']}:{vcenter['port']}"}
        for seat, secret in (("PLAN", "AZ_PLAN"), ("APPLY", "AZ"), ("ENGINE", "AZ_ENGINE")):
            made = self.lab.control("azure", "POST", "azure/principals", {"name": f"sp-wavelift-{seat.lower()}"})
            self.yours[seat] = made["object_id"]
            self._secrets[secret] = json.dumps({key: made[key] for key in ("client_id", "client_secret")})
        reader = {"user": "wavelift-plan@vsphere.local", "password": "reads-only"}
        self.lab.control("vcenter", "POST", "readers", reader)
        self._secrets["VC_PLAN"] = json.dumps(reader)
        self._secrets["VC"] = json.dumps({key: vcenter[key] for key in ("user", "password")})

    def _landing_zone(self) -> None:
        """The networks, made by a platform team."""
        arm = Arm(self.lab.folder)
        top = f"/subscriptions/{self.yours['SUBSCRIPTION']}/resourceGroups/rg-network"
        arm.put(top, "2021-04-01", {"location": self.yours["REGION"]})
        for name in ("vnet-prod", "vnet-bubble"):
            subnets = [{"name": "snet-web", "properties": {"addressPrefix": "10.20.1.0/24"}}]
            space: dict[str, Any] = {"addressSpace": {"addressPrefixes": ["10.20.0.0/16"]}, "subnets": subnets}
            body = {"location": self.yours["REGION"], "properties": space}
            arm.put(f"{top}/providers/Microsoft.Network/virtualNetworks/{name}", NETWORKS, body)


@contextmanager
def standing(folder: Path) -> Iterator[RealSite]:
    site = RealSite(folder)
    try:
        site.start()
        yield site
    finally:
        site.close()
