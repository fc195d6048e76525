"""Measure and print; write build/bench.json. Figures that are not measured this time keep their last value there."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
import tempfile
from pathlib import Path

from tests.bench.figures import GROUPS, Group, Measured, chosen

RESULT = Path("build/bench.json")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="measure these (and what comes with them)")
    parser.add_argument("--list", action="store_true", help="print the names and leave")
    parser.add_argument("--out", type=Path, default=RESULT, help=f"where the figures go ({RESULT})")
    given = parser.parse_args(arguments)
    if given.list:
        for group in GROUPS:
            for name, unit in group.units.items():
                print(f"{name:32}{unit}")
        return 0
    try:
        groups = chosen(given.only)
    except KeyError as unknown:
        parser.error(f"no figure is called {unknown}: see --list")
    figures = _earlier(given.out) if given.only else {}
    print(f"{'figure':32}{'':>10} unit   measured")
    failed = 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # labs and engines are stopped on the way out
    for group in groups:
        if sys.stderr.isatty():
            sys.stderr.write(f"measuring {', '.join(group.units)} …\r")
        try:
            found = _measure(group)
        except Exception as error:  # noqa: BLE001 - the outermost edge: one measurement that fails must not cost the others
            print(f"{', '.join(group.units)}: not measured: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            failed += 1
            continue
        for measured in found:
            unit = group.units[measured.name]
            print(f"{measured.name:32}{measured.value:10.4g} {unit:6} {measured.how}", flush=True)
            figures[measured.name] = float(f"{measured.value:.4g}")
            _write(given.out, figures)
    return 1 if failed else 0


def _measure(group: Group) -> list[Measured]:
    with tempfile.TemporaryDirectory(prefix="wavelift-bench-") as folder:
        found = list(importlib.import_module(f"tests.bench.{group.module}").measure(Path(folder)))
    if missing := group.units.keys() - {m.name for m in found}:
        raise AssertionError(f"{group.module} did not measure {', '.join(sorted(missing))}")
    return found


def _earlier(path: Path) -> dict[str, float]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _write(path: Path, figures: dict[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    order = [name for group in GROUPS for name in group.units]
    kept = sorted(figures.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))
    path.write_text(json.dumps(dict(kept), indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
