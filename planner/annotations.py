"""Diagnostics for machines that show them beside the lines of a pull request: SARIF 2.1.0, GitHub's workflow commands, JSON.

Pure: file names come in as the diagnostics have them, and `relative` makes them what the repository calls them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote as percent

from planner.advice import explained
from planner.config.render import to_json
from planner.estate import Diagnostic, Span

Format = Literal["text", "json", "sarif", "github"]
JSON_FORMAT = "wavelift-diagnostics-1"

Name = Callable[[str], str]
"""What a file is called in the output."""


def relative_to(base: Path, here: Path) -> Name:
    """Names relative to `base` (the repository), read as relative to `here`; a file outside of it keeps its whole name."""

    def name(file: str) -> str:
        whole = os.path.normpath(here / file)
        inside = os.path.relpath(whole, base)
        return Path(whole).as_posix() if inside.startswith("..") else Path(inside).as_posix()

    return name


def repository_of(folder: Path) -> Path:
    """The nearest folder above (or the folder itself) that git calls a repository; `folder` where there is none."""
    whole = folder.absolute()
    return next((place for place in (whole, *whole.parents) if (place / ".git").exists()), whole)


def document(diagnostics: Iterable[Diagnostic]) -> dict[str, Any]:
    """The document of `schemas/diagnostics-1.schema.json`."""
    found = list(diagnostics)
    valid = not any(d.severity == "error" for d in found)
    return {"format": JSON_FORMAT, "valid": valid, "diagnostics": to_json(found)}


def github(diagnostics: Iterable[Diagnostic], name: Name) -> str:
    """One `::error …::` or `::warning …::` line for each diagnostic, as a workflow's log is read for annotations."""
    return "".join(_command(d, name) for d in diagnostics)


def _command(diagnostic: Diagnostic, name: Name) -> str:
    place = {}
    if diagnostic.span is not None:
        span = diagnostic.span
        place = {"file": name(span.file), "line": span.line, "col": span.column}
    properties = {**place, "title": f"{diagnostic.code}: {diagnostic.summary}"}
    written = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{diagnostic.severity} {written}::{_data(_message(diagnostic, name))}\n"


def _message(diagnostic: Diagnostic, name: Name) -> str:
    others = [f"{words}: {name(span.file)}:{span.line}:{span.column}" for words, span in diagnostic.related]
    return "\n".join([diagnostic.detail, *others])


def _data(text: str) -> str:
    """Escaped as a workflow command's message must be, so that no value can begin a command of its own."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def sarif(diagnostics: Iterable[Diagnostic], name: Name, version: str) -> dict[str, Any]:
    """A SARIF 2.1.0 log with one run: a rule for each code that occurs, a result for each diagnostic."""
    found = list(diagnostics)
    codes = sorted({d.code for d in found})
    summaries = {d.code: d for d in found}
    driver = {
        "name": "wavelift",
        "version": version,
        "rules": [_rule(summaries[code]) for code in codes],
    }
    results = [_result(d, codes.index(d.code), name) for d in found]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _rule(diagnostic: Diagnostic) -> dict[str, Any]:
    known = explained(diagnostic.code)
    rule: dict[str, Any] = {
        "id": diagnostic.code,
        "shortDescription": {"text": diagnostic.summary},
        "defaultConfiguration": {"level": diagnostic.severity},
    }
    if known is not None:
        rule["fullDescription"] = {"text": known.meaning}
        rule["help"] = {"text": f"{known.todo}\nMore: wavelift explain-error {diagnostic.code}"}
    return rule


def _result(diagnostic: Diagnostic, rule: int, name: Name) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity,
        "message": {"text": diagnostic.detail},
        "locations": [_location(diagnostic.span, name)] if diagnostic.span else [],
    }
    if diagnostic.path:
        result["properties"] = {"path": diagnostic.path}
    if diagnostic.related:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": words}, **_location(span, name)}
            for number, (words, span) in enumerate(diagnostic.related)
        ]
    return result


def _location(span: Span, name: Name) -> dict[str, Any]:
    file = name(span.file)
    place: dict[str, Any] = {"uri": percent(file), "uriBaseId": "%SRCROOT%"}
    if file.startswith("/") or Path(file).is_absolute():
        place = {"uri": Path(file).as_uri()}
    region = {"startLine": span.line, "startColumn": span.column}
    return {"physicalLocation": {"artifactLocation": place, "region": region}}
