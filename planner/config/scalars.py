"""One scalar: its source text read as the type that the schema has at its place."""

from __future__ import annotations

import re
from collections.abc import Callable

from planner.config.forms import why_not
from planner.config.rules import ScalarRule
from planner.wording import listing, nearest, quote

Refuse = Callable[[str, str], None]
"""Takes a code and a detail."""

_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")
_YES = {"on", "yes", "y", "true", "1"}
_NO = {"off", "no", "n", "false", "0"}


def read_scalar(text: str, bare: bool, rule: ScalarRule, refuse: Refuse) -> str | int | float | bool | None:
    """The value, or None after `refuse` was told why. `bare` says that no quotes stood around the text."""
    match rule.kind:
        case "text":
            return text if _text(text, rule, refuse) else None
        case "boolean":
            return _boolean(text, bare, refuse)
        case "integer" | "number":
            return _number(text, bare, rule, refuse)


def check_name(name: str, rule: ScalarRule, refuse: Refuse) -> None:
    """Names (keys) follow the same rules as texts and are reported as names."""
    if _placeholder(name, rule, refuse):
        return
    fits = rule.pattern is None or rule.pattern.search(name)
    if not fits or len(name) < rule.shortest or (rule.longest is not None and len(name) > rule.longest):
        refuse("WL132", f"{quote(name)} cannot be {rule.title}. {rule.help}")


def _placeholder(text: str, rule: ScalarRule, refuse: Refuse) -> bool:
    """Whether `text` is one of the placeholders that `wavelift init` writes, where it means nothing else."""
    if not (text.startswith("<") and text.endswith(">")) or (rule.pattern and rule.pattern.search(text)):
        return False
    like = f", like {listing(rule.examples)}" if rule.examples else ""
    refuse("WL191", f"{quote(text)} is still to be filled in: write {rule.title}{like}. {rule.help}".rstrip())
    return True


def _text(text: str, rule: ScalarRule, refuse: Refuse) -> bool:
    if _placeholder(text, rule, refuse):
        return False
    if rule.enum and text not in rule.enum:
        guess = nearest(text, rule.enum)
        hint = f" Did you mean {quote(guess)}?" if guess else ""
        refuse("WL124", f"{quote(text)} is not {rule.title}: it is {listing(rule.enum)}.{hint}")
        return False
    if rule.pattern and not rule.pattern.search(text):
        shown = "This" if rule.secret else quote(text)
        like = f" Write it like {listing(rule.examples)}." if rule.examples else f" {rule.help}"
        refuse("WL125", f"{shown} is not {rule.title}.{why_not(rule.title, text)}{like}")
        return False
    if len(text) < rule.shortest or (rule.longest is not None and len(text) > rule.longest):
        limits = f"at most {rule.longest} characters" if rule.longest and text else "at least one character"
        refuse("WL127", f"{rule.title[0].upper()}{rule.title[1:]} has {limits}; this has {len(text)}.")
        return False
    return True


def _boolean(text: str, bare: bool, refuse: Refuse) -> bool | None:
    if bare and text in ("true", "false"):
        return text == "true"
    meant = "true" if text.lower() in _YES else "false" if text.lower() in _NO else None
    hint = f"write {quote(meant)} without quotes" if meant else "it is `true` or `false`"
    refuse("WL124", f"{quote(text)} is not read as true or false: {hint}.")
    return None


def _number(text: str, bare: bool, rule: ScalarRule, refuse: Refuse) -> int | float | None:
    form = _INTEGER if rule.kind == "integer" else _NUMBER
    if not bare or not form.fullmatch(text):
        what = "a whole number" if rule.kind == "integer" else "a number"
        hint = " without quotes" if form.fullmatch(text) else ""
        refuse("WL125", f"{quote(text)} is not read as {what}; write plain digits{hint}.")
        return None
    value = int(text) if _INTEGER.fullmatch(text) else float(text)
    if rule.enum and str(value) not in rule.enum:
        code = "WL133" if rule.title == "a schema version" else "WL124"
        refuse(
            code,
            f"{rule.title[0].upper()}{rule.title[1:]} is {listing(rule.enum)} in this release, not {quote(text)}.",
        )
        return None
    low, high = rule.minimum, rule.maximum
    if (
        (low is not None and value < low)
        or (high is not None and value > high)
        or (rule.above is not None and value <= rule.above)
    ):
        start = f"more than {rule.above}" if rule.above is not None else f"{low}"
        refuse("WL126", f"{quote(text)} is out of range: from {start} to {high}.")
        return None
    return value
