"""Diff and order: the two small algorithms that every plan goes through."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from planner.artifact import Kind, ref, references, resolved
from planner.diff import diff, patched
from planner.plan.build import in_order
from planner.steps import Forget, Step

LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
KEYS = st.sampled_from("abc")
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12)


@given(VALUES, VALUES)
def test_patching_with_the_difference_gives_the_other(old: Any, new: Any) -> None:
    """D2: a plan's changes are the whole difference and nothing else."""
    changes = list(diff(old, new))
    assert patched(old, changes) == new
    assert (changes == []) == (old == new)
    assert list(diff(new, new)) == []


def test_a_tuple_is_a_list() -> None:
    assert list(diff({"a": ("x", "y")}, {"a": ["x", "y"]})) == []


def test_lists_are_compared_whole() -> None:
    (change,) = diff({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}})
    assert (change.op, change.path, change.old, change.new) == ("change", ("a", "b"), [1, 2], [1, 3])


def test_references_are_found_and_replaced() -> None:
    spec = {"account": ref("seed_store.korea", "blob_endpoint"), "more": [{"x": ref("a.b", "c")}], "plain": {"$ref": 1}}
    assert references(spec) == [("seed_store.korea", "blob_endpoint"), ("a.b", "c")]
    known = {("seed_store.korea", "blob_endpoint"): "https://x/", ("a.b", "c"): 7}
    assert resolved(spec, known) == {"account": "https://x/", "more": [{"x": 7}], "plain": {"$ref": 1}}


def step(address: str, *needs: str) -> Step:
    return Forget(address, Kind.VM, needs, "")


@st.composite
def acyclic(draw: st.DrawFn) -> list[Step]:
    """Steps in any order, with needs that hold no circle; some needs have no step."""
    count = draw(st.integers(0, 12))
    steps = []
    for i in range(count):
        before = draw(st.lists(st.integers(-1, i - 1), max_size=4)) if i else []
        steps.append(step(f"s{i}", *(f"s{n}" for n in before)))
    return draw(st.permutations(steps))


@given(acyclic())
def test_every_step_comes_after_what_it_needs(steps: list[Step]) -> None:
    """D2: the order of a plan respects every need, holds every step once, and is the same each time."""
    ordered = in_order(steps)
    at = {s.address: i for i, s in enumerate(ordered)}
    assert sorted(at) == sorted(s.address for s in steps)
    for one in ordered:
        assert all(at[need] < at[one.address] for need in one.needs if need in at)
    assert in_order(steps) == ordered
    assert in_order(ordered) == ordered


def test_free_steps_stay_as_they_were() -> None:
    """Text that people read does not jump about: without needs the order of the files is the order of the plan."""
    steps = [step("c"), step("a", "c"), step("b"), step("z")]
    assert [s.address for s in in_order(steps)] == ["c", "a", "b", "z"]


def test_a_circle_is_a_bug_and_is_named() -> None:
    try:
        in_order([step("a", "b"), step("b", "a"), step("c")])
    except AssertionError as error:
        assert "a, b" in str(error)
    else:
        raise AssertionError("a circle was put in order")
