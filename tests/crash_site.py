"""The station of the crash tests: two cabinets with doors, one on a serial line of two boards, one on Modbus TCP."""

from __future__ import annotations

from pathlib import Path

from lifecycle import Site, load_site

SITE = """
[station]
code = "crash-01"
ledger = "ledger.db"
take_within_s = 60.0

[lines]
a = "serial:///dev/ttyS9?baudrate=19200"
b = "modbus+tcp://10.0.0.9:502"

[cabinets.A]
poll_active_s = 0.05
boards = [
  { name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" },
  { name = "a2", line = "a", address = 2, profile = "waveshare-io-8ch", lamps = "1-6", door_lock = 8, door_contact = 8 }
]

[cabinets.B]
poll_active_s = 0.05
boards = [
  { name = "b1", line = "b", address = 1, profile = "waveshare-io-8ch", slots = "1-7", door_lock = 8, door_contact = 8 }
]
"""

ROSTER = """
units = [{ id = "u", name = "Station" }]
officers = [
  { id = "o-1", badge = "b1", name = "One", unit = "u", classes = ["patrol"] },
  { id = "o-2", badge = "b2", name = "Two", unit = "u", classes = ["patrol"] },
  { id = "o-3", badge = "b3", name = "Three", unit = "u", classes = ["patrol"] },
]
vehicles = [
  { id = "v-1", fleet_number = "P-1", class = "patrol", unit = "u" },
  { id = "v-2", fleet_number = "P-2", class = "patrol", unit = "u" },
  { id = "v-3", fleet_number = "P-3", class = "patrol", unit = "u" },
]
key_sets = [
  { id = "k-1", vehicle = "v-1", home = "A-03" },
  { id = "k-2", vehicle = "v-2", home = "B-05" },
  { id = "k-3", vehicle = "v-3", home = "B-01" },
]
"""

# Where a release of each slot shows on the wire: line and the flash command's address and coil (FC05, big endian).
FLASHES = {
    **{f"A-{slot:02d}": ("a", bytes((1, 5, 2, slot - 1))) for slot in range(1, 9)},
    **{f"B-{slot:02d}": ("b", bytes((1, 5, 2, slot - 1))) for slot in range(1, 8)},
    "A-00": ("a", bytes((2, 5, 2, 7))),
    "B-00": ("b", bytes((1, 5, 2, 7))),
}


def make_site(folder: Path) -> Site:
    """Write the files of the station into a folder, and read them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    (folder / "roster.toml").write_text(ROSTER, encoding="utf-8")
    return load_site(folder / "site.toml")
