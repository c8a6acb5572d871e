"""CPU time and bytes on the air of a sealed session with one command, and of a TLS 1.3 handshake with as much said.

usage: python -m benchmarks.clients.sealed sealed|tls COUNT

Both sides run in this process, in memory. TLS is the standard library's (OpenSSL) with certificates of the same
curve on both sides, which is what authenticating both sides costs there. No session is resumed.
"""

from __future__ import annotations

import os
import ssl
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.meter import cpu_s, report
from simulator.model import Car
from simulator.terminals.sealed import SealedDevice, Timing
from simulator.terminals.sealed_car import FittedCar
from vehicle.sealed.client import HolderSession
from vehicle.sealed.codes import Code, Right, Verb
from vehicle.sealed.commands import Request
from vehicle.sealed.grant import Grant, issue
from vehicle.sealed.keys import Authority, PrivateKey

NOW = 1_800_000_000
SPACING_S = 1.0
COMMAND, ANSWER = bytes(20), bytes(20)
Session = Callable[[int], tuple[int, int]]
"""Make one; returns the bytes on the air and those of them that are the handshake's."""


def sealed() -> Session:
    authority, holder, terminal = Authority.of(os.urandom(32)), PrivateKey.generate(), PrivateKey.generate()
    car = FittedCar(Car(vin="1D4GP00R55B123456"))
    device = SealedDevice(
        car,
        terminal,
        secret=bytes(10),
        rtc=lambda: NOW,
        random_bytes=os.urandom,
        timing=Timing(0.0, 0.0),
    )
    device.enrol(authority.public, "P-112", NOW)
    paper = issue(Grant("P-112", holder.public, Right(31), NOW - 60, NOW + 3600, NOW - 60, 1), authority)
    after = NOW + 60

    def session(number: int) -> tuple[int, int]:
        at = number * SPACING_S
        device.disconnected()
        device.memory.commands.clear()
        holding = HolderSession(holder, terminal.public)
        first = holding.begin()
        device.receive(first, at)
        second = device.take(at)
        third = holding.receive(second, at).to_send
        device.receive(third, at)
        crossed = handshake = len(first) + len(second) + len(third)
        for verb, argument in ((Verb.PRESENT, paper), (Verb.MOBILISE, after)):
            asked = holding.ask(Request(os.urandom(16), int(verb), argument))
            device.receive(asked, at)
            said = device.take(at)
            answer = holding.receive(said, at).answer
            if answer is None or answer.code is not Code.CONFIRMED:
                raise RuntimeError("the terminal refused")
            crossed += len(asked) + len(said)
        return crossed, handshake

    return session


def tls(folder: Path) -> Session:
    key, certificate = _certificate(folder)

    def context(side: ssl._SSLMethod) -> ssl.SSLContext:
        made = ssl.SSLContext(side)
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        made.check_hostname = False
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(certificate)
        made.load_cert_chain(certificate, key)
        return made

    server_context, client_context = context(ssl.PROTOCOL_TLS_SERVER), context(ssl.PROTOCOL_TLS_CLIENT)
    server_context.num_tickets = 0

    def session(_: int) -> tuple[int, int]:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        link = _Counted(to_server, to_client)
        client = client_context.wrap_bio(link.client_in, to_server)
        server = server_context.wrap_bio(link.server_in, to_client, server_side=True)
        waiting = [client, server]
        while waiting:
            for each in tuple(waiting):
                try:
                    each.do_handshake()
                    waiting.remove(each)
                except ssl.SSLWantReadError:
                    pass
                link.carry()
        handshake = link.bytes
        for said, writer, reader in ((COMMAND, client, server), (ANSWER, server, client)):
            writer.write(said)
            link.carry()
            if reader.read(len(said)) != said:
                raise RuntimeError("TLS lost something")
        return link.bytes, handshake

    return session


class _Counted:
    """Carries bytes between two TLS ends, and counts them."""

    def __init__(self, to_server: ssl.MemoryBIO, to_client: ssl.MemoryBIO) -> None:
        self.server_in, self.client_in = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ways = ((to_server, self.server_in), (to_client, self.client_in))
        self.bytes = 0

    def carry(self) -> None:
        for source, target in self._ways:
            data = source.read()
            self.bytes += len(data)
            target.write(data)


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "P-112")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "key.pem", folder / "certificate.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files[0].write_bytes(private)
    files[1].write_bytes(certificate.public_bytes(pem))
    return files


def measure(session: Session, count: int) -> Mapping[str, float]:
    for number in range(10):
        session(number)
    start = cpu_s()
    for number in range(count):
        crossed, handshake = session(10 + number)
    return {"cpu_us": (cpu_s() - start) / count * 1e6, "bytes": crossed, "handshake_bytes": handshake}


def main(kind: str, count: str) -> None:
    with tempfile.TemporaryDirectory(prefix="motorpool-bench-") as folder:
        report(measure(sealed() if kind == "sealed" else tls(Path(folder)), int(count)))


if __name__ == "__main__":
    main(*sys.argv[1:])
