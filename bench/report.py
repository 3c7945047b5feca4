"""What all measurements print alike: minimum, median and maximum, and on what machine under which load."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence


def figures(values: Sequence[float], form: str = ",.0f") -> str:
    """Minimum, median and maximum."""
    return " / ".join(format(value, form) for value in (min(values), statistics.median(values), max(values)))


def machine() -> str:
    """Cores, system, and how many processes want a core now and wanted one in the last minutes."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}, load {load}"
