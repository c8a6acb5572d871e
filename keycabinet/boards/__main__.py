"""`python -m keycabinet.boards` prints the table of boards for docs/hardware.md."""

from __future__ import annotations

import sys

from keycabinet.boards.table import table

sys.stdout.write(table())
