"""Makes tests/golden/sealed-1.json: a terminal fresh from the factory, one session, every message, from fixed keys.

`python tests/vehicle/sealed/sealed_vectors.py` (with the tests' folder and the repository on the path) writes it anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from edhoc_oracle import OracleInitiator, OracleResponder
from sealed_bench import BenchCar

from simulator.terminals.sealed import SealedDevice, Timing
from simulator.terminals.sealed_car import FittedCar
from simulator.terminals.sealed_checks import Parts
from vehicle.sealed.cbor import Cbor
from vehicle.sealed.channel import Opener, Sealer
from vehicle.sealed.codes import Right, Verb
from vehicle.sealed.commands import Enrolment, Request
from vehicle.sealed.framing import FrameReader, FrameType, encode_frame
from vehicle.sealed.grant import Grant, issue
from vehicle.sealed.keys import Authority, PrivateKey
from vehicle.sealed.label import Label
from vehicle.sealed.revocation import Revocations, TimeTicket, revoke, tell_time
from vehicle.sealed.signed import parse_signed

FILE = Path(__file__).parents[2] / "golden" / "sealed-1.json"
NOW = 1_800_000_000
VEHICLE = "P-112"
SECRET = bytes(range(10))
NONCE = bytes(range(0xA0, 0xA8))
AUTHORITY = Authority.of(b"\x41" * 32)
HOLDER, TERMINAL, E_HOLDER, E_TERMINAL = (PrivateKey.of(bytes([n]) * 32) for n in (0x51, 0x52, 0x53, 0x54))
GRANT = Grant(VEHICLE, HOLDER.public, Right(31), NOW - 60, NOW + 3600, NOW - 60, 4711)
LIST = Revocations(3, NOW - 30, 4000, (4500, 4600), (b"\x77" * 16,))
TICKET = TimeTicket(NONCE, NOW + 5)
ENROLMENT = Enrolment(SECRET, AUTHORITY.public.raw, VEHICLE, True, NOW, 4000)


def terminal() -> SealedDevice:
    """A terminal fresh from the factory, its button pressed, with an ephemeral key that is given."""
    made = SealedDevice(
        FittedCar(BenchCar()),
        TERMINAL,
        secret=SECRET,
        rtc=lambda: NOW,
        random_bytes=lambda size: NONCE[:size],
        timing=Timing(0.0, 0.0),
        parts=Parts(responder=lambda key: OracleResponder(key, E_TERMINAL, 0x07)),
    )
    made.press_button(0.0)
    return made


def requests() -> list[tuple[str, Verb, Cbor]]:
    """Every verb once, in an order in which each is accepted, and a refusal."""
    return [
        ("enrol", Verb.ENROL, ENROLMENT.cbor),
        ("hello", Verb.HELLO, None),
        ("update", Verb.UPDATE, revoke(LIST, AUTHORITY)),
        ("set time", Verb.SET_TIME, tell_time(TICKET, AUTHORITY)),
        ("unlock without a grant", Verb.UNLOCK, NOW + 60),
        ("present", Verb.PRESENT, issue(GRANT, AUTHORITY)),
        ("read", Verb.READ, None),
        ("immobilise", Verb.IMMOBILISE, NOW + 60),
        ("mobilise", Verb.MOBILISE, NOW + 60),
        ("unlock", Verb.UNLOCK, NOW + 60),
        ("lock", Verb.LOCK, NOW + 60),
        ("query", Verb.QUERY, bytes([10]) * 16),
        ("log", Verb.LOG, 0),
    ]


def private(key: PrivateKey) -> dict[str, str]:
    return {
        "private": key.secret.hex(),
        "public": key.public.hex,
        "credential": key.public.credential.hex(),
        "thumbprint": key.public.thumbprint.hex(),
    }


def make() -> dict[str, object]:
    device, initiator = terminal(), OracleInitiator(HOLDER, E_HOLDER, 0x0A)
    message_1 = initiator.message_1()

    def exchange(frame: bytes) -> bytes:
        device.receive(frame, 0.0)
        return device.take(0.0)

    reply = exchange(encode_frame(FrameType.MESSAGE_1, message_1))
    message_2 = FrameReader().feed(reply, 0.0)[0].body
    message_3, keys = initiator.finish(message_2, TERMINAL.public)
    exchange(encode_frame(FrameType.MESSAGE_3, message_3))
    sealer, opener = Sealer(keys.to_terminal), Opener(keys.to_holder)
    records = []
    for number, (name, verb, argument) in enumerate(requests(), start=1):
        request = Request(bytes([number]) * 16, int(verb), argument)
        frame = encode_frame(FrameType.RECORD, sealer.seal(request.encode()))
        answer = exchange(frame)
        plaintext = opener.open(FrameReader().feed(answer, 0.0)[0].body)
        records.append(
            {
                "name": name,
                "request": request.encode().hex(),
                "request_frame": frame.hex(),
                "answer": plaintext.hex(),
                "answer_frame": answer.hex(),
            }
        )
    return {
        "about": "Vectors of docs/sealed-terminal.md, version 1. Values in hexadecimal; the keys are for tests.",
        "authority": {
            "private": AUTHORITY.secret.hex(),
            "public": AUTHORITY.public.raw.hex(),
            "key_id": AUTHORITY.public.key_id.hex(),
        },
        "holder": private(HOLDER),
        "terminal": {**private(TERMINAL), "label": str(Label.of(TERMINAL.public, SECRET))},
        "ephemeral": {"holder": private(E_HOLDER)["private"], "terminal": private(E_TERMINAL)["private"]},
        "signed": {
            name: {"payload": parse_signed(data).payload.hex(), "cose": data.hex()}
            for name, data in (
                ("grant", issue(GRANT, AUTHORITY)),
                ("revocations", revoke(LIST, AUTHORITY)),
                ("time", tell_time(TICKET, AUTHORITY)),
            )
        },
        "handshake": {
            "message_1": message_1.hex(),
            "message_2": message_2.hex(),
            "message_3": message_3.hex(),
            "to_terminal_key": keys.to_terminal.key.hex(),
            "to_terminal_nonce": keys.to_terminal.nonce.hex(),
            "to_holder_key": keys.to_holder.key.hex(),
            "to_holder_nonce": keys.to_holder.nonce.hex(),
        },
        "records": records,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=1) + "\n")
