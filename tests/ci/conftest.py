"""One lab and one host for all pipelines; each test has a checkout of its own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci.forge import TOKEN, Forge
from tests.ci.github import Run, shell
from tests.ci.shim import Shim
from wavelift.labs.lab import Lab

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "ci"
ESTATE = """\
estate: {name: seoul, schema: 1, time_zone: Asia/Seoul}
state: {azure_blob: {account: stseoulstate, container: wavelift, resource_group: rg-state, region: koreacentral}}
appliances: {gw-1: {role: primary, source: lab}}
targets:
  korea:
    region: koreacentral
    resource_group: {name: rg-trial, managed: true}
    network_group: rg-network
    vnet: vnet-trial
    test_vnet: vnet-bubble
    subnets: {VLAN110-web: snet-1, VLAN120-db: snet-1}
waves:
  pilot: {target: korea, phase: replicate, machines: {vm-01: Standard_B2s}}
"""


class Place:
    """A lab with an estate in a repository, and the host that keeps it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = folder / "repository"
        self.artifacts = folder / "artifacts"
        self.forge = Forge()
        self.shim = Shim(folder / "bin")
        self.lab = Lab(folder / "lab")
        self.environment = {
            "PATH": f"{self.shim.folder}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "CI": "true",
        }

    def start(self) -> None:
        self.artifacts.mkdir()
        self.estate.mkdir(parents=True)
        (self.repository / ".git").mkdir()  # by which the root is known
        (self.estate / "estate.yaml").write_text(ESTATE)
        shutil.copytree(EXAMPLES, self.repository / "examples" / "ci")
        self.ran("lab", "start", "--dir", str(self.lab.folder), "--vms", "6", "--disk-gib", "0.02")
        self.ran("init", "-C", str(self.estate), "--lab", str(self.lab.folder))
        self.ran("lab", "networks", "-C", str(self.estate))
        self.ran("init", "-C", str(self.estate), "--bootstrap")

    def close(self) -> None:
        self.lab.stop()
        self.shim.close()
        self.forge.shutdown()
        self.forge.server_close()

    @property
    def estate(self) -> Path:
        return self.repository / "estates" / "seoul"

    def ran(self, *arguments: str) -> str:
        code, said = shell(["wavelift", *arguments], self.repository, self.environment)
        assert code == 0, said
        return said

    def write(self, old: str, new: str) -> None:
        """What a commit changes."""
        file = self.estate / "estate.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def github(self, run: int, commit: str = "", pull: int | None = 17, fork: bool = False, inventory: str = "") -> Run:
        """A run of the workflow's job, about pull request 17 or a push."""
        environment = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": f"{self.forge.at}/gh",
            "GITHUB_REPOSITORY": "org/estates",
            "GITHUB_RUN_ID": str(run),
            "GITHUB_REF": f"refs/pull/{pull}/merge" if pull else "refs/heads/main",
            "GITHUB_ACTOR": "mina",
        }
        head = {"repo": {"full_name": "stranger/estates" if fork else "org/estates"}}
        github = {
            "token": TOKEN,
            "run_id": run,
            "sha": commit,
            "repository": "org/estates",
            "event": {"pull_request": {"number": pull, "head": head}},
        }
        return Run(self.repository, self.environment | environment, github, self.artifacts, {"WAVELIFT_INVENTORY": inventory})


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("ci"))
    try:
        made.start()
        yield made
    finally:
        made.close()
