"""Keys and what stands for them: holders and terminals have P-256 keys, the fleet's authority an Ed25519 key.

Private keys are PEM files (PKCS #8) as `openssl genpkey` writes them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vehicle.sealed import cbor
from vehicle.sealed.cbor import BadCbor, Cbor

THUMBPRINT = 16
COORDINATE = 32
KEY_ID = b"\x2b"
"""The `kid` in every credential: the same for all, so that it tells nobody which terminal this is."""

_KTY, _KID, _CRV, _X, _Y = 1, 2, -1, -2, -3
_EC2, _P256 = 2, 1
_CNF, _COSE_KEY = 8, 1


class BadKey(ValueError):
    """A key is of another kind, or no key at all."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A point of P-256 by its coordinates, 32 bytes each. Made by `of` or `from_*`, which check that it is one."""

    x: bytes
    y: bytes

    @classmethod
    def of(cls, x: bytes, y: bytes) -> PublicKey:
        """Raises BadKey if that is no point of the curve."""
        if len(x) != COORDINATE or len(y) != COORDINATE:
            raise BadKey("a coordinate of P-256 has 32 bytes")
        return cls.from_point(b"\x04" + x + y)

    @classmethod
    def from_point(cls, point: bytes) -> PublicKey:
        """From SEC 1 bytes, compressed or not. Raises BadKey."""
        try:
            numbers = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point).public_numbers()
        except ValueError as error:
            raise BadKey("not a point of the curve P-256") from error
        return cls(numbers.x.to_bytes(COORDINATE, "big"), numbers.y.to_bytes(COORDINATE, "big"))

    @classmethod
    def from_hex(cls, text: str) -> PublicKey:
        """From the compressed point in hexadecimal, as `hex` gives it. Raises BadKey."""
        try:
            return cls.from_point(bytes.fromhex(text))
        except ValueError as error:
            raise BadKey("a public key is 66 hexadecimal digits, the compressed point") from error

    @classmethod
    def from_cose(cls, value: Cbor) -> PublicKey:
        """From a COSE_Key without `kid` (RFC 9053, 7.1.1). Raises BadCbor and BadKey."""
        key = cbor.keyed(value, (_KTY, _CRV, _X, _Y))
        if (key[_KTY], key[_CRV]) != (_EC2, _P256):
            raise BadCbor("a key of P-256 is expected")
        return cls.of(cbor.octets(key[_X], COORDINATE), cbor.octets(key[_Y], COORDINATE))

    @classmethod
    def from_credential(cls, data: bytes) -> PublicKey:
        """From the credential that EDHOC carries. Raises BadCbor and BadKey; nothing but the one form is taken."""
        claims = cbor.keyed(cbor.decode(data), (_CNF,))
        key = cbor.keyed(cbor.keyed(claims[_CNF], (_COSE_KEY,))[_COSE_KEY], (_KTY, _KID, _CRV, _X, _Y))
        if key.pop(_KID) != KEY_ID:
            raise BadCbor("the kid of a credential is h'2b'")
        return cls.from_cose(key)

    @property
    def hex(self) -> str:
        """The compressed point."""
        return f"{2 + (self.y[-1] & 1):02x}{self.x.hex()}"

    @property
    def cose(self) -> Cbor:
        """As a COSE_Key."""
        return {_KTY: _EC2, _CRV: _P256, _X: self.x, _Y: self.y}

    @property
    def credential(self) -> bytes:
        """As the CWT claims set that is CRED_I or CRED_R (RFC 9528, 3.5.2)."""
        key: Cbor = {_KTY: _EC2, _KID: KEY_ID, _CRV: _P256, _X: self.x, _Y: self.y}
        return cbor.encode({_CNF: {_COSE_KEY: key}})

    @property
    def thumbprint(self) -> bytes:
        """The first 16 bytes of the COSE Key Thumbprint with SHA-256 (RFC 9679)."""
        return hashlib.sha256(cbor.encode(self.cose)).digest()[:THUMBPRINT]


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A static Diffie-Hellman key of a holder or a terminal."""

    secret: bytes = field(repr=False)
    public: PublicKey

    @classmethod
    def of(cls, secret: bytes) -> PrivateKey:
        """From the 32 bytes of the secret number. Raises BadKey."""
        try:
            key = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
        except ValueError as error:
            raise BadKey("not a private key of P-256") from error
        return cls._of(key)

    @classmethod
    def generate(cls) -> PrivateKey:
        """A new one, from the operating system's randomness."""
        return cls._of(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, data: bytes) -> PrivateKey:
        """From PKCS #8. Raises BadKey."""
        key = _private(data)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise BadKey("a holder's key is of the curve P-256: openssl genpkey -algorithm EC ...")
        return cls._of(key)

    @classmethod
    def _of(cls, key: ec.EllipticCurvePrivateKey) -> PrivateKey:
        numbers = key.private_numbers()
        public = numbers.public_numbers
        return cls(
            numbers.private_value.to_bytes(COORDINATE, "big"),
            PublicKey(public.x.to_bytes(COORDINATE, "big"), public.y.to_bytes(COORDINATE, "big")),
        )

    def pem(self) -> bytes:
        """As PKCS #8, not encrypted."""
        key = ec.derive_private_key(int.from_bytes(self.secret, "big"), ec.SECP256R1())
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


@dataclass(frozen=True, slots=True)
class AuthorityKey:
    """The fleet authority's public key, 32 bytes (RFC 8032)."""

    raw: bytes

    def __post_init__(self) -> None:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw)
        except ValueError as error:
            raise BadKey("an authority's public key has 32 bytes") from error

    @property
    def key_id(self) -> bytes:
        """The `kid` of what it signs: the first 8 bytes of the SHA-256 of the key."""
        return hashlib.sha256(self.raw).digest()[:8]


@dataclass(frozen=True, slots=True)
class Authority:
    """The fleet authority: who can sign grants, lists and time tickets."""

    secret: bytes = field(repr=False)
    public: AuthorityKey

    @classmethod
    def of(cls, secret: bytes) -> Authority:
        """From the 32 bytes of an Ed25519 seed. Raises BadKey."""
        try:
            key = Ed25519PrivateKey.from_private_bytes(secret)
        except ValueError as error:
            raise BadKey("an authority's private key has 32 bytes") from error
        return cls(secret, AuthorityKey(key.public_key().public_bytes_raw()))

    @classmethod
    def from_pem(cls, data: bytes) -> Authority:
        """From PKCS #8. Raises BadKey."""
        key = _private(data)
        if not isinstance(key, Ed25519PrivateKey):
            raise BadKey("an authority's key is an Ed25519 key: openssl genpkey -algorithm ed25519 ...")
        return cls.of(key.private_bytes_raw())


def public_from_pem(data: bytes) -> PublicKey | AuthorityKey:
    """The public key in a PEM file, which may hold the private one. Raises BadKey."""
    if b"PRIVATE" in data:
        key = _private(data)
        return (
            Authority.from_pem(data).public
            if isinstance(key, Ed25519PrivateKey)
            else PrivateKey.from_pem(data).public
        )
    try:
        public = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("not a public key in PEM") from error
    if isinstance(public, Ed25519PublicKey):
        return AuthorityKey(public.public_bytes_raw())
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name == "secp256r1":
        return PublicKey.from_point(
            public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
        )
    raise BadKey("a public key is of the curve P-256 (holders) or Ed25519 (the authority)")


def _private(data: bytes) -> object:
    try:
        return serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey("not a private key in PEM (PKCS #8, not encrypted)") from error
