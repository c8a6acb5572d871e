"""EDHOC once more, from RFC 9528 and nothing else, for method 3 and suite 2 with ephemeral keys that are given.

lakers draws its ephemeral keys itself, so vectors that anybody can recompute need another implementation; and what
lakers does is held against it. Also a responder that can be told not to verify, to show what verifying is for.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from vehicle.sealed.channel import SessionKeys
from vehicle.sealed.handshake import credential_in
from vehicle.sealed.keys import PrivateKey, PublicKey

BY_REFERENCE = {4: b"\x2b"}
KID = -12  # h'2b' as the one-byte integer that RFC 9528, 3.5.3.2, makes of it
HASH, MAC, KEY, NONCE = 32, 8, 16, 13


def dh(secret: bytes, x: bytes) -> bytes:
    key = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x02" + x)
    return key.exchange(ec.ECDH(), point)


def sequence(*items: object) -> bytes:
    return b"".join(cbor2.dumps(item, canonical=True) for item in items)


def digest(*items: object) -> bytes:
    return hashlib.sha256(sequence(*items)).digest()


def extract(salt: bytes, secret: bytes) -> bytes:
    mac = HMAC(salt, hashes.SHA256())
    mac.update(secret)
    return mac.finalize()


def kdf(key: bytes, label: int, context: bytes, length: int) -> bytes:
    return HKDFExpand(hashes.SHA256(), length, sequence(label, context, length)).derive(key)


def xor(data: bytes, stream: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(data, stream, strict=True))


def credential(key: PublicKey) -> object:
    return cbor2.loads(key.credential)


@dataclass
class Secrets:
    """Everything that both sides compute; `keys` at the end."""

    message_1: bytes
    g_y: bytes
    g_xy: bytes
    g_rx: bytes = b""
    g_iy: bytes = b""

    @property
    def th_2(self) -> bytes:
        return digest(self.g_y, hashlib.sha256(self.message_1).digest())

    @property
    def prk_2e(self) -> bytes:
        return extract(self.th_2, self.g_xy)

    @property
    def prk_3e2m(self) -> bytes:
        return extract(kdf(self.prk_2e, 1, self.th_2, HASH), self.g_rx)

    def keystream_2(self, length: int) -> bytes:
        return kdf(self.prk_2e, 0, self.th_2, length)

    def mac_2(self, c_r: object, id_cred: object, cred: object) -> bytes:
        return kdf(self.prk_3e2m, 2, sequence(c_r, id_cred, self.th_2, cred), MAC)

    def th_3(self, plaintext_2: bytes, cred_r: PublicKey) -> bytes:
        return hashlib.sha256(sequence(self.th_2) + plaintext_2 + cred_r.credential).digest()

    def box_3(self, th_3: bytes) -> tuple[AESCCM, bytes, bytes]:
        key, nonce = kdf(self.prk_3e2m, 3, th_3, KEY), kdf(self.prk_3e2m, 4, th_3, NONCE)
        return AESCCM(key, tag_length=8), nonce, cbor2.dumps(["Encrypt0", b"", th_3])

    def prk_4e3m(self, th_3: bytes) -> bytes:
        return extract(kdf(self.prk_3e2m, 5, th_3, HASH), self.g_iy)

    def mac_3(self, th_3: bytes, id_cred: object, cred: object) -> bytes:
        return kdf(self.prk_4e3m(th_3), 6, sequence(id_cred, th_3, cred), MAC)

    def exporter(self, th_3: bytes, plaintext_3: bytes, cred_i: PublicKey) -> bytes:
        th_4 = hashlib.sha256(sequence(th_3) + plaintext_3 + cred_i.credential).digest()
        out = kdf(self.prk_4e3m(th_3), 7, th_4, HASH)
        return kdf(out, 10, b"", HASH)


def session_keys(prk_exporter: bytes) -> SessionKeys:
    return SessionKeys.export(lambda label, context, length: kdf(prk_exporter, label, context, length))


class OracleInitiator:
    def __init__(self, key: PrivateKey, ephemeral: PrivateKey, c_i: int = 0) -> None:
        self.key, self.ephemeral, self.c_i = key, ephemeral, c_i

    def message_1(self) -> bytes:
        return sequence(3, 2, self.ephemeral.public.x, self.c_i)

    def finish(self, message_2: bytes, terminal: PublicKey) -> tuple[bytes, SessionKeys]:
        data = cbor2.loads(message_2)
        g_y, ciphertext = data[:32], data[32:]
        secrets = Secrets(self.message_1(), g_y, dh(self.ephemeral.secret, g_y))
        secrets.g_rx = dh(self.ephemeral.secret, terminal.x)
        secrets.g_iy = dh(self.key.secret, g_y)
        plaintext_2 = xor(ciphertext, secrets.keystream_2(len(ciphertext)))
        head = len(plaintext_2) - MAC - 1
        c_r = cbor2.loads(plaintext_2[:1])
        id_cred = BY_REFERENCE if plaintext_2[1:head] == sequence(KID) else cbor2.loads(plaintext_2[1:head])
        assert cbor2.loads(plaintext_2[head:]) == secrets.mac_2(c_r, id_cred, credential(terminal))
        th_3 = secrets.th_3(plaintext_2, terminal)
        by_value = {14: credential(self.key.public)}
        plaintext_3 = sequence(by_value, secrets.mac_3(th_3, by_value, credential(self.key.public)))
        box, nonce, aad = secrets.box_3(th_3)
        message_3 = sequence(box.encrypt(nonce, plaintext_3, aad))
        return message_3, session_keys(secrets.exporter(th_3, plaintext_3, self.key.public))


class OracleResponder:
    """`verifies` false: it does not look at the holder's MAC."""

    def __init__(
        self, key: PrivateKey, ephemeral: PrivateKey, c_r: int = 1, *, verifies: bool = True
    ) -> None:
        self.key, self.ephemeral, self.c_r, self.verifies = key, ephemeral, c_r, verifies

    def message_2(self, message_1: bytes, *, by_value: bool) -> bytes:
        g_x = message_1[4:36]
        self.secrets = Secrets(message_1, self.ephemeral.public.x, dh(self.ephemeral.secret, g_x))
        self.secrets.g_rx = dh(self.key.secret, g_x)
        cred = credential(self.key.public)
        id_cred = {14: cred} if by_value else BY_REFERENCE
        mac = self.secrets.mac_2(self.c_r, id_cred, cred)
        self.plaintext_2 = sequence(self.c_r, id_cred if by_value else KID, mac)
        ciphertext = xor(self.plaintext_2, self.secrets.keystream_2(len(self.plaintext_2)))
        return sequence(self.ephemeral.public.x + ciphertext)

    def finish(self, message_3: bytes) -> tuple[PublicKey, SessionKeys]:
        th_3 = self.secrets.th_3(self.plaintext_2, self.key.public)
        box, nonce, aad = self.secrets.box_3(th_3)
        plaintext_3 = box.decrypt(nonce, cbor2.loads(message_3), aad)
        id_cred, mac = plaintext_3[: -MAC - 1], cbor2.loads(plaintext_3[-MAC - 1 :])
        holder = credential_in(id_cred)
        assert holder is not None
        self.secrets.g_iy = dh(self.ephemeral.secret, holder.x)
        expected = self.secrets.mac_3(th_3, cbor2.loads(id_cred), credential(holder))
        assert mac == expected or not self.verifies
        return holder, session_keys(self.secrets.exporter(th_3, plaintext_3, holder))
