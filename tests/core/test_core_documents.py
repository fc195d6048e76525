"""Documents: what is written is what is read, and nothing else is read."""

import json

import pytest
from core_strategies import of, quick, thorough
from hypothesis import given
from hypothesis import strategies as st

from replication.model import documents
from replication.model.documents import BadDocument
from replication.model.item import Item, ItemDisk, Order
from replication.model.record import Attempt, CycleKind, Evidence, Life, Record, Stage, Unclean
from replication.model.status import State, Status

LOADERS = {
    Item: documents.load_item,
    Order: documents.load_order,
    Record: documents.load_record,
    Status: documents.load_status,
    Evidence: documents.load_evidence,
}
ANY = st.one_of([of(form) for form in LOADERS])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
RECORD = Record(
    machine="5012-a",
    replication="r",
    epoch=3,
    fence=7,
    life=Life.DELTA,
    cycle=2,
    attempt=Attempt(
        "a", CycleKind.DELTA, 3, 3, 7, Stage.READING, 5.5, "wavelift-a", change_ids={2000: "52 de/4", 2001: "x/1"}
    ),
    unclean=(Unclean("b", None, "r/b/", {2000: ("p1", "p2")}),),
)


@thorough
@given(ANY)
def test_round_trip(value):
    text = documents.dumps(value)
    assert LOADERS[type(value)](text) == value
    assert documents.dumps(LOADERS[type(value)](text)) == text
    assert text.endswith(b"}\n") and text.count(b"\n") == 1


def test_equal_values_give_equal_bytes_and_int_keys_survive():
    one = Item("m", "n", "w", "r", "e", "s", "a", "k", (ItemDisk(2000, "u", "l", 512, "s"),), *"abcdef")
    assert documents.dumps(one) == documents.dumps(documents.load_item(documents.dumps(one)))
    found = documents.load_record(documents.dumps(RECORD))
    assert found.attempt.change_ids == {2000: "52 de/4", 2001: "x/1"}
    assert found.unclean[0].points == {2000: ("p1", "p2")}


def changed(path, value):
    tree = json.loads(documents.dumps(RECORD))
    at = tree
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    return json.dumps(tree).encode()


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (["kind"], "order", "kind 'order'"),
        (["kind"], None, "kind None"),
        (["schema"], 2, "schema 2"),
        (["schema"], True, "schema True"),
        (["schema"], 0, "schema 0"),
        (["extra"], 1, "extra: not known"),
        (["body"], [], "expected an object"),
        (["body", "novel"], 1, "record.novel: not known"),
        (["body", "epoch"], "3", "record.epoch: expected a whole number, found '3'"),
        (["body", "epoch"], True, "record.epoch: expected a whole number, found True"),
        (["body", "epoch"], 3.0, "record.epoch"),
        (["body", "dirty"], 1, "record.dirty: expected true or false"),
        (["body", "dirty"], 0, "record.dirty: expected true or false"),
        (["body", "orders_done"], False, "record.orders_done: expected a whole number"),
        (["body", "life"], "dead", "record.life: expected one of new, initial, delta, migrated, stopped; found 'dead'"),
        (["body", "life"], {}, "record.life"),
        (["body", "attempt", "started"], "soon", "record.attempt.started: expected a number"),
        (["body", "attempt", "started"], float("nan"), "record.attempt.started: expected a number"),
        (["body", "attempt", "started"], 10**400, "record.attempt.started: expected a number"),
        (["body", "attempt", "change_ids"], {"02000": "x"}, "key '02000' is not a whole number"),
        (["body", "attempt", "change_ids"], {"--1": "x"}, "key '--1' is not a whole number"),
        (["body", "unclean"], {}, "record.unclean: expected a list"),
        (["body", "unclean", 0, "points", "2000"], ["p", 1], "record.unclean[0].points.2000[1]: expected text, found 1"),
    ],
)
def test_what_is_off_is_named(path, value, says):
    with pytest.raises(BadDocument) as refused:
        documents.load_record(changed(path, value))
    assert says in str(refused.value)


def test_a_missing_field_takes_its_default_or_is_named():
    tree = json.loads(documents.dumps(RECORD))
    del tree["body"]["dirty"]
    assert documents.load_record(json.dumps(tree).encode()) == RECORD
    del tree["body"]["fence"]
    with pytest.raises(BadDocument, match=r"record\.fence: missing"):
        documents.load_record(json.dumps(tree).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"a":1,"a":2}', b"[" * 100_000, b"1" * 5000])
def test_what_is_no_document_is_refused(data):
    with pytest.raises(BadDocument):
        documents.load_record(data)


def test_a_number_that_json_cannot_carry_is_not_written():
    with pytest.raises(BadDocument, match="nan"):
        documents.dumps(Status("m", "n", "w", State.INITIAL, float("nan"), 1))


@quick
@given(of(Record), st.data())
def test_any_tampering_gives_a_record_or_a_clear_refusal(record, data):
    tree = json.loads(documents.dumps(record))
    at = tree["body"]
    while True:
        keys = sorted(at) if isinstance(at, dict) else range(len(at))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(at[key], (dict, list)) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(JSON)
    try:
        found = documents.load_record(json.dumps(tree).encode())
    except BadDocument as refused:
        assert str(refused).startswith("record.")
    else:
        assert documents.load_record(documents.dumps(found)) == found


def test_names_are_where_the_others_look():
    assert documents.item_name("m") == "items/m.json"
    assert documents.order_name("m", 1) == "orders/m/000001.json"
    assert documents.record_name("m") == "records/m.json"
    assert documents.status_name("m") == "status/m.json"
    assert documents.evidence_name("m", "r", 12) == "evidence/m/r/000012.json"
    assert documents.progress_name("m", "r", 2000) == "progress/m/r/2000.bin"
