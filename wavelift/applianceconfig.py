"""Policies of the estate as files of Azure Migrate's appliance, and such files as policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from planner.config.codes import CODES
from planner.estate import Appliance, Diagnostic, Estate, LimitsPolicy, Span
from replication import appliance as forms
from replication.throttle import Throttle
from replication.windows import Period
from replication.windowtext import dates, weekly
from wavelift.hosting.policies import blackout_of, throttle_of
from wavelift.problems import UserProblem

WORKER, SCRIPT = "GatewayDataWorker.json", "throttle.ps1"
_CODE = "WL164"
_FACTORS = ((10**9, "Gbps"), (10**6, "Mbps"), (10**3, "Kbps"), (1, "bps"))


@dataclass(frozen=True, slots=True)
class Exported:
    """File name -> text, and what these texts do not say."""

    appliance: str
    files: Mapping[str, str]
    losses: tuple[Diagnostic, ...]


def exported(estate: Estate, one: Appliance) -> Exported:
    """`GatewayDataWorker.json`, and `throttle.ps1` where there is a throttle."""
    buffer = one.limits.host_buffer_mib
    worker = forms.write_worker(blackout_of(one).windows, buffer if buffer != LimitsPolicy().host_buffer_mib else None)
    files = {WORKER: worker.text}
    losses = [_loss(text, f"appliances.{one.name}.blackout", one.span) for text in worker.losses]
    if one.throttle is not None:
        script = forms.write_throttle(one.name, throttle_of(one))
        files[SCRIPT] = script.text
        losses += [_loss(text, f"appliances.{one.name}.throttle", one.span) for text in script.losses]
    return Exported(one.name, files, (*losses, *_of_waves_and_machines(estate, one)))


def _of_waves_and_machines(estate: Estate, one: Appliance) -> Iterator[Diagnostic]:
    """Windows that close a part of what the appliance may replicate."""
    tail = "is left out: the appliance's windows close all of its machines or none."
    mine = [m for m in estate.machines.values() if m.source == one.source]
    for name in dict.fromkeys(m.wave for m in mine):
        wave = estate.waves[name]
        if wave.blackout:
            text = f"The blackout of wave `{name}` ({wave.blackout.name or wave.blackout.windows}) {tail}"
            yield _loss(text, f"waves.{name}.blackout", wave.span)
    for machine in mine:
        if machine.blackout:
            text = f"The blackout of `{machine.name}` ({machine.blackout.name or machine.blackout.windows}) {tail}"
            path = f"waves.{machine.wave}.machines.{machine.name}.blackout"
            yield _loss(text, path, machine.spans.get("blackout") or machine.span)


def _loss(detail: str, path: str, span: Span | None) -> Diagnostic:
    code = CODES[_CODE]
    return Diagnostic(_CODE, code.summary, detail, path, span, (), code.severity)


def imported(data: bytes, name: str, where: str) -> tuple[str, tuple[str, ...]]:
    """The file's policies as YAML, under the name `name`, and remarks. `UserProblem` for a file that cannot be read."""
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        policies, remarks = _script(text, name) if "NetQosPolicy" in text else _worker(text, name)
    except UnicodeDecodeError as error:
        raise UserProblem(f"{where} is no text in UTF-8 or UTF-16.") from error
    except forms.BadAppliance as error:
        raise UserProblem(f"{where}: {error}.") from error
    return _yaml({"policies": policies}), remarks


def _worker(text: str, name: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    found = forms.read_worker(text)
    policies: dict[str, Any] = {}
    if found.windows:
        policies["blackout"] = {name: windows(found.windows)}
    if found.host_buffer is not None:
        policies["limits"] = {name: {"host_buffer_mib": found.host_buffer}}
    remarks = [f"{key} is not read: it means nothing to wavelift." for key in found.unknown]
    if not policies:
        remarks.append("The file holds neither windows nor a host buffer.")
    return policies, tuple(remarks)


def _script(text: str, name: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    return {"throttle": {name: rates(forms.read_throttle(text))}}, ()


def windows(periods: tuple[Period, ...]) -> dict[str, Any]:
    """The structured form of an estate's file; loading it gives the same windows."""
    entries = [_entry(e.days, e.time, e.lasting) for e in weekly(periods)]
    on = dates(periods)
    return ({"weekly": entries} if entries else {}) | ({"dates": on} if on else {})


def rates(throttle: Throttle) -> dict[str, Any]:
    out: dict[str, Any] = {"rate": rate_text(throttle.rate)}
    for one in throttle.exceptions:
        for entry in weekly(one.windows):
            out.setdefault("except", []).append(_entry(entry.days, entry.time, entry.lasting) | {"rate": rate_text(one.rate)})
        for on in dates(one.windows):
            out.setdefault("except", []).append({"date": on, "rate": rate_text(one.rate)})
    return out


def _entry(days: str, time: str | None, lasting: str | None) -> dict[str, Any]:
    found = {"days": days, "time": time, "for": lasting}
    return {key: value for key, value in found.items() if value is not None}


def rate_text(rate: float | None) -> str:
    """`200 Mbps`, as the estate's files write it."""
    if rate is None:
        return "unlimited"
    factor, unit = next((f, u) for f, u in _FACTORS if int(rate) % f == 0)
    return f"{int(rate) // factor} {unit}"


def _yaml(document: Mapping[str, Any]) -> str:
    import yaml

    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120))
