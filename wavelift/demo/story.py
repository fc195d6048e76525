"""The demo's story: the commands that a user would type, run as processes of their own, and a comparison at the end."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from planner.estate import Phase
from wavelift.demo import engine
from wavelift.demo.images import make_images
from wavelift.labs.lab import Lab
from wavelift.problems import UserProblem

WRITES = (
    ("wiki-01", "random", 4, None),
    ("SHOP DB 01", "every-other-sector", 2, "Hard disk 2"),
    ("SHOP DB 01", "rewrite", 8, "Hard disk 3"),
    ("shop-app-01", "sequential", 8, None),
    ("erp-01", "random", 4, "Hard disk 2"),
)
"""(VM, pattern, MiB, disk): what the guests write between cycles."""
CYCLES = 120.0
"""Seconds that the delta cycles may take."""


class Story:
    """One run in `work`; `say` prints a line. Everything it starts is stopped by `close`."""

    def __init__(self, examples: Path, work: Path, say: Callable[[str], None]) -> None:
        self._examples = examples
        self._work = work
        self._estate = work / "estate"
        self._say = say
        self.lab = Lab(work / "lab")
        self._engine: subprocess.Popen[bytes] | None = None
        self.foretold: dict[str, Any] = {}
        """`forecast --json` before anything was replicated."""

    # ---- the steps

    def prepare(self) -> None:
        """Images, lab, landing zone, estate."""
        self._title("A datacenter with real file systems on its disks, and an empty Azure")
        inventory = self._work / "datacenter" / "datacenter.yaml"
        inventory.parent.mkdir(parents=True)
        shutil.copyfile(self._examples / "lab" / "datacenter.yaml", inventory)
        self._say(f"disks hold {make_images(inventory.parent / 'images')}")
        self._run("lab", "start", "--dir", str(self.lab.folder), "--inventory", str(inventory))
        shutil.copytree(self._examples, self._estate, ignore=shutil.ignore_patterns("lab", ".wavelift"))
        self._run("init", "-C", str(self._estate), "--lab", str(self.lab.folder))
        self._run("lab", "networks", "-C", str(self._estate))

    def replicate(self) -> None:
        self._title("Plan and apply: three waves start to replicate")
        self._run("plan", "-C", str(self._estate))
        self.foretold = json.loads(self._output("forecast", "-C", str(self._estate), "--json"))
        self.start_engine()
        self._apply()
        self._run("status", "-C", str(self._estate))

    def churn(self) -> None:
        self._title("The guests write; delta cycles follow")
        before = {row["machine"]: row["cycle"] for row in self.status()}
        for vm, pattern, mib, disk in WRITES:
            chosen = ["--disk", disk] if disk else []
            self._run("lab", "write", vm, "--dir", str(self.lab.folder), "--pattern", pattern, "--mib", str(mib), *chosen)
        until = time.monotonic() + CYCLES
        while not all(row["cycle"] >= before[row["machine"]] + 2 for row in self.status()):
            if time.monotonic() > until:
                raise UserProblem("the delta cycles did not come: see the engine's log in the demo's folder")
            time.sleep(0.5)
        self._run("status", "-C", str(self._estate))

    def test(self) -> None:
        self._title("Test migration of the pilot: isolated VMs beside the running sources, then gone again")
        self.set_phase("pilot", Phase.TEST)
        self._apply()
        self.set_phase("pilot", Phase.REPLICATE)
        self._apply()

    def migrate(self) -> None:
        self._title("Cut over, wave by wave")
        for wave in ("pilot", "shop", "erp"):
            self.set_phase(wave, Phase.MIGRATE)
            self._apply()

    def complete(self) -> None:
        self._title("Complete: the seeds go; then there is nothing left to do")
        for wave in ("pilot", "shop", "erp"):
            self.set_phase(wave, Phase.COMPLETE)
        self._apply()
        self._run("plan", "-C", str(self._estate), "--detailed-exitcode")

    # ---- what the steps use

    def start_engine(self) -> None:
        """`wavelift engine run` as a process of its own, its log beside the estate."""
        self._say(f"$ wavelift engine run -C {self._estate} &")
        self._engine = engine.begin(self._estate, self._work / "engine.log")

    def close(self) -> None:
        if self._engine is not None:
            engine.end(self._engine)
        self.lab.stop()

    def status(self) -> list[dict[str, Any]]:
        out = self._output("status", "-C", str(self._estate), "--json")
        found: list[dict[str, Any]] = json.loads(out)
        return found

    def set_phase(self, wave: str, phase: Phase) -> None:
        """What a pull request would change: one word in the wave's file."""
        path = self._estate / "waves" / f"{wave}.yaml"
        text = re.sub(r"(?m)^(    phase: )\w+$", rf"\g<1>{phase.value}", path.read_text())
        path.write_text(text)
        self._say(f"# waves/{wave}.yaml: phase: {phase.value}")

    @property
    def estate(self) -> Path:
        return self._estate

    def _apply(self) -> None:
        self._run("apply", "-C", str(self._estate), "--auto-approve")

    def _title(self, text: str) -> None:
        self._say(f"\n== {text}")

    def _run(self, *arguments: str) -> None:
        self._say("$ wavelift " + " ".join(a if " " not in a else f"'{a}'" for a in arguments))
        done = subprocess.run([sys.executable, "-m", "wavelift", *arguments], check=False)
        if done.returncode:
            raise UserProblem(f"the demo stops: `wavelift {arguments[0]}` ended with {done.returncode}. See {self._work}.")

    def _output(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "wavelift", *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise UserProblem(f"`wavelift {' '.join(arguments)}` ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout
