"""`quick`: frozen dataclasses that are made more quickly and are no others (issue 4: speed and scale)."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace

import pytest

from planner.artifact import Kind
from planner.steps import Create, Update
from replication.model.quick import quick


@dataclass(frozen=True, slots=True, order=True)
class Plain:
    name: str
    size: int = 3
    tags: Mapping[str, str] = field(default_factory=dict)
    seen: int = field(default=0, compare=False)


@quick
@dataclass(frozen=True, slots=True, order=True)
class Quick:
    name: str
    size: int = 3
    tags: Mapping[str, str] = field(default_factory=dict)
    seen: int = field(default=0, compare=False)


@pytest.mark.parametrize("one", [Plain, Quick])
def test_it_is_made_compared_and_taken_apart_as_any_frozen_dataclass(one: type[Quick]) -> None:
    """The same assertions of both: what `quick` changes is time alone."""
    made = one("a", tags={"b": "c"})
    assert type(made) is one
    assert (made.name, made.size, made.tags, made.seen) == ("a", 3, {"b": "c"}, 0)
    assert made == one("a", 3, {"b": "c"}, seen=9) and made != one("b", 3, {"b": "c"})
    assert one("a", 1) < one("a", 2)
    assert replace(made, size=4) == one("a", 4, {"b": "c"})
    assert asdict(made) == {"name": "a", "size": 3, "tags": {"b": "c"}, "seen": 0}
    assert [f.name for f in fields(made)] == ["name", "size", "tags", "seen"]
    assert repr(made) == f"{one.__name__}(name='a', size=3, tags={{'b': 'c'}}, seen=0)"
    assert copy.deepcopy(made) == made == pickle.loads(pickle.dumps(made))
    assert one("a").tags is not one("a").tags


@pytest.mark.parametrize("one", [Plain, Quick])
def test_it_stays_frozen(one: type[Quick]) -> None:
    made = one("a")
    with pytest.raises(FrozenInstanceError):
        made.name = "b"  # type: ignore[misc]  # this is what is tried
    with pytest.raises(FrozenInstanceError):
        del made.name
    with pytest.raises((AttributeError, TypeError)):
        made.other = 1  # type: ignore[attr-defined]  # likewise
    assert made == one("a")


@pytest.mark.parametrize("one", [Plain, Quick])
@pytest.mark.parametrize("given", [((), {}), (("a",), {"name": "b"}), (("a",), {"other": 1}), (("a", 1, {}, 2, 3), {})])
def test_wrong_arguments_are_refused(one: type[Quick], given: tuple[tuple[object, ...], dict[str, object]]) -> None:
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        one(*given[0], **given[1])  # type: ignore[arg-type]  # wrong on purpose


def test_the_signature_is_kept() -> None:
    plain, made = (inspect.signature(one).parameters.values() for one in (Plain, Quick))
    assert [(p.name, p.annotation) for p in plain] == [(p.name, p.annotation) for p in made]


def test_a_class_with_a_base_of_its_kind_works_too() -> None:
    step = Create("a.b", Kind.VAULT, "id", {}, (), (), "why", machine="web-01")
    assert type(step) is Create and step.machine == "web-01" and step.enables is None and not isinstance(step, Update)
    with pytest.raises(FrozenInstanceError):
        step.machine = None  # type: ignore[misc]  # this is what is tried


def test_what_it_cannot_do_is_refused_when_the_class_is_made() -> None:
    """A class that does more when it is made, or is derived from, would be made wrongly: never silently."""

    @dataclass(frozen=True, slots=True)
    class Does:
        name: str

        def __post_init__(self) -> None:
            raise AssertionError

    @dataclass(frozen=True, slots=True)
    class ByName:
        name: str = field(kw_only=True)

    @dataclass(frozen=True)
    class Open:
        name: str

    for one in (Does, ByName, Open):
        with pytest.raises(TypeError, match="no plain frozen dataclass"):
            quick(one)
    with pytest.raises(TypeError, match="not derived from"):
        type("Derived", (Quick,), {})
