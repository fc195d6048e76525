"""The schema is one truth with two readers: ours, quick and with places, and `jsonschema`, which editors agree with."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import schemas
from planner.config.codes import CODES
from planner.config.collect import Problems
from planner.config.document import compose
from planner.config.files import read_one
from planner.config.forms import bits_per_second, seconds
from planner.config.loader import STATE_FILE
from planner.config.rules import compiled
from planner.config.shape import read
from planner.config.tree import plain
from planner.estate import (
    Appliance,
    Azure,
    CutoverPolicy,
    LimitsPolicy,
    Machine,
    Phase,
    SchedulePolicy,
    ShutdownPolicy,
    Source,
)

ESTATE = schemas.load("estate-1")
VALIDATOR = Draft202012Validator(ESTATE)
NAMES = ("estate-1", "lock-1")
CASES = Path(__file__).parents[1] / "cases" / "config"


def keys(schema: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every key that a user can write, with its schema."""
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "properties" and "if" not in path and "then" not in path:
                yield from ((f"{path}.{key}", entry) for key, entry in value.items())
            yield from keys(value, f"{path}.{name}")
    elif isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from keys(value, f"{path}[{number}]")


def resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with what it refers to; its own annotations win."""
    if "$ref" not in schema:
        return dict(schema)
    target = document["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return {**resolved(document, target), **{k: v for k, v in schema.items() if k != "$ref"}}


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_valid_and_local(name: str) -> None:
    """Draft 2020-12, every $ref inside the file, every $def in use, every keyword known to the quick reader."""
    document = schemas.load(name)
    Draft202012Validator.check_schema(document)
    references = set(re.findall(r'"\$ref":\s*"([^"]+)"', schemas.text(name)))
    assert references == {f"#/$defs/{key}" for key in document.get("$defs", {})}
    assert compiled(name).mapping is not None


def required(document: Mapping[str, Any]) -> set[int]:
    """Ids of the schemas of keys that must be given."""
    found: set[int] = set()
    waiting: list[Any] = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            entries = one.get("properties", {})
            found |= {id(entries[key]) for key in one.get("required", ()) if key in entries}
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_key_helps_in_an_editor(name: str) -> None:
    """issue 4, Editing: description, examples and default (a value, or in words what holds) of every key; all of them right."""
    document = schemas.load(name)
    found, needed = list(keys(document)), required(document)
    assert found
    for path, schema in found:
        whole = resolved(document, schema)
        assert whole.get("title"), path
        assert whole.get("description"), path
        assert whole.get("examples"), path
        holds = whole.keys() & {"default", "x-default", "properties", "additionalProperties"}
        assert holds or id(schema) in needed, path
        validator = Draft202012Validator({**schema, "$defs": document.get("$defs", {})})
        for value in (*whole["examples"], *([whole["default"]] if "default" in whole else [])):
            assert validator.is_valid(value), (path, value)


def test_schema_defaults_are_the_planner_s() -> None:
    """issue 4, Editing: the default that the editor shows is the value that the planner takes."""
    defs = ESTATE["$defs"]
    limits = given_defaults(defs["limits"])
    share = float(limits["recheck"].removesuffix("%")) / 100
    assert LimitsPolicy(**{**limits, "recheck": share}) == LimitsPolicy()
    assert set(limits) == {f.name for f in dataclasses.fields(LimitsPolicy)}
    schedule = given_defaults(defs["schedule"])
    assert SchedulePolicy(**{k: timed(k, v) for k, v in schedule.items()}) == SchedulePolicy()
    shutdown = given_defaults(defs["cutover"]["properties"]["shutdown"]["oneOf"][1])
    names = {"then": "otherwise"}
    assert ShutdownPolicy(**{names.get(k, k): timed(k, v) for k, v in shutdown.items()}) == ShutdownPolicy()
    assert shutdown.keys() == {"mode", "wait", "then"}
    cutover = given_defaults(defs["cutover"])
    assert cutover.pop("shutdown") == ShutdownPolicy().mode
    assert CutoverPolicy(**{k: timed(k, v) for k, v in cutover.items()}) == CutoverPolicy()
    unset = {"opens", "closes", "window", "downtime", "shutdown", "approval", "complete_after", "hooks"}
    assert cutover.keys() | unset == {f.name for f in dataclasses.fields(CutoverPolicy)}


def test_schema_defaults_of_machines_and_places_are_the_planner_s() -> None:
    """issue 4, Editing: likewise where the planner's own values carry the default."""
    defs, top = ESTATE["$defs"], ESTATE["properties"]
    plain = {f.name: f.default for f in dataclasses.fields(Machine)}
    machine = given_defaults(defs["defaults"])
    assert machine == {"disk": plain["disk_type"], "ip": plain["ip"], "quiesce": plain["quiesce"], "protect": plain["protect"]}
    assert given_defaults(defs["wave"])["phase"] == Phase.REPLICATE.value
    assert top["azure"]["properties"]["roles"]["default"] == {f.name: f.default for f in dataclasses.fields(Azure)}["roles"]
    assert defs["source"]["properties"]["tracking"]["default"] == _field(Source, "tracking")
    assert given_defaults(top["state"]["oneOf"][1]["properties"]["local"])["path"] == STATE_FILE
    assert top["estate"]["properties"]["time_zone"]["default"] == _field(Appliance, "time_zone")


def _field(kind: type, name: str) -> object:
    return {f.name: f.default for f in dataclasses.fields(kind)}[name]


def given_defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults of a mapping's keys."""
    whole = {key: resolved(ESTATE, entry) for key, entry in schema["properties"].items()}
    return {key: entry["default"] for key, entry in whole.items() if "default" in entry}


def timed(key: str, value: Any) -> Any:
    """Durations as the planner counts them."""
    return seconds(value) if key in ("delta_minimum", "retry_after", "wait", "ahead", "ready_within") else value


# fmt: off
TEXTS = st.sampled_from([
    "", "a", "seoul", "web-01", "Standard_D2s_v5", "30m", "0s", "200 Mbps", "Monday;7:00;7h",
    "Monday;7:00;0h", "skip", "os", "replicate", "migrated", "é", "1", "9", "env:A", "file:/a",
    "none", "local", "10.0.0.1", "10.0.0.256", "2027-01-20", "scsi0:1", "koreacentral",
    "https://a.b:1", "a b", "Premium_LRS", "Asia/Seoul", "host:443", "declared", "guest", "force",
])
# fmt: on
ODD: st.SearchStrategy[Any] = st.one_of(
    TEXTS, st.just("x" * 600), st.just({}), st.just([]), st.just({"x": "y"}), st.just(["Standard_D2s_v5"])
)


def documents(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Documents of the schema's shape, some of them right: now and then a value of quite another kind."""
    schema = resolved(ESTATE, schema)
    if "oneOf" in schema:
        return st.one_of(*(documents(option) for option in schema["oneOf"]))
    match schema["type"]:
        case "object":
            return _objects(schema)
        case "array":
            return st.lists(documents(schema["items"]), max_size=3)
        case "boolean":
            return st.one_of(st.booleans(), st.sampled_from(["on", "true", []]))
        case "integer" | "number":
            right = list(schema.get("enum", ())) * 8
            ends = [*right, schema.get("minimum", 0), schema.get("maximum", 1), 1, 8, -1, 0, 2_000_000, 1.5]
            return st.one_of(st.sampled_from(ends), st.sampled_from(["1", {}]))
        case _:
            texts = [str(v) for v in schema.get("enum", ())] + [str(v) for v in schema.get("examples", ())]
            good = st.sampled_from(texts) if texts else TEXTS
            return st.one_of(good, good, good, ODD)


def _objects(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    properties = {key: documents(value) for key, value in schema.get("properties", {}).items()}
    needed = {key: value for key, value in properties.items() if key in schema.get("required", ())}
    free = {key: value for key, value in properties.items() if key not in needed}
    usual = st.fixed_dictionaries(needed, optional=free)
    extra: st.SearchStrategy[Any] = st.just({})
    if schema.get("additionalProperties"):
        names = st.one_of(st.sampled_from(["a", "web-01", "scsi0:1", "0", "os"]), TEXTS)
        extra = st.dictionaries(names, documents(schema["additionalProperties"]), max_size=3)
    loose = st.dictionaries(st.sampled_from([*properties, "unknown"]), ODD, max_size=3)
    return st.one_of(
        *[st.tuples(usual, extra).map(lambda pair: {**pair[1], **pair[0]})] * 6,
        st.tuples(usual, loose).map(lambda pair: {**pair[0], **pair[1]}),
    )


POLICIES = ("schedule", "limits", "blackout", "throttle", "cutover")
PARTS: dict[str, st.SearchStrategy[Any]] = {
    **{key: documents(entry) for key, entry in ESTATE["properties"].items()},
    **{kind: documents(ESTATE["$defs"][kind]) for kind in (*POLICIES, "machine")},
}
"""Values of the top-level keys, and of parts that would seldom be met with everything around them right."""


def wrap(part: str, value: Any) -> dict[str, Any]:
    """A whole document around the value of one part."""
    if part in POLICIES:
        return {"policies": {part: {"a": value}}}
    if part == "machine":
        return {"waves": {"a": {"target": "b", "machines": {"c": value}}}}
    return {part: value}


@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("part", sorted(PARTS))
def test_both_readers_agree(part: str, data: st.DataObject) -> None:
    """D5: what the quick reader takes, jsonschema takes, as the same values; what it refuses, jsonschema refuses."""
    document = wrap(part, data.draw(PARTS[part]))
    result = read_one("generated.yaml", json.dumps(document, ensure_ascii=False))
    accepted = not result.diagnostics
    assert accepted == VALIDATOR.is_valid(document), [d.detail for d in result.diagnostics]
    if accepted:
        assert {key: plain(item) for key, item in result.items.items()} == document


@pytest.mark.parametrize("part", sorted(PARTS))
def test_the_generated_documents_are_of_both_kinds(part: str) -> None:
    """The agreement above would mean little if all documents were wrong."""
    right: list[bool] = []

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(PARTS[part])
    def count(value: Any) -> None:
        right.append(VALIDATOR.is_valid(wrap(part, value)))

    count()
    assert any(right)
    assert not all(right)


@pytest.mark.parametrize(
    "file", [*sorted((CASES / "good-seoul").rglob("*.y*ml")), CASES / "_base" / "base.yaml"]
)
def test_good_files_pass_jsonschema(file: Path) -> None:
    """The values that we read from a good file are a document of the schema."""
    result = read_one(str(file), file.read_text(encoding="utf-8"))
    assert result.diagnostics == ()
    assert list(VALIDATOR.iter_errors({key: plain(item) for key, item in result.items.items()})) == []


def test_codes_are_explained() -> None:
    """Every code has a summary without values and an explanation that says more."""
    for code, entry in CODES.items():
        assert re.fullmatch(r"WL[1-5]\d\d", code)
        assert "`" not in entry.summary
        assert entry.explanation.endswith(".")
        assert entry.explanation != entry.summary
    assert len({entry.summary for entry in CODES.values()}) == len(CODES)


def test_lock_schema_reads_as_jsonschema_does() -> None:
    """The second schema goes through the same reader."""
    document = {"version": 1, "machines": {"a": {"instance_uuid": "x", "source": "s", "vm_name": "n"}}}
    problems = Problems()
    root = compose(json.dumps(document), "lock", problems)
    assert root is not None
    read(root, compiled("lock-1"), "lock", problems)
    assert [d.path for d in problems.found] == ["machines.a.instance_uuid"]
    assert not Draft202012Validator(schemas.load("lock-1")).is_valid(document)


@pytest.mark.parametrize(
    ("text", "value"),
    [("30m", 1800), ("1h30m", 5400), ("90s", 90), ("5s", 5), ("1d", 86400), ("1d2h3m4s", 93784)],
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("200 Mbps", 200_000_000),
        ("1 Gbps", 10**9),
        ("1.5Gbps", 1_500_000_000),
        ("64Kbps", 64_000),
        ("9 bps", 9),
    ],
)
def test_rates(text: str, value: int) -> None:
    """S13: bits, decimal factors."""
    assert bits_per_second(text) == value


def test_unknown_schema_name() -> None:
    """A name that is not there is a LookupError, not a missing file."""
    with pytest.raises(LookupError, match="nothing-9"):
        schemas.load("nothing-9")
