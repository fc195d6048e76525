"""`make soak`: a site of real processes under random trouble, and at its end every disk against its source.

For some minutes guests write while calls to Azure and vCenter are refused, broken off, delayed, or held on the wire to land
late, bits of log blobs flip, tracking is reset, and engines die of kill -9; in the second half machine after machine is cut
over in the middle of it. Then the trouble ends, and what must be true is looked at: every machine whose cut-over was asked for
has an Azure VM whose disks equal its powered-off source; every other one runs and has a newest recovery point that equals it;
no snapshot of ours is left. The trouble comes from `--seed`; when it strikes is the machine's affair, so that a run can be
repeated only roughly. What was done stands in soak.log.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from replication.model.record import Life
from tests.e2e.command import Process
from tests.e2e.site import Site, Vm, standing, until
from wavelift.problems import UserProblem

AZURE = (
    ("blob PutPage ", "fail", {"status": 503}),
    ("blob PutPage ", "fail", {"status": 500, "when": "after", "code": "InternalError"}),
    ("blob PutPage ", "hold", {"seconds": 4.0}),
    ("blob PutPage ", "break", {"when": "after"}),
    ("blob PutBlob .*/log/", "break", {}),
    ("blob PutBlob .*/log/", "fail", {"status": 503, "when": "after"}),
    ("blob PutBlob .*/gateway/", "break", {"when": "after"}),
    ("blob PutBlob .*/gateway/", "fail", {"status": 503}),
    ("blob PutBlob .*/gateway/", "hold", {"seconds": 3.0}),
    ("blob GetBlob .*/log/", "flip", {}),
    ("blob GetBlob .*/log/", "break", {}),
    ("blob LeaseBlob ", "fail", {"status": 503}),
    ("blob SnapshotBlob ", "fail", {"status": 500, "when": "after", "code": "InternalError"}),
    ("blob ", "delay", {"seconds": 1.5}),
)
VCENTER = (
    ("CreateSnapshot", "break", {"when": "after"}),
    ("CreateSnapshot", "fail", {"status": 500}),
    ("RemoveSnapshot", "fail", {"status": 500}),
    ("RemoveSnapshot", "break", {"when": "after"}),
    ("QueryChangedDiskAreas", "break", {}),
    ("ReadDatastore ", "break", {}),
    ("ReadDatastore ", "fail", {"status": 503}),
    ("", "delay", {"seconds": 1.0}),
)
CUT_OVER = (
    ("azure", "PutPageFromURL ", "hold", {"seconds": 3.0}),
    ("azure", "PutPageFromURL ", "fail", {"status": 503}),
    ("azure", "PutPageFromURL ", "break", {"when": "after"}),
    ("azure", "arm ", "fail", {"status": 429, "code": "TooManyRequests", "retry_after": 1}),
    ("azure", "arm PUT ", "break", {"when": "after"}),
    ("azure", "arm PUT ", "hold", {"seconds": 3.0}),
    ("azure", "arm POST ", "fail", {"status": 503}),
    ("azure", "arm PUT .*virtualMachines", "fail", {"status": 500, "when": "after", "code": "InternalServerError"}),
    ("vcenter", "PowerOff", "break", {"when": "after"}),
    ("vcenter", "ShutdownGuest", "break", {"when": "after"}),
)
"""What only a cut-over does, or for the most part."""


class Soak:
    """One site, one engine at a time, one source of trouble."""

    def __init__(self, site: Site, names: list[str], seed: int) -> None:
        self.site, self.names, self.random = site, names, random.Random(seed)
        self.engine: Process | None = None
        self.asked: list[str] = []
        self.counts: dict[str, int] = {}
        self.struck: dict[str, int] = {}
        self._log = (site.folder / "soak.log").open("a", buffering=1)

    def trouble(self, minutes: float) -> None:
        """Random trouble for so long; in its second half two machines in three are asked to be cut over, one after the other."""
        began = time.monotonic()
        cut = self.names[: 2 * len(self.names) // 3]
        when = [began + 30 * minutes + 28 * minutes * n / len(cut) for n in range(len(cut))]
        doings: list[tuple[Callable[[], None], int]] = [
            (self.write, 10),
            (self.azure, 8),
            (self.vcenter, 4),
            (self.cut_over, 4),
            (self.kill, 1),
            (self.reset, 1),
            (self.heal, 2),
        ]
        self.start()
        while time.monotonic() < began + 60 * minutes:
            (doing,) = self.random.choices([d for d, _ in doings], [weight for _, weight in doings])
            self.note(doing.__name__)
            doing()
            if len(self.asked) < len(cut) and time.monotonic() > when[len(self.asked)]:
                self.ask(cut[len(self.asked)])
            time.sleep(self.random.uniform(0.05, 0.6))

    # ---- what can happen

    def write(self) -> None:
        """A guest writes a few sectors somewhere; one that is off does not."""
        name = self.random.choice(self.names)
        vm = self.site.vm(name)
        if vm["power"] != "poweredOn":
            return
        disk = self.random.choice(vm["disks"])
        length = 512 * self.random.choice((1, 3, 8, 200))
        offset = 512 * self.random.randrange((disk["capacity"] - length) // 512)
        data = bytes(length) if self.random.random() < 0.2 else self.random.randbytes(length)
        try:
            self.site.write(name, offset, data, disk["key"])
        except UserProblem as problem:  # powered off in between
            self.note(f"{name} did not write: {problem}")

    def azure(self) -> None:
        self._fault("azure", AZURE)

    def vcenter(self) -> None:
        self._fault("vcenter", VCENTER)

    def cut_over(self) -> None:
        if self.asked:
            service, *what = self.random.choice(CUT_OVER)
            self._fault(service, (tuple(what),))  # type: ignore[arg-type]  # the three that are left

    def kill(self) -> None:
        """kill -9, in the middle of whatever it does; its lease runs out at once, the next engine begins."""
        assert self.engine is not None
        self.engine.kill()
        self.site.break_lease()
        self.start()

    def reset(self) -> None:
        """Changed block tracking of a running machine is reset: its change ids mean nothing any more."""
        name = self.random.choice(self.names)
        if name not in self.asked:
            self.site.control("vcenter", "POST", f"vm/{name}", {"reset_cbt": True})

    def heal(self) -> None:
        """Orders that have not struck yet are forgotten, those that did are counted."""
        for service in ("azure", "vcenter"):
            for rule in self.site.faults("azure" if service == "azure" else "vcenter").values():
                what = f"{rule['action']} {rule['match'].strip() or 'any call'}"
                self.struck[what] = self.struck.get(what, 0) + rule["hits"]
        self.site.heal()

    def _fault(self, service: str, catalogue: tuple[tuple[str, str, dict[str, object]], ...]) -> None:
        match, action, more = self.random.choice(catalogue)
        nth, count = self.random.randrange(1, 4), self.random.randrange(1, 4)
        self.note(f"{service}: {action} {match} {more} nth {nth} count {count}")
        self.site.fault("azure" if service == "azure" else "vcenter", match, action, **{"nth": nth, "count": count, **more})

    # ---- what the people do

    def start(self) -> None:
        if self.engine is None or not self.engine.running:
            self.engine = self.site.engine()

    def ask(self, name: str) -> None:
        """Phase `migrate` in git, and an apply that does not wait; tried again as people would."""
        self.asked.append(name)
        self.site.phase("migrate", name)
        self.apply()

    def apply(self) -> None:
        for _ in range(8):
            ran = self.site.here("apply", "--auto-approve", "--detach")
            self.note(f"apply {ran.code}: {ran.said.strip().splitlines()[-1:]}")
            assert "Traceback" not in ran.said, ran.said
            if ran.code == 0:
                return
            self.heal()

    def note(self, text: str) -> None:
        word = text.partition(" ")[0]
        if not word.endswith(":"):
            self.counts[word] = self.counts.get(word, 0) + 1
        self._log.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    # ---- and the end

    def settle(self) -> None:
        """The trouble ends; what was asked for comes to its end, with a person who says `resume` where an order was given up."""
        self.heal()
        for service in ("azure", "vcenter"):
            self.site.control("azure" if service == "azure" else "vcenter", "POST", "faults/release", {})
        self.start()
        self.apply()
        for name in self.asked:
            until(f"{name} migrated", partial(self._migrated, name), 300)
        self.apply()

    def _migrated(self, name: str) -> bool:
        record = self.site.record(name)
        if record is not None and record.life is Life.MIGRATED:
            return True
        order = record.order if record is not None else None
        if order is not None and order.outcome not in (None, "done"):
            self.note(f"resume {name}: {order.outcome} {order.problem}")
            self.site.here("resume", name, "--why", "the trouble is over")
        return False

    def look(self) -> list[str]:
        """What is wrong; every machine is looked at."""
        wrong = []
        for name in self.names:
            try:
                if name in self.asked:
                    self.site.migrated_is_equal(name)
                else:
                    assert self.site.vm(name)["power"] == "poweredOn", f"{name} is off and nobody asked for it"
                    self.site.replica_is_equal(name)
            except AssertionError as error:
                wrong.append(f"{name}: {error}")
        assert self.engine is not None
        self.engine.signal(15)
        self.engine.wait(90)
        assert "left open" not in self.engine.said
        for name, vm in self.site.control("vcenter", "GET", "status")["vms"].items():
            wrong += [f"{name}: snapshot {s['name']} is left" for s in vm["snapshots"]]
        return wrong


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the trouble lasts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--machines", type=int, default=9)
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    asked = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="wavelift-soak-"))
    vms = [
        Vm(f"vm-{n:02}", tuple(8 * (1 + (n + d) % 4) for d in range(1 + n % 3)), data=3, zeros=n % 2)
        for n in range(asked.machines)
    ]
    names = [vm.name for vm in vms]
    print(f"soak: {asked.machines} machines, {asked.minutes:g} min of trouble, seed {asked.seed}, in {folder}", flush=True)
    with standing(folder, vms) as site:
        site.apply("--detach")
        soak = Soak(site, names, asked.seed)
        soak.trouble(asked.minutes)
        soak.settle()
        cycles = sum(record.cycle for name in names if (record := site.record(name)) is not None)
        wrong = soak.look()
    print(f"soak: {sum(len(vm.disks) for vm in vms)} disks, {cycles} cycles; done: {soak.counts}; struck {soak.struck}")
    print("\n".join(wrong) or "soak: every disk equals its source; nothing of ours is left")
    if wrong or asked.keep:
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
