"""Keys of a simulated world's sealed terminals, authority and stations: made from their names, and so no secret.

A key is HKDF (RFC 5869) with SHA-256 over the ASCII text "motorpool simulated", without salt, with "terminal:" and the
vehicle's id as its info: 48 bytes, reduced to a number of P-256 as in FIPS 186-5, A.2.1. So a roster can pin the key of
a terminal that exists in simulations only, and every program that simulates the car has the same one.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vehicle.sealed.commands import SECRET
from vehicle.sealed.keys import COORDINATE, Authority, PrivateKey

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256; SP 800-186, 3.2.1.3."""
_SEED = b"motorpool simulated"
_WIDE = 48
ED25519_SEED = 32


def terminal_key(vehicle: str) -> PrivateKey:
    """The key of the simulated terminal in the vehicle of that id; its roster pins `.public.hex`."""
    return _key(f"terminal:{vehicle}")


def station_key(station: str) -> PrivateKey:
    """The holder's key of the simulated station of that code."""
    return _key(f"station:{station}")


def thief_key(number: int) -> PrivateKey:
    """A key that nobody was ever granted anything for."""
    return _key(f"thief:{number}")


def fleet_authority(station: str) -> Authority:
    """The authority of the fleet that a simulated station belongs to."""
    return Authority.of(_bytes(f"authority:{station}", ED25519_SEED))


def label_secret(vehicle: str) -> bytes:
    """What is printed on the label of the simulated terminal in that vehicle."""
    return _bytes(f"label:{vehicle}", SECRET)


def _key(info: str) -> PrivateKey:
    number = int.from_bytes(_bytes(info, _WIDE), "big") % (_ORDER - 1) + 1
    return PrivateKey.of(number.to_bytes(COORDINATE, "big"))


def _bytes(info: str, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=info.encode()).derive(_SEED)
