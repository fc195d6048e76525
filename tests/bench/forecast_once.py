"""`wavelift forecast` with what the network would say read from files: one run in one process, as `plan_once`.

python -m tests.bench.forecast_once FOLDER
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from tests.bench.plan_once import see
from wavelift.__main__ import leave
from wavelift.forecasting.make import forecast
from wavelift.forecasting.text import text

NOW = 1.8e9
"""Unix time that is looked ahead from: the schedule depends on it."""


def main(folder: Path) -> None:
    sys.stdout.write(text(forecast(see(folder, lambda what: None), NOW)))


if __name__ == "__main__":
    gc.disable()  # as the command does: see `wavelift.__main__.SHORT`
    main(Path(sys.argv[1]))
    leave(0)
