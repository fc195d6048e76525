"""Diagnostics as people read them: with the lines of YAML that they are about."""

from __future__ import annotations

from planner.config import read_sources, render
from planner.estate import Diagnostic


def shown(diagnostics: tuple[Diagnostic, ...]) -> str:
    """All of them as text."""
    return render(diagnostics, read_sources(diagnostics))
