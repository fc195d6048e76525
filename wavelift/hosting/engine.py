"""Hosts the replication engine: in a command's own process, or for good with `engine run`.

The engine is told which regions there are and which policies hold. Policies that change are handed to the running engine:
no cycle is lost. When apply adds a region or a subscription, or a source comes or is another, it is wound up (its journal
says how to go on) and one for the new place takes over.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from planner.estate import Estate, Source
from planner.state import State
from replication.engine.trouble import Trouble
from replication.model.errors import PortError
from replication.schedule import Policy
from replication.throttle import Throttle
from wavelift.hosting.hooks import HostHooks
from wavelift.hosting.policies import policy_of, throttle_of
from wavelift.planning.look import gateways
from wavelift.problems import UserProblem
from wavelift.stopping import stoppable
from wavelift.wiring import Wiring

if TYPE_CHECKING:
    from replication.engine.config import EngineConfig
    from replication.engine.fleet import Engine

LOOK = 2.0
"""Seconds between looks whether the configuration has changed: reading a few small files."""

_FILES, _TELLING = "the estate's files", "metrics and `notify`"

LAST = 0.5
"""Seconds that a wait may last which begins when the engine stops: what is put away then is tried a few times, quickly."""


class SystemClock:
    """`replication.ports.Clock`: the machine's own. A wait ends when `stopping` is set."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        if self._stopping.is_set():
            time.sleep(min(seconds, LAST))
        else:
            self._stopping.wait(seconds)


@dataclass(frozen=True, slots=True)
class Place:
    """What an engine is made for; another place means another engine."""

    regions: Mapping[str, str]
    subscriptions: tuple[str, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that an engine is told. Policies and rates are by appliance, and can change while it runs."""

    place: Place
    appliances: Mapping[str, Policy]
    rates: Mapping[str, Throttle]


class Configurable(Protocol):
    """The part of an engine that takes other policies."""

    def configure(self, appliances: Mapping[str, Policy], rates: Mapping[str, Throttle]) -> None: ...


class Events:
    """The engine's log: a line with time, machine and what happened."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def event(self, machine: str, text: str) -> None:
        self._write(f"{time.strftime('%H:%M:%S')} {machine or '-'}: {text}\n")


def told(estate: Estate, state: State) -> Told:
    """What the engine is to be told, from the files and the recorded endpoints."""
    return Told(
        Place(
            gateways(state),
            tuple(sorted({t.subscription for t in estate.targets.values()})),
            tuple(source for _, source in sorted(estate.sources.items())),
        ),
        {a.name: policy_of(a) for a in estate.appliances.values()},
        {a.name: throttle_of(a) for a in estate.appliances.values()},
    )


def follow(engine: Configurable, what: Told, now: Told, say: Callable[[str], None]) -> bool:
    """Hand over what has changed; False when that takes another engine."""
    if now.place != what.place:
        say("the regions, subscriptions or sources have changed")
        return False
    names = [
        name
        for name in sorted({*what.appliances, *now.appliances})
        if what.appliances.get(name) != now.appliances.get(name) or what.rates.get(name) != now.rates.get(name)
    ]
    if names:
        engine.configure(now.appliances, now.rates)
        say(f"other policies hold from now on: {', '.join(names)}; what is under way goes on")
    return True


def make(wiring: Wiring, what: Told, lineage: str, events: Events) -> Engine:
    """An engine on the real outside."""
    from providers.azure.cloud import AzureCloud
    from providers.azure.tags import Owner
    from replication.engine.config import EngineConfig
    from replication.engine.fleet import Engine
    from replication.ports import Outside

    estate, stopping = wiring.workspace.estate, threading.Event()
    owner = Owner(estate.name, lineage)
    outside = Outside(
        clock=SystemClock(stopping),
        sources={source.name: wiring.source(source.name) for source in what.place.sources},
        documents={region: wiring.engine.open(account) for region, account in what.place.regions.items()},
        stores=wiring.stores,
        cloud={s: AzureCloud(wiring.azure, s, owner) for s in what.place.subscriptions},
        hooks=HostHooks(
            lambda: {hook for m in wiring.workspace.estate.machines.values() for hook in m.cutover.hooks}, wiring.address
        ),
    )
    config: EngineConfig = EngineConfig(
        holder=f"{socket.gethostname()}/{os.getpid()}",
        regions=tuple(what.place.regions),
        appliances=what.appliances,
        host=socket.gethostname(),
        rates=what.rates,
    )
    return Engine(outside, config, events, stopping)


@contextmanager
def hosted(wiring: Wiring, state: State) -> Iterator[None]:
    """An engine in threads of this process for as long as the block runs."""
    what = told(wiring.workspace.estate, state)
    engine = make(wiring, what, state.lineage, Events(lambda line: None))
    thread = threading.Thread(target=engine.run_forever, name="engine")
    thread.start()
    try:
        yield
    finally:
        engine.stop()
        thread.join()


def run_here(wiring: Wiring, metrics: Path | None = None) -> None:
    """`engine run`: until SIGTERM or SIGINT. Another holder of the lease is waited for. `metrics`: a file that is kept up to
    date for Prometheus."""
    events = Events(lambda line: (sys.stderr.write(line), sys.stderr.flush()))
    with stoppable(wiring.leave) as stop, _telling(wiring, metrics, lambda text: events.event("", text)):
        state = _state(wiring)  # where that is wrong from the beginning, somebody is there to be told
        looks = Looks(wiring, state, events)
        if not gateways(state):
            events.event("", "nothing is applied yet; waiting for the first apply")
        while not stop.is_set():
            what = told(wiring.workspace.estate, looks.state)
            if what.place.regions:
                events.event("", f"engine for {', '.join(what.place.regions)}")
                _until_changed(looks, what, stop)
            elif not stop.wait(LOOK):
                looks.again()
    events.event("", "engine stopped")


class Looks:
    """The files and the state as they were read last. What cannot be read just now is said once: what was read before holds,
    and no outage of the state's account ends an engine that has machines in the middle of their cut-overs."""

    def __init__(self, wiring: Wiring, state: State, events: Events) -> None:
        self.wiring, self.state, self.events = wiring, state, events
        self._trouble = Trouble(time.time, lambda text: events.event("", text))

    def again(self) -> bool:
        """Whether they could be read."""
        try:
            self.wiring.refresh()
            self.state = _state(self.wiring)
        except (UserProblem, PortError, OSError) as problem:
            self._trouble.tell(_FILES, f"cannot be used just now, going on as before: {problem}")
            return False
        self._trouble.over(_FILES)
        return True


@contextmanager
def _telling(wiring: Wiring, file: Path | None, say: Callable[[str], None]) -> Iterator[None]:
    """Metrics and `notify` in a thread of their own: whoever is slow to be told holds nothing up."""
    end = threading.Event()
    thread = threading.Thread(target=_tell, args=(wiring, file, say, end), name="telling")
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _tell(wiring: Wiring, file: Path | None, say: Callable[[str], None], end: threading.Event) -> None:
    from wavelift.hosting.posting import post
    from wavelift.hosting.telling import EVERY, Needs, metrics, write
    from wavelift.watching.rows import rows

    trouble = Trouble(time.time, say)
    needs = Needs(lambda address, document, key: post(wiring.address(address), document, timeout=10.0, key=key), say)
    while True:
        workspace = wiring.workspace
        webhook = workspace.estate.webhook
        if file is not None or webhook is not None:
            try:
                found = rows(workspace, wiring, time.time())
                if file is not None:
                    write(file, metrics(workspace.estate.name, found, time.time()))
                if webhook is not None:
                    needs.look(workspace.estate.name, webhook, found)
            except (UserProblem, PortError, OSError, ValueError) as problem:  # ValueError: a document of another release
                trouble.tell(_TELLING, f"have to wait: {problem}")
            else:
                trouble.over(_TELLING)
        if end.wait(EVERY):
            return


def _until_changed(looks: Looks, what: Told, stop: threading.Event) -> None:
    wiring, events = looks.wiring, looks.events
    engine = make(wiring, what, looks.state.lineage, events)
    thread = threading.Thread(target=engine.run_forever, name="engine")
    thread.start()
    try:
        while not stop.wait(LOOK) and thread.is_alive():
            if not looks.again():
                continue
            now = told(wiring.workspace.estate, looks.state)
            if not follow(engine, what, now, lambda text: events.event("", text)):
                return
            what = now
    finally:
        engine.stop()
        thread.join()


def _state(wiring: Wiring) -> State:
    return wiring.workspace.view().state
