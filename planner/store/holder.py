"""Who holds a state: for whoever is refused, and to tell a dead holder from a live one."""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from replication.model.release import RELEASE


@dataclass(frozen=True, slots=True)
class Holder:
    """One holding of a lock. `since` is unix time, `link` the CI run's address or empty, `process` names the process on
    this boot of this machine (in its pid namespace) and nowhere else."""

    user: str
    host: str
    pid: int
    since: float
    doing: str
    link: str = ""
    process: str = ""
    release: str = ""

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        link = f", {self.link}" if self.link else ""
        return f"{self.user} on {self.host} (process {self.pid}, {self.doing}{link}) since {since}"

    def dumps(self) -> str:
        """JSON in ASCII: it also travels in a header."""
        return json.dumps(asdict(self), separators=(",", ":"))


UNKNOWN = Holder("", "", 0, 0.0, "")
"""Somebody who has not said who."""


def loads(text: str | bytes) -> Holder | None:
    """None for what is no holder: a lock that is just being taken."""
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):
        return None


def me(doing: str, env: Mapping[str, str] | None = None) -> Holder:
    """This process. A pipeline may speak for somebody: WAVELIFT_WHO, or what its service calls its user."""
    env = os.environ if env is None else env
    named = (env.get(name) for name in ("WAVELIFT_WHO", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_REQUESTEDFOR"))
    user = next(filter(None, named), None) or _user()
    return Holder(user, socket.gethostname(), os.getpid(), time.time(), doing, link(env), process_of(os.getpid()), RELEASE)


def link(env: Mapping[str, str]) -> str:
    """The address of the CI run that this process belongs to, or empty."""
    if env.get("GITHUB_RUN_ID"):
        server = env.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{env.get('GITHUB_REPOSITORY', '')}/actions/runs/{env['GITHUB_RUN_ID']}"
    if env.get("BUILD_BUILDID") and env.get("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"):
        base = env["SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"].rstrip("/")
        return f"{base}/{env.get('SYSTEM_TEAMPROJECT', '')}/_build/results?buildId={env['BUILD_BUILDID']}"
    for name in ("WAVELIFT_LINK", "CI_JOB_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL", "BUILD_URL"):
        if env.get(name):
            return env[name]
    return ""


def alive(holder: Holder) -> bool | None:
    """Whether its process runs; None when it ran on another machine, which cannot be told from here."""
    here = process_of(os.getpid())
    if not here or not holder.process or holder.process.split("/")[:2] != here.split("/")[:2]:
        return None
    return process_of(holder.pid) == holder.process


def process_of(pid: int) -> str:
    """boot id / pid namespace / pid / start time; empty where the system does not say or there is no such process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = os.readlink("/proc/self/ns/pid").removeprefix("pid:").strip("[]")
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
    return f"{boot}/{space}/{pid}/{started}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's uid that no passwd file knows
        return f"uid {os.getuid()}"
