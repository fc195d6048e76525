"""`rules`, `prices` and `forecast` as they stand in the files; what rules find is `planner.guards`."""

from __future__ import annotations

from planner.config.context import Context
from planner.config.forms import bits_per_second, seconds
from planner.config.tree import Item, entries, flag, number, text
from planner.config.windows import UNLIMITED, read_blackout
from planner.estate import ForecastPolicy, Prices, Rule
from planner.wording import quote

_SAYS_NOTHING = {"why", "waves"}


def read_rules(context: Context) -> tuple[Rule, ...]:
    return tuple(_rule(context, name, item) for name, item in context.known("rules").items())


def _rule(context: Context, name: str, item: Item) -> Rule:
    path, own = f"rules.{name}", item.map
    if not own.keys() - _SAYS_NOTHING:
        detail = f"The rule {quote(name)} asks for nothing: give it a check such as `max_destroys: 0`."
        context.problems.add("WL128", detail, item.key, path)
    size = entries(own, "wave_size")
    fewest, most = (None if (n := number(size, key)) is None else int(n) for key in ("min", "max"))
    if fewest is not None and most is not None and fewest > most:
        context.problems.add("WL158", f"`min` {fewest} is more than `max` {most}.", own["wave_size"].key, f"{path}.wave_size")
    together = own.get("never_together")
    if together is not None and len(_names(together)) == 1:
        detail = "Of one machine alone the rule could never be broken. Name two or more."
        context.problems.add("WL127", detail, together.span, f"{path}.never_together")
    closed = own.get("no_cutover")
    valid = text(own, "plan_valid")
    destroys, cutovers = number(own, "max_destroys"), number(own, "max_cutovers_a_night")
    return Rule(
        name=name,
        why=text(own, "why") or "",
        waves=tuple(_names(own.get("waves"))),
        max_destroys=None if destroys is None else int(destroys),
        max_cutovers_a_night=None if cutovers is None else int(cutovers),
        wave_size=(fewest or 1, most) if size else None,
        sizes=tuple(_names(own.get("sizes"))),
        regions=tuple(_names(own.get("regions"))),
        required_tags=tuple(_names(own.get("required_tags"))),
        no_cutover=read_blackout(context.problems, closed, f"{path}.no_cutover", name) if closed is not None else None,
        never_together=tuple(_names(together)),
        depends_on={machine: tuple(_names(value)) for machine, value in entries(own, "depends_on").items()},
        test_accepted=flag(own, "test_accepted") or False,
        plan_valid=seconds(valid) if valid else None,
        spans={**{key: value.key for key, value in own.items()}, "": item.key},
    )


def _names(item: Item | None) -> list[str]:
    """The texts of a list, each once."""
    listed = item.value if item is not None and isinstance(item.value, list) else []
    return list(dict.fromkeys(entry.text for entry in listed if entry.text is not None))


def read_prices(context: Context) -> Prices | None:
    item = context.tree.get("prices")
    if item is None:
        return None
    given = {region: number(entries(item.map, "seed_gib_month"), region) for region in entries(item.map, "seed_gib_month")}
    prices = {region: float(price) for region, price in given.items() if price is not None}
    return Prices(text(item.map, "currency") or "USD", prices, item.key)


def read_forecast(context: Context) -> ForecastPolicy:
    items, standard = entries(context.tree, "forecast"), ForecastPolicy()
    rates = {key: text(items, key) for key in ("link", "appliance", "host", "disk")}
    link, appliance, host, disk = (
        None if rate is None else (UNRESTRICTED if rate == UNLIMITED else bits_per_second(rate)) for rate in rates.values()
    )
    used, churn, settle = (text(items, key) for key in ("used", "churn", "settle"))
    return ForecastPolicy(
        link,
        appliance,
        host,
        disk,
        _share(used) if used else standard.used,
        _share(churn) if churn else standard.churn,
        seconds(settle) if settle else standard.settle,
    )


UNRESTRICTED = 10**15
"""Bits per second that nothing has."""


def _share(percent: str) -> float:
    return float(percent.removesuffix("%")) / 100
