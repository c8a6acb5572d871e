"""The specification says what the code does."""

from __future__ import annotations

from sealed_document import FILE, rendered

from simulator.terminals import sealed, sealed_memory
from vehicle.gatt import SEALED
from vehicle.sealed import channel, commands, framing, grant, revocation, signed


def test_its_tables_are_the_codes() -> None:
    text = FILE.read_text()
    assert rendered(text) == text, "run tests/vehicle/sealed/sealed_document.py"


def test_its_numbers_are_the_codes() -> None:
    text = " ".join(FILE.read_text().split())
    for said in (
        SEALED.service,
        SEALED.write,
        SEALED.notify,
        f"1 to {framing.LONGEST_FRAME}",
        f"more than {framing.REASSEMBLY_S:g} s",
        channel.EXPORT_CONTEXT.hex(),
        f"at most {commands.LONGEST_COMMAND_S} s ahead",
        f"{sealed_memory.PER_HOLDER} for a holder and {sealed_memory.MOST_COMMANDS} in all",
        f"at most {grant.LONGEST_LIFETIME_S // 86_400} days",
        f"[* {revocation.MOST_GRANTS} uint]",
        f"[* {revocation.MOST_HOLDERS} bstr",
        f"at most {signed.LONGEST_SIGNED} bytes",
        f"most {sealed_memory.YEAR_S // 86_400} days",
        f"{sealed.HANDSHAKES} in a row, then one more every {sealed.HANDSHAKE_EVERY_S:g} s",
        f"its name is `{sealed.ADVERTISED}`",
        *(f"`{kind}`" for kind in signed.Kind),
    ):
        assert said in text, said
