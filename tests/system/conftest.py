"""What a system test measured (`record_property`) is printed at the end of the run, where everybody sees it."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    told = [
        (report.nodeid, f"{name}: {value}")
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if report.when == "call"
    ]
    if told:
        terminalreporter.section("measured")
        for nodeid, line in told:
            terminalreporter.line(f"{nodeid.partition('::')[0]}: {line}")
