"""`make faults`: every test that is marked `faults`, at full size; how many cases there were and how long they took.

Arguments go to pytest (`-n 2`, `-k held`). The exit code is pytest's.
"""

from __future__ import annotations

import os
import sys
import time

import pytest

HOURS = 4


class Count:
    """Adds up what the tests say they tried; also across the processes of xdist."""

    def __init__(self) -> None:
        self.cases = self.tests = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.tests += 1
            self.cases += sum(int(str(value)) for name, value in report.user_properties if name == "cases")


def main(arguments: list[str]) -> int:
    os.environ["WAVELIFT_FAULTS"] = "full"
    count, began = Count(), time.monotonic()
    code = pytest.main(["-m", "faults", "--timeout", str(HOURS * 3600), "--durations", "10", *arguments], plugins=[count])
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    print(f"faults: {count.cases} cases in {count.tests} tests, {minutes} min {seconds:02} s")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
