"""`tag:CATEGORY/NAME` or `tag:NAME`: the tag that is meant, out of those that vCenter has, and the VMs that carry it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from planner.wording import did_you_mean, quote
from wavelift.problems import UserProblem

if TYPE_CHECKING:
    from providers.vmware.source import VSphereSource
    from providers.vmware.tags import Tag

PREFIX = "tag:"


def carriers(source: VSphereSource, name: str, wanted: str, say: Callable[[str], None]) -> frozenset[str]:
    """Instance uuids of the VMs of source `name` that carry the tag."""
    from providers.vmware.tags import tagging

    say(f"reading the tags of {name}")
    with tagging(source.session.endpoint, source.credentials()) as service:
        tag = choose(service.tags(), wanted.removeprefix(PREFIX), name)
        found = service.attached(tag)
    if found.others:
        say(f"{found.others} objects that are no VMs carry {tag} too: what lies in them does not by that, and is not taken")
    if not found.machines:
        raise UserProblem(f"No VM of {name} carries the tag `{tag}`; nothing was written.")
    return source.uuids(found.machines)


def choose(tags: list[Tag], wanted: str, source: str) -> Tag:
    """By `CATEGORY/NAME` or, where only one category has it, by its name; as written, else whatever the case."""
    if not tags:
        raise UserProblem(
            f"{source} shows no tags to this login. There are none, or it may not see them: it needs System.Read on tags and "
            "categories (global permissions). Nothing was written."
        )
    for same in (str, str.casefold):
        found = [tag for tag in tags if same(wanted) in (same(str(tag)), same(tag.name))]
        whole = [tag for tag in found if same(str(tag)) == same(wanted)]
        if len(whole or found) == 1:
            return (whole or found)[0]
        if found:
            listed = " or ".join(f"`{PREFIX}{tag}`" for tag in whole or found)
            raise UserProblem(f"Several tags are called {quote(wanted)} in {source}. Write {listed}. Nothing was written.")
    category = wanted.partition("/")[0]
    known = sorted({tag.category for tag in tags})
    inside = [str(tag) for tag in tags if tag.category == category]
    hint = did_you_mean(wanted, [*map(str, tags), *(tag.name for tag in tags)])
    there = f" {category} has {', '.join(inside)}." if inside else f" Categories are {', '.join(known)}."
    raise UserProblem(f"{source} has no tag {quote(wanted)}.{hint}{there} Nothing was written.")
