"""A site whose state lies in a blob, and a colleague who works on the same estate."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from typing import Any

from tests.e2e.command import Process, Ran
from tests.e2e.site import Site

TEAM = "state: {azure_blob: {account: sttfstate, container: wavelift}}\n"


class Team:
    """A site and a colleague's folder with the same files."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.other = site.folder / "colleague"

    def colleague(self, *arguments: str) -> Ran:
        """A command in the colleague's folder, with the files as they are now."""
        shutil.rmtree(self.other, ignore_errors=True)
        shutil.copytree(self.site.estate, self.other)
        return self.site.run(*arguments, "-C", str(self.other))

    def here(self, *arguments: str) -> Ran:
        """A command in the first folder."""
        return self.site.run(*arguments, "-C", str(self.site.estate))

    def add(self, name: str) -> None:
        """One more machine: a seed disk and an item to make."""
        self.site.machines[name] = {"size": "Standard_D2s_v5"}
        self.site.write_wave()

    def slow(self, match: str, seconds: float, *arguments: str) -> Process:
        """An apply that is in the middle of a call that takes so long."""
        rule = self.site.fault("azure", match, "delay", count=1, seconds=seconds)
        process = self.site.beside("apply", "--auto-approve", "--detach", *arguments)
        self.site.struck("azure", rule, seconds=40)
        return process

    def pulled(self) -> dict[str, Any]:
        ran = self.here("state", "pull")
        assert ran.code == 0, ran.said
        found: dict[str, Any] = json.loads(ran.out)
        return found

    def settled(self) -> None:
        """Nothing is there twice, nothing that is not recorded, and every machine is enabled."""
        view = self.site.wiring().workspace.view()
        assert not view.interrupted
        state = view.state
        ids = Counter(one.id.lower() for one in state.artifacts.values())
        assert max(ids.values()) == 1
        assert sorted(state.by_name()) == sorted(self.site.machines)
        clients = self.site.wiring().azure.resources(self.site.subscription)
        listed = [r for group in ("rg-wavelift", "rg-e2e") for r in clients.resources.list_by_resource_group(group)]
        assert {str(r.id).lower() for r in listed} <= ids.keys()
        for kind in ("seed_disk.", "replication."):
            assert len([a for a in state.artifacts if a.startswith(kind)]) == len(self.site.machines)
        assert not self.journal(), "folded into the state"

    def journal(self) -> list[str]:
        return [blob.name for blob in self.container().list_blobs(name_starts_with="e2e.json.journal/")]

    def container(self) -> Any:
        """Azure's own client of the state's container."""
        account, container, _ = self.site.wiring().workspace.store.where.rsplit("/", 2)
        return self.site.blobs(account).get_container_client(container)


def told(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, ran.said
    missing = [word for word in words if word not in ran.said]
    assert not missing, f"{missing} not in:\n{ran.said}"
