"""Large JSON is read more quickly and in no other way (issue 4: speed and scale; decision 71)."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import Any

import pytest

from planner.inventory import loads as load_inventory
from planner.state import BadState
from planner.state import loads as load_state
from replication.model import documents, jsonform, parse
from replication.model.item import OrderKind
from replication.model.record import Life, OrderProgress, Record
from replication.model.release import RELEASE

TEXTS = [
    b"18446744073709551616", b"-9223372036854775809", b"1" * 400, b"-0", b"-0.0", b"1E5", b"1e400", b"1e-400", b"01", b"1.",
    b"NaN", b"-Infinity", b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000\\/"', b'"\x01"', b'"\xff"', b'"\xed\xa0\x80"',
    "\"B\u00fcro \U0001f600\"".encode(), b'{"a":1,"b":2,"a":3}', b'{"":{"":[]}}', b"[1,]", b"{} x", b"", b" \n[ ] \t",
    b"\xef\xbb\xbf1", "{\"a\": 1}".encode("utf-16"), b"[" * 100000, b"true", b"nul", b"{1:2}",
]  # fmt: skip


def outcome(read: Any, data: bytes) -> object:
    try:
        return json.dumps(read(data))  # NaN is not equal to itself, and False is equal to 0
    except (ValueError, RecursionError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("data", TEXTS, ids=lambda data: repr(data[:20]))
def test_what_is_large_is_taken_and_refused_as_what_is_small(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "LARGE", 0)
    assert outcome(parse.parsed, data) == outcome(json.loads, data)


def test_numbers_are_the_same_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "LARGE", 0)
    chance = random.Random(7)
    texts = [repr(chance.uniform(-1, 1) * 10.0 ** chance.randint(-320, 308)) for _ in range(3000)]
    texts += [f"{chance.randrange(10**17)}.{chance.randrange(10**20)}e{chance.randint(-30, 30)}" for _ in range(3000)]
    found = parse.parsed(f"[{','.join(texts)}]".encode())
    assert [math.copysign(1, n) * n for n in found] == [math.copysign(1, n) * n for n in map(float, texts)]


def test_a_large_state_and_inventory_that_are_no_json_are_told_as_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "LARGE", 0)
    with pytest.raises(BadState, match=r"Expecting property name enclosed in double quotes: line 1 column 2"):
        load_state(b"{,}", "state.json")
    with pytest.raises(ValueError, match=r"not a recorded inventory \(JSONDecodeError"):
        load_inventory("{,}")


RECORD = Record("5a", "r-1", 1, 1, Life.DELTA, 1)
RECORDS = [
    RECORD,
    replace(RECORD, problem="B\u00fcro", dirty=True),
    replace(RECORD, retry_at=1e22, queued_since=0.1, last_duration=5.0),
    replace(RECORD, cycle=2**70, initial_base={2000: "a", 2001: "b"}, test={"vm": "/x"}),
    replace(RECORD, order=OrderProgress(1, "o-1", OrderKind.TEST, (), facts={"a": "b"})),
]


def many(data: bytes) -> Record:
    """As one that comes after very many."""
    jsonform._read[Record] = jsonform.MANY
    return documents.load_record(data)


def few(data: bytes) -> Record:
    jsonform._read[Record] = 0
    return documents.load_record(data)


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_among_very_many_is_the_same(record: Record) -> None:
    data = documents.dumps(record)
    assert repr(many(data)) == repr(few(data)) == repr(few(documents.dumps(record)))
    assert many(data) == record
    assert documents.dumps(many(data)) == data


def test_the_quick_way_is_the_one_that_is_gone() -> None:
    """Else the other tests here would compare a way with itself."""
    data = documents.dumps(RECORD)
    assert parse.reader(Record)(data) == ("record", 1, RECORD)
    for other in (data.replace(b'"cycle":1', b'"cycle": 1'), data.replace(b'"cycle":1', b'"cycle":01'), data[:-3], b"\xff"):
        assert parse.reader(Record)(other) is None


BROKEN = [
    (b'"cycle":1', b'"cycle":1,"cycle":1'),
    (b'"cycle":1', b'"cycle":true'),
    (b'"cycle":1', b'"cycle":1.0'),
    (b'"cycle":1', b'"cycle":1,"cyclf":2'),
    (b'"life":"delta"', b'"life":"gone"'),
    (b'"machine":"5a",', b""),
    (b'"initial_base":{}', b'"initial_base":{"+1":"a"}'),
    (b'"initial_base":{}', b'"initial_base":{"1":2}'),
    (b'"retry_at":null', b'"retry_at":NaN'),
    (b'"retry_at":null', b'"retry_at":1e999'),
    (b'"kind":"record"', b'"kind":"order"'),
    (b'"schema":1', b'"schema":2'),
    (b'"schema":1', b'"schema":0'),
    (b'"schema":1', b'"more":1,"schema":1'),
    (b'"release":', b'"releasf":'),
]


@pytest.mark.parametrize(("old", "new"), BROKEN)
def test_what_is_refused_is_refused_among_very_many_too_in_the_same_words(old: bytes, new: bytes) -> None:
    good = documents.dumps(RECORD)
    assert RELEASE.encode() in good and old in good
    data = good.replace(old, new)
    said = []
    for read in (few, many):
        with pytest.raises(documents.BadDocument) as refused:
            read(data)
        said.append(str(refused.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_what_is_indented_is_what_json_would_have_written(ascii_only: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    values: list[Any] = [
        {}, [], "", 0, -0.0, 1e22, 1e-7, 2**70, None, True, "B\u00fcro \U0001f600 \u2028 \x7f \x00 \\", "\ud800",
        math.nan, math.inf,
        {"b": [], "a": {}, "c": [[], {}, [1]], "": {"x": [{"y": None}]}}, {"1": "{\"a\":1}, [ ] : ,"},
    ]  # fmt: skip
    for value in [*values, values]:
        wanted = json.dumps(value, indent=2, ensure_ascii=ascii_only)
        monkeypatch.setattr(parse, "LARGE", 0)
        assert parse.indented(value, ascii_only) == wanted
        monkeypatch.undo()
        assert parse.indented(value, ascii_only) == wanted
