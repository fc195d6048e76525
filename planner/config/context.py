"""What the resolvers share: the merged tree, the environment, and the words for a name that is not there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from planner.config.carried import carries, secrets_of
from planner.config.collect import Problems
from planner.config.tree import Item, Tree, entries, plain, text
from planner.estate import Login, ResourceGroup, SecretRef, Span
from planner.wording import did_you_mean, quote


@dataclass(frozen=True, slots=True)
class Context:
    tree: Tree
    env: Mapping[str, str]
    problems: Problems
    time_zone: str = "UTC"

    def known(self, kind: str) -> Mapping[str, Item]:
        """The declared names of a top-level collection."""
        return entries(self.tree, kind)

    def refer(self, name: str, known: Mapping[str, object], code: str, span: Span, path: str) -> bool:
        """Whether `name` is declared; otherwise the problem `code` is added at the place that uses it."""
        if name in known:
            return True
        kind = {"WL140": "target", "WL141": "source", "WL143": "wave"}[code]
        if "waves" in self.tree and f"{kind}s" not in self.tree:
            return False  # that waves need some is told once (WL160)
        detail = f"There is no {kind} {quote(name)}.{did_you_mean(name, known)}"
        self.problems.add(code, detail, span, path, missing=f"{kind}s.{name}")
        return False

    def nothing_carried(self, item: Item, path: str) -> None:
        """WL192 where an address, or a word of a command, holds a secret."""
        if item.text is not None and (what := carries(item.text)):
            detail = (
                f"This address carries {what}, and it would stand in git, in plans and in orders. Keep the whole address where "
                "secrets are and name that place: env:NAME, file:PATH or keyvault:VAULT/SECRET."
            )
            self.problems.add("WL192", detail, item.span, path)
        words = item.value if isinstance(item.value, list) else []
        for number in secrets_of([str(plain(word)) for word in words]):
            detail = (
                "This word of a command holds a secret, and it would stand in git, in plans and in the list of processes. Let "
                "the command read it from a file (curl's `-K FILE`, nbdkit's `password=+FILE`)."
            )
            self.problems.add("WL192", detail, words[number].span, path)

    def place(
        self, items: Mapping[str, Item], key: str, path: str, form: re.Pattern[str] | None = None
    ) -> str | None:
        """The text at `key`, taken from the environment where it is written env:NAME; None when absent or wrong."""
        item = items.get(key)
        if item is None or item.text is None:
            return None
        value = item.text
        if not value.startswith("env:"):
            return value
        variable = value.removeprefix("env:")
        found = self.env.get(variable, "")
        if not found:
            self.problems.add(
                "WL155", f"{quote(variable)} is not set, and {quote(path)} is taken from it.", item.span, path
            )
            return None
        if form and not form.fullmatch(found):
            # Its value is not told: a variable that is named by mistake may hold a secret.
            detail = f"What the environment variable {quote(variable)} holds cannot be {quote(path)}."
            self.problems.add("WL125", detail, item.span, path)
            return None
        return found


def secret(written: str) -> SecretRef:
    """`env:NAME`, `file:PATH` or `keyvault:VAULT/SECRET`, as the schema has already checked."""
    kind, _, name = written.partition(":")
    return SecretRef(cast(Literal["env", "file", "keyvault"], kind), name)


def login(items: Mapping[str, Item]) -> Login | None:
    """The value of `login`: one reference for both, or one for each."""
    item = items.get("login")
    if item is None:
        return None
    if item.text is not None:
        return Login(secret(item.text), secret(item.text))
    plan, engine = text(item.map, "plan"), text(item.map, "engine")
    return Login(secret(plan), secret(engine)) if plan and engine else None


def resource_group(items: Mapping[str, Item]) -> ResourceGroup | None:
    """The value of `resource_group`: a name, or name and managed."""
    item = items.get("resource_group")
    if item is None:
        return None
    if item.text is not None:
        return ResourceGroup(item.text)
    name, managed = text(item.map, "name"), item.map.get("managed")
    return ResourceGroup(name, managed is not None and managed.value is True) if name else None
