"""Issue 4, "State for a team": an apply that is frozen, or cut off from Azure, for longer than its lease.

Real processes, SIGSTOP and SIGCONT, on one lab whose state lies in a blob. Leases last 15 s here, Azure's shortest, and 60 s
in use. The tests are one story.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.command import SHORT_LEASE, Process
from tests.e2e.site import PATIENCE, Vm, standing
from tests.e2e.team import TEAM, Team, told

LEASE = 15


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    vms = [Vm(f"web-0{number}", (4,), data=1) for number in range(1, 5)]
    with pytest.MonkeyPatch.context() as patch, standing(tmp_path_factory.mktemp("frozen"), vms, ["web-01"]) as site:
        patch.setenv(SHORT_LEASE, str(LEASE))
        (site.estate / "team.yaml").write_text(TEAM)
        made = Team(site)
        told(made.here("init", "--bootstrap"), 0)
        site.control("azure", "POST", "azure/sent", {"keep": True})
        yield made


def sent(team: Team) -> list[Any]:
    """Every PUT and PATCH that Azure Resource Manager has carried out."""
    found: list[Any] = team.site.control("azure", "GET", "azure/sent")
    return found


def documents(team: Team) -> dict[str, str]:
    """Every blob of the state's and the gateway's containers, with its ETag."""
    gateway = team.site.blobs(team.site.gateway()).get_container_client("gateway")
    return {f"{one.container_name}/{b.name}": b.etag for one in (team.container(), gateway) for b in one.list_blobs()}


def taken_over(team: Team, frozen: Process) -> None:
    """A colleague's apply, refused with the holder's name for as long as the lease runs, and then at work."""
    begun = time.monotonic()
    while (ran := team.colleague("apply", "--auto-approve", "--detach")).code == 4:
        assert f"process {frozen.pid}, apply" in ran.said, ran.said
        assert time.monotonic() - begun < LEASE + 10, ran.said
        time.sleep(0.5)
    told(ran, 0, "done")


def test_frozen_between_two_tries_of_a_step(team: Team) -> None:
    """SIGSTOP in the middle of an apply, for longer than its lease; a colleague's apply finishes; after SIGCONT the first one
    asks Azure for nothing more, writes nothing, and says why. It was to make requests once more, announced under its lease."""
    busy = "arm PUT Microsoft.Storage/storageAccounts "
    rule = team.site.fault("azure", busy, "fail", count=0, status=503, code="ServerBusy", retry_after=3)
    frozen = team.site.beside("apply", "--auto-approve", "--detach")
    team.site.struck("azure", rule, times=3, seconds=40)
    time.sleep(0.5)
    frozen.signal(signal.SIGSTOP)
    team.site.heal()
    taken_over(team, frozen)
    asked, written = sent(team), documents(team)
    frozen.signal(signal.SIGCONT)
    assert frozen.wait(PATIENCE) == 4, frozen.said
    assert "was lost" in frozen.said and "Apply again" in frozen.said, frozen.said
    assert sent(team) == asked, "nothing more was asked of Azure"
    assert documents(team) == written
    team.settled()
