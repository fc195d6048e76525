"""The embedded fleet: coordinator, gateways and appliers as threads of one process, without a broker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Protocol

from replication.engine import delta, initial, metered, redo, report
from replication.engine.attempt import CycleFailed, abandon, trouble
from replication.engine.budget import Budget
from replication.engine.config import EngineConfig
from replication.engine.coordinator import Coordinator, Expire, Task, WriteReport
from replication.engine.guard import Cancelled, Guard, Halted, Superseded, Yielded
from replication.engine.orders import again
from replication.engine.orders.carry import carry
from replication.engine.orders.commands import Rollback, roll_back
from replication.engine.orders.test import expire
from replication.engine.pace import Pace
from replication.engine.region import Held, Job, Region
from replication.engine.work import Work
from replication.model.errors import PortError
from replication.model.item import Order
from replication.model.record import CycleKind, Life
from replication.ports import Outside
from replication.schedule import Policy
from replication.throttle import Throttle


class EventSink(Protocol):
    """Hears what happens, from several threads."""

    def event(self, machine: str, text: str) -> None:
        """`machine` is its name, or empty for what concerns all."""
        ...


class Engine:
    """Carries out what the documents ask for. `run_forever` until `stop`, or `tick` and `drain` by hand.

    Threads: one for the coordinator, one that renews leases, `workers.machines` for jobs, one for each disk under way, and
    `workers.chunks` that carry data; only these last hold any, so they bound the memory.
    """

    def __init__(
        self, outside: Outside, config: EngineConfig, events: EventSink, stopping: threading.Event | None = None
    ) -> None:
        """`stopping` is set by `stop`: who sleeps for this engine may wait for it."""
        self._outside, self._config, self._events = outside, config, events
        self._stopping = stopping or threading.Event()
        self._closed = threading.Event()
        self._wake = threading.Event()
        workers = config.sizes.workers
        self._jobs = ThreadPoolExecutor(workers.machines, thread_name_prefix="machine")
        self._disks = ThreadPoolExecutor(max(64, workers.machines * 2), thread_name_prefix="disk")
        self._chunks = ThreadPoolExecutor(workers.chunks, thread_name_prefix="chunk")
        self._budget = Budget(config.sizes.limits.verified)
        self._hashes = Budget(config.sizes.limits.hashes)
        self._paces = {name: Pace(outside.clock, config.rates.get(name)) for name in config.appliances}
        self._coordinator = Coordinator(outside, config, self, self._guard(lambda: True), events.event)

    # public

    def run_forever(self) -> None:
        """Returns after `stop` (from a signal handler or another thread)."""
        renewer = threading.Thread(target=self._renew, name="lease", daemon=True)
        renewer.start()
        try:
            while not self._stopping.is_set():
                self._pass()
                self._wake.wait(self._config.poll)
                self._wake.clear()
        finally:
            self.stop()
            self.close()
            renewer.join(timeout=5)

    def _pass(self) -> None:
        try:
            self.tick()
        except Halted:
            return  # asked for: the loop ends by itself
        except Exception as error:  # noqa: BLE001  the edge of a thread: a fault of ours must not end what runs
            self._events.event("", f"internal error ({type(error).__name__}: {error}); please report it")

    def tick(self) -> None:
        """One pass: looks, decides, starts jobs in threads, shows the status."""
        self._coordinator.tick()

    def drain(self) -> None:
        """Wait until the jobs under way have ended (tests)."""
        running = [h.job.future for r in self._coordinator.regions for h in r.machines.values() if h.job and h.job.future]
        for future in wait(running).done:
            error = future.exception()
            if error is not None:
                raise error

    def stop(self) -> None:
        """Start nothing more; work under way leaves at its next chunk or step, and the journal says how to go on."""
        self._stopping.set()
        self._wake.set()

    def close(self) -> None:
        """Wait for all threads and give the leases back."""
        self.stop()
        for pool in (self._jobs, self._disks, self._chunks):
            pool.shutdown(wait=True)
        self._closed.set()
        self._coordinator.release()

    def configure(self, appliances: Mapping[str, Policy], rates: Mapping[str, Throttle | float | None]) -> None:
        """Other policies, from now on. What is under way goes on, under the new rates; the next decision knows the rest."""
        self._config = replace(self._config, appliances=appliances, rates=rates)
        for name in {*appliances, *self._paces}:
            if name in self._paces:
                self._paces[name].set(rates.get(name))
            else:
                self._paces[name] = Pace(self._outside.clock, rates.get(name))
        self._coordinator.configure(self._config)
        self._wake.set()

    def set_rate(self, appliance: str, rate: Throttle | float | None) -> None:
        """Another throttle for an appliance, in bits a second, from now on."""
        self._paces[appliance].set(rate)

    # what the coordinator asks for

    def work(self, region: Region, held: Held) -> Work:
        """Everything that the work on this machine needs. The record must be owned."""
        item = held.item
        assert held.machine is not None
        guard = region.guard(self._guard)
        pace = self.pace(item.appliance)
        work = Work(
            item=item,
            machine=held.machine,
            clock=self._outside.clock,
            source=self._outside.sources[item.source],
            documents=region.documents,
            log=self._outside.stores.log(item.log_account, item.log_container),
            replicas=self._outside.stores.replicas(item.seed_account, item.seed_container),
            keys=self._outside.stores.keys(item.key_vault),
            guard=guard,
            sizes=self._config.sizes,
            pool=self._chunks,
            disks=self._disks,
            say=self._events.event,
            budget=self._budget,
            hashes=self._hashes,
            cloud=lambda subscription: self._outside.cloud[subscription],
            regions=self._outside.documents,
            hooks=self._outside.hooks,
            stop_wanted=held.stop_waits,
            policy=self._config.appliances.get(item.appliance, Policy()),
        )
        if pace is not None:
            line = metered.Line(pace, guard.check, lambda: work.urgent)
            work.source, work.documents = metered.source(work.source, line), metered.documents(work.documents, line)
            work.log, work.replicas = metered.log(work.log, line), metered.replicas(work.replicas, line)
        return work

    def pace(self, appliance: str) -> Pace | None:
        """The line of an appliance; None for one that this engine knows nothing of."""
        return self._paces.get(appliance)

    def launch(self, held: Held, job: Job, task: Task) -> None:
        job.future = self._jobs.submit(self._perform, held, job, task)

    def _guard(self, mine: Callable[[], bool]) -> Guard:
        return Guard(self._stopping, mine)

    def _perform(self, held: Held, job: Job, task: Task) -> None:
        """A job, from a thread's start to its end: every outcome stands in the journal, or the record is read again."""
        work = job.work
        try:
            try:
                self._run(work, task)
            except (CycleFailed, Cancelled, Yielded):
                pass  # journalled where it happened
            except PortError as error:
                self._put_off(work, error)
        except Halted as reason:
            job.reload = True
            work.note(f"left: {reason}")
            if self._stopping.is_set() and not isinstance(reason, Superseded):
                self._put_away(work)
        except PortError as error:
            job.reload = True
            work.note(f"the journal cannot be written: {error}")
        except Exception as error:  # noqa: BLE001  the edge of a thread: a fault of ours must not end the other machines
            job.reload = True
            self._ours(work, error)
        finally:
            work.forget_checksums()
            work.meter.end()
            self._wake.set()

    def _run(self, work: Work, task: Task) -> None:
        match task:
            case Order():
                carry(work, task)
            case Rollback():
                roll_back(work)
            case Expire():
                expire(work)
            case WriteReport():
                report.write(work)
            case CycleKind.INITIAL:
                redo.settle(work)
                again.look_in_passing(work)
                initial.run(work)
            case CycleKind():
                redo.settle(work)
                again.look_in_passing(work)
                delta.run(work, task)
            case None:
                redo.settle(work)
                if work.record.life is Life.MIGRATED:  # no cycle follows that would take back what it said was wrong
                    work.machine.advance(problem="", stuck=False)

    def _put_away(self, work: Work) -> None:
        """The engine stops while this attempt has a snapshot open: do not leave it for days."""
        work.guard.wind_up()
        work.machine.retry_with(work.retry)  # the coordinator's own leave has ended
        try:
            abandon(work)
        except (PortError, Halted) as error:
            work.note(f"left open: {error}")

    def _put_off(self, work: Work, error: Exception) -> None:
        """Not now: the record says why, and when it is tried again."""
        work.note(f"not now: {error}")
        work.machine.advance(**trouble(work, error))

    def _ours(self, work: Work, error: Exception) -> None:
        text = f"internal error ({type(error).__name__}: {error}); please report it"
        work.note(text)
        try:
            work.machine.advance(problem=text, retry_at=work.clock.now() + work.sizes.patience.permanent, stuck=True)
        except (PortError, Halted):
            return  # it was said; the record is read again anyway

    def _renew(self) -> None:
        """Leases are renewed beside the coordinator's passes, which may take long; and until everything is put away."""
        while not self._closed.wait(5.0):
            for region in self._coordinator.regions:
                reign = region.reign
                if reign is not None:
                    reign.renew()
