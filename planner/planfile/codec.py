"""A plan as plain JSON and back: what it would do and say (the body), and apart from it the places in the files.

The places are no part of the body, because a line that moved in a file is no change of the plan. Fields that have their
default are left out; a field that is not known is refused, so that nothing of a plan is read over.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from planner.artifact import Artifact, Json, Kind
from planner.diff import Change
from planner.estate import Diagnostic, Span
from planner.plan.model import Asked, Plan
from planner.plan.scope import Scope
from planner.state import MachineState
from planner.steps import Acknowledge, Adopt, Create, Delete, Forget, Note, Protect, Rename, SendOrder, Step, Update
from replication.model.item import OrderKind

NOTES = ("deferred", "in_progress", "kept", "drift", "left_out", "pulled_in")
_STEPS: dict[str, type[Step]] = {
    t.__name__: t for t in (Create, Update, Adopt, Delete, Forget, Rename, Protect, SendOrder, Acknowledge)
}
_NO_DEFAULT = object()


def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    """(name, default) of a dataclass's fields, without the place."""
    given = ((f.name, _NO_DEFAULT if f.default is dataclasses.MISSING else f.default) for f in dataclasses.fields(kind))
    return tuple((name, default) for name, default in given if name != "origin")


_SHAPES = {kind: _fields(kind) for kind in (*_STEPS.values(), Note)}


def body(plan: Plan) -> dict[str, Json]:
    """All that the plan does and says; not its serial, nor places."""
    out: dict[str, Json] = {
        "estate": plan.estate,
        "lineage": plan.lineage,
        "inputs": plan.inputs,
        "again": plan.again,
        "asked": _asked_json(plan.asked),
        "steps": [step_json(s) for s in plan.steps],
    }
    for name in NOTES:
        out[name] = [_dict(n) for n in getattr(plan, name)]
    out["warnings"] = [[d.code, d.summary, d.detail, d.path] for d in plan.warnings]
    return out


def step_json(step: Step) -> dict[str, Json]:
    """A step as plain JSON. `deps` stands only where it is not the same as `needs`."""
    out = _dict(step)
    out["step"] = type(step).__name__
    if out.get("deps") == step.needs:
        del out["deps"]
    match step:
        case SendOrder():
            out["order"] = step.order.value
            out["makes"] = [_made_json(a) for a in step.makes]
        case Update():
            out["changes"] = [[c.op, list(c.path), c.old, c.new] for c in step.changes]
        case Create(enables=MachineState() as machine):
            out["enables"] = machine.document()
        case Forget(ends=MachineState() as machine):
            out["ends"] = machine.document()
        case _:
            pass
    return out


def _dict(value: Step | Note) -> dict[str, Json]:
    return {name: found for name, default in _SHAPES[type(value)] if (found := getattr(value, name)) != default}


def _made_json(artifact: Artifact) -> dict[str, Json]:
    return {"address": artifact.address, "id": artifact.id, "spec": artifact.spec, "deps": artifact.deps}


def places(plan: Plan, folder: str) -> dict[str, Json]:
    """Where each step, note and warning comes from; files relative to the estate's folder. 0: as the one before."""
    files: dict[str, int] = {}
    out: dict[str, Json] = {"steps": _spans((getattr(s, "origin", None) for s in plan.steps), files, folder)}
    for name in NOTES:
        out[name] = _spans((n.origin for n in getattr(plan, name)), files, folder)
    out["warnings"] = _spans((d.span for d in plan.warnings), files, folder)
    out["files"] = list(files)
    return out


def _spans(spans: Iterable[Span | None], files: dict[str, int], folder: str) -> list[Json]:
    out: list[Json] = []
    prefix = folder.rstrip("/") + "/"
    last: Span | None = None
    for span in spans:
        if span is None:
            out.append(None)
        elif span == last:
            out.append(0)
        else:
            name = span.file.removeprefix(prefix)
            out.append([files.setdefault(name, len(files)), span.line, span.column])
        last = span
    return out


def plan_of(document: Mapping[str, Any], where: Mapping[str, Any], serial: int) -> Plan:
    """The inverse of `body` and `places`. KeyError, TypeError, ValueError or AttributeError for anything else."""
    _only(document, {"estate", "lineage", "inputs", "again", "asked", "steps", "warnings", *NOTES})
    _only(where, {"files", "steps", "warnings", *NOTES})
    files = [_text(f) for f in where["files"]]
    steps = tuple(_step(s, span) for s, span in _with_spans(document["steps"], where["steps"], files))
    notes = {
        name: tuple(Note(**_known(n, Note), origin=span) for n, span in _with_spans(document[name], where[name], files))
        for name in NOTES
    }
    warnings = tuple(
        Diagnostic(_text(code), _text(summary), _text(detail), _text(path), span, (), "warning")
        for (code, summary, detail, path), span in _with_spans(document["warnings"], where["warnings"], files)
    )
    return Plan(
        estate=_text(document["estate"]),
        lineage=_text(document["lineage"]),
        serial=serial,
        steps=steps,
        warnings=warnings,
        inputs=_text(document["inputs"]),
        asked=_asked(document["asked"]),
        again=_whole(document["again"]),
        deferred=notes["deferred"],
        in_progress=notes["in_progress"],
        kept=notes["kept"],
        drift=notes["drift"],
        left_out=notes["left_out"],
        pulled_in=notes["pulled_in"],
    )


def _asked_json(asked: Asked) -> dict[str, Json]:
    """What was asked for; what was not is left out."""
    out: dict[str, Json] = {} if asked.allow_destroy is None else {"allow_destroy": asked.allow_destroy}
    out.update({name: list(globs) for name, globs in dataclasses.asdict(asked.scope).items() if globs})
    return out


def _asked(document: Mapping[str, Any]) -> Asked:
    number = document.get("allow_destroy")
    globs = {name: value for name, value in document.items() if name != "allow_destroy"}
    if number is not None and type(number) is not int:
        raise TypeError("asked")
    return Asked(number, Scope(**{name: tuple(_text(glob) for glob in value) for name, value in globs.items()}))


def _with_spans(values: Sequence[Any], spans: Sequence[Any], files: Sequence[str]) -> Iterator[tuple[Any, Span | None]]:
    last: Span | None = None
    for value, given in zip(values, spans, strict=True):
        if given != 0:
            last = None if given is None else Span(files[given[0]], int(given[1]), int(given[2]))
        yield value, last


def _step(document: dict[str, Any], origin: Span | None) -> Step:
    kind = _STEPS[document.pop("step")]
    given = _known(document, kind)
    if "needs" in given:
        given["needs"] = tuple(given["needs"])
    if "deps" in given:
        given["deps"] = tuple(given["deps"])
    elif kind in (Create, Update, Adopt):
        given["deps"] = given["needs"]
    if "kind" in given:
        given["kind"] = _KINDS[given["kind"]]
    if kind is Create and "enables" in given:
        given["enables"] = MachineState(**given["enables"])
    elif kind is Forget and "ends" in given:
        given["ends"] = MachineState(**given["ends"])
    elif kind is Update:
        given["changes"] = tuple(Change(op, tuple(path), old, new) for op, path, old, new in given["changes"])
    elif kind is SendOrder:
        given["order"] = OrderKind(given["order"])
        given["removes"] = tuple(given["removes"])
        given["makes"] = tuple(_made(a, given) for a in given["makes"])
    if kind not in (Delete, Forget, Rename):
        given["origin"] = origin
    return kind(**given)


def _made(document: Mapping[str, Any], order: Mapping[str, Any]) -> Artifact:
    _only(document, {"address", "id", "spec", "deps"})
    address = _text(document["address"])
    kind = Kind(address.partition(".")[0])
    deps = tuple(document["deps"])
    return Artifact(address, kind, _text(document["id"]), document["spec"], deps, order.get("machine"), order.get("wave"))


_KINDS = {kind.value: kind for kind in Kind}
_TEXTS = frozenset(
    [
        "address",
        "id",
        "machine",
        "wave",
        "uuid",
        "region",
        "why",
        "old",
        "what",
        "irreversible",
        "who",
        "reason",
        "word",
        "goes_on",
        "closed",
    ]
)
_FORMS: dict[type, list[tuple[str, type]]] = {
    kind: [(n, str) for n, _ in shape if n in _TEXTS] + [(n, dict) for n, _ in shape if n in ("spec", "document")]
    for kind, shape in _SHAPES.items()
}


def _known(document: dict[str, Any], kind: type) -> dict[str, Any]:
    """The document, when its texts are texts. Its fields are checked by `kind` itself, which is made of them."""
    for name, form in _FORMS[kind]:
        if name in document and type(document[name]) is not form:
            raise TypeError(f"{name} is not what it should be")
    if "origin" in document:
        raise KeyError("origin")
    return document


def _only(document: Mapping[str, Any], allowed: set[str]) -> None:
    if document.keys() != allowed:
        raise KeyError(", ".join(sorted(document.keys() ^ allowed)))


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r:.40} is not a count")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"{value!r:.40} is not text")
    return value
