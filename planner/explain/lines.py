"""One step or note in words: a line with its details, and the key by which identical ones are known."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, assert_never

from planner.artifact import Json, Kind
from planner.estate import Span
from planner.steps import Acknowledge, Adopt, Create, Delete, Forget, Note, Protect, Rename, SendOrder, Step, Update
from replication.bootlog import BOOT_LOG
from replication.model.item import OrderKind

FOLD = 3
"""So many disks of one size are still shown one by one."""

_ORDERS = {
    OrderKind.TEST: "test",
    OrderKind.CLEAN_UP: "remove the test VM of",
    OrderKind.MIGRATE: "cut over",
    OrderKind.STOP: "stop replicating",
}
_IN_BLACKOUT = {
    "wait": "waits for its end (in_blackout: wait)",
    "override": "begins all the same (in_blackout: override)",
    "refuse": "is not carried out (in_blackout: refuse)",
}


@dataclass(frozen=True, slots=True)
class Line:
    """`mark` is +, ~, -, =, ., > or ! and a blank; `where` a place in the files, or empty."""

    mark: str
    text: str
    where: str = ""
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.mark}{self.text}" + (f" [{self.where}]" if self.where else "")


def name_of(step: Step) -> str:
    """What a step is called where it is not shown itself: its machine, or its address."""
    return step.machine or step.address


def note_line(note: Note, mark: str) -> Line:
    if mark:
        return Line(mark, f"{note.machine}: {note.what} ({note.why})")
    return Line("", f"{note.machine}: {note.what}: {note.why}", _at(note.origin))


def like(step: Step, seeds: Sequence[Create]) -> Hashable:
    """Steps of one key do the same to different things."""
    match step:
        case Create(kind=Kind.REPLICATION):
            disks = tuple([(d["label"], d["capacity"]) for d in step.spec["disks"]])
            closed = step.spec.get("blackouts")
            return ("start", step.why, disks, len(seeds), str(closed) if closed else "", step.spec.get("reader"))
        case Create(kind=Kind.SEED_DISK):
            return ("seed", step.why, step.spec["size"])
        case Create() | Adopt() | Delete() | Forget() if step.machine is None:
            return step.address
        case Create():
            return ("create", step.kind, step.why)
        case Update():
            return ("update", step.kind, step.why, str(step.changes))
        case SendOrder():
            made = tuple((a.kind, str(sorted(a.spec.items())) if a.kind not in _NAMED else _made(a.spec)) for a in step.makes)
            hooks = str(step.document.get("cutover", {}).get("hooks", ""))
            return ("order", step.order, step.why, made, len(step.removes), _blackout(step), hooks)
        case Protect():
            return ("protect", step.on, step.why)
        case Acknowledge():
            return ("acknowledge", step.who, step.reason, step.held, step.goes_on)
        case Adopt() | Delete() | Forget():
            return (type(step), step.kind, step.why)
        case Rename():
            return step.address
        case _:
            assert_never(step)


_NAMED = frozenset({Kind.VM, Kind.TEST_VM, Kind.NIC, Kind.TEST_NIC})
"""Their specs hold a name or an address, which is another one for each machine."""


def line(step: Step, seeds: Sequence[Create] = ()) -> Line:
    """`seeds`: those that stand with a replication that begins."""
    match step:
        case Create(kind=Kind.TRACKING):
            return Line("~ ", f"{step.address}: switch changed block tracking on", _at(step.origin))
        case Create(kind=Kind.SEED_DISK):
            return Line("+ ", f"{step.address} ({readable(int(step.spec['size']))})", _at(step.origin))
        case Create(kind=Kind.REPLICATION):
            return _start(step, seeds)
        case Create():
            again = f" ({step.why})" if "again" in step.why or "anew" in step.why else ""
            return Line("+ ", f"{step.address}{again}", _at(step.origin))
        case Update():
            changed = tuple(f"{'.'.join(c.path)}: {value(c.old)} -> {value(c.new)}" for c in step.changes)
            return Line("~ ", f"{step.address} ({step.why})", _at(step.origin), changed)
        case Adopt():
            return Line("= ", f"{step.address} ({step.why})")
        case Delete():
            return Line("- ", f"{step.address} ({step.why})")
        case Forget():
            return Line(". ", f"{step.address} ({step.why})")
        case Rename():
            return Line(". ", f"{step.address}: {step.why}; nothing outside changes")
        case Protect():
            return Line(". ", f"{step.address}: {step.why}; nothing outside changes", _at(step.origin))
        case SendOrder():
            text = f"{step.address}: {_ORDERS[step.order]} {step.machine} ({step.why})"
            return Line("> ", text, _at(step.origin), tuple(_order(step)))
        case Acknowledge():
            since = f"{datetime.fromtimestamp(step.since, UTC):%Y-%m-%d %H:%M} UTC"
            what = f"end the hold of {step.machine}" if step.held else f"let {step.machine} be cut over again after its rollback"
            told = f"{step.address}: {what}: {step.reason} ({step.who}, since {since}), acknowledged"
            return Line("> ", told, _at(step.origin), _let_go(step))
        case _:
            assert_never(step)


def _let_go(step: Acknowledge) -> tuple[str, ...]:
    match step.goes_on:
        case "":
            return ("nothing is begun by it: the next plan shows what its phase asks for",)
        case OrderKind.MIGRATE.value:
            return (f"! its cut-over, which was ordered before, goes on: {step.machine} is powered off if it is not yet",)
        case order:
            return (f"its order {order}, which was sent before, goes on",)


def _start(step: Create, seeds: Sequence[Create]) -> Line:
    disks = step.spec["disks"]
    size = sum(int(d["capacity"]) for d in disks)
    details = [f"closed by {one['whose']}: {one['name'] or one['windows']}" for one in step.spec.get("blackouts", ())]
    made = {s.address for s in seeds}
    reader = step.spec.get("reader", "https")
    sizes: dict[int, list[str]] = {}
    for disk in disks:
        seed = f"{Kind.SEED_DISK}.{step.machine}/{disk['key']}"
        if seed in made:
            sizes.setdefault(int(disk["capacity"]), []).append(
                f"+ {seed} ({disk['label']}, {readable(disk['capacity'])}, read by {reader})"
            )
    for one in sizes.values():
        details += one if len(one) <= FOLD else [one[0], f"  … and {len(one) - 1} more like it"]
    text = f"{step.address}: start to replicate {len(disks)} disk{_s(len(disks))}, {readable(size)}"
    return Line("+ ", text, _at(step.origin), tuple(details))


def _order(step: SendOrder) -> Iterator[str]:
    if step.irreversible:
        yield f"! {step.irreversible}"
    if step.order is OrderKind.MIGRATE:
        if step.closed:
            yield f"in a blackout window ({step.closed}): {_blackout(step)}"
        yield from _boot_log(step.document["cutover"])
        yield from (_hook(hook) for hook in step.document["cutover"].get("hooks", ()))
    yield from (f"+ {a.address} (by the engine){_made(a.spec)}" for a in step.makes)
    removed: dict[str, list[str]] = {}
    for address in step.removes:
        removed.setdefault(address.partition(".")[0], []).append(f"- {address} (by the engine)")
    for one in removed.values():
        yield from one if len(one) <= FOLD else (one[0], f"  … and {len(one) - 1} more like it")


def _boot_log(cutover: Any) -> Iterator[str]:
    kind, _, pattern = str(cutover.get("ready", "")).partition(":")
    if kind == BOOT_LOG:
        what = f"/{pattern}/" if pattern else "that it has started"
        yield f"ready when its serial port says {what}, looked for during {cutover['ready_within']:g} s"


_HOOKS = {"before": "before the power-off", "after": "after it is ready", "back": "when it goes back"}


def _hook(hook: Any) -> str:
    what = " ".join(hook["command"]) if hook["command"] else f"POST {hook['url'].partition('?')[0]}"
    ends = hook["when"] == "before" and hook["on_failure"] == "abort"
    then = "nothing is powered off when it fails" if ends else "a failure is told"
    return f"hook {hook['name']} {_HOOKS[hook['when']]}: {what} (at most {hook['timeout']:g} s; {then})"


def _blackout(step: SendOrder) -> str:
    return _IN_BLACKOUT[step.document["in_blackout"]] if step.closed else ""


def _made(spec: Any) -> str:
    if "sizes" in spec:
        asked = [f"zone {spec['zone']}" if "zone" in spec else "", *(str(spec.get(key, "")) for key in ("licence", "security"))]
        return f" {', '.join(filter(None, (' or '.join(spec['sizes']), *asked)))}"
    if "sku" in spec:
        keys = f", keys of {spec['encryption_set']}" if "encryption_set" in spec else ""
        return f" {spec['sku']}, {readable(spec['size'])}{keys}"
    return f" {spec['subnet']}" + (f" {spec['address']}" if spec.get("address") else "") if "subnet" in spec else ""


def value(value: Json) -> str:
    """A value in a few words; of the disks of an item, their places and sizes."""
    match value:
        case None:
            return "nothing"
        case [{"label": _, "capacity": _}, *_]:
            return ", ".join(f"{d['label']} {readable(d['capacity'])}" for d in value)
        case _:
            return repr(_in_order(value))


def _in_order(value: Json) -> Json:
    """Keys in order, however the value was made; tuples as lists."""
    match value:
        case dict():
            return {k: _in_order(value[k]) for k in sorted(value)}
        case list() | tuple():
            return [_in_order(v) for v in value]
        case _:
            return value


def readable(size: int) -> str:
    """Bytes in the largest binary unit that keeps the number readable."""
    amount, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.4g} {unit}"


def _at(span: Span | None) -> str:
    return str(span) if span else ""


def _s(count: int) -> str:
    return "" if count == 1 else "s"
