"""The machine that is measured on, and what else it does meanwhile."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import time
from pathlib import Path
from typing import Final

QUIET: Final = 0.1
"""Share of a core that other programs may use before the figures have to be doubted."""
PRECEDENCE: Final = -15
"""Niceness of everything measured."""
_IDLE: Final = (3, 4)  # of the fields of /proc/stat (proc_stat(5)): idle, waiting for the disk
_STEAL: Final = 8  # the fields up to here; the guests' time after it is counted in the first two already


def machine() -> str:
    """One line: CPU, cores, kernel, Python."""
    return (
        f"{_cpu_name()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def _cpu_name() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def go_before_others() -> None:
    """Take precedence over bystanders, where that is allowed (root): inherited by ours and by every peer alike."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRECEDENCE)


class Bystanders:
    """How many cores the programs that are not ours kept busy, since this was made."""

    def __init__(self) -> None:
        self._start, self._all, self._ours = time.perf_counter(), _all_cpu_s(), _our_cpu_s()

    def cores(self) -> float:
        """0 where the system does not tell."""
        others = (_all_cpu_s() - self._all) - (_our_cpu_s() - self._ours)
        return max(0.0, others) / (time.perf_counter() - self._start)


def _all_cpu_s() -> float:
    for line in _lines("/proc/stat"):
        fields = [int(field) for field in line.split()[1 : 1 + _STEAL]]
        busy = sum(ticks for index, ticks in enumerate(fields) if index not in _IDLE)
        return busy / os.sysconf("SC_CLK_TCK")
    return 0.0


def _our_cpu_s() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []
