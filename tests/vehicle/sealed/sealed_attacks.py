"""The attack table of docs/sealed-terminal.md as programs: each tries, and says whether it got what it wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from edhoc_oracle import OracleInitiator
from sealed_bench import (
    DRIVE,
    EVERYTHING,
    FLEET,
    HOLDER,
    HOUR,
    SECRET,
    STRANGER,
    T0,
    TERMINAL,
    THIEF,
    Bench,
    answered,
    errors,
    frames,
    signed_as,
)
from sealed_weakness import (
    ANY_ALGORITHM,
    HS256,
    NO_EPHEMERAL,
    NO_PROOF,
    NO_SIGNATURE,
    NO_TAG,
    signature_structure,
)

from simulator.terminals.sealed_checks import Check, Parts
from vehicle.sealed import cbor
from vehicle.sealed.codes import Code, Right, Verb
from vehicle.sealed.commands import Remembered, Request, Starting, State
from vehicle.sealed.framing import FrameType, encode_frame
from vehicle.sealed.grant import LONGEST_LIFETIME_S
from vehicle.sealed.keys import PrivateKey
from vehicle.sealed.signed import parse_signed

Run = Callable[[Bench], bool]
OTHER_KIND = "application/vnd.motorpool.other+cose"


@dataclass(frozen=True)
class Attack:
    """`check` is what refuses it: a switch of the terminal, or a part that another one replaces; None where two stand
    in its way. `code` is what the log then says."""

    id: str
    name: str
    check: Check | str | None
    code: Code
    run: Run = field(repr=False)
    parts: Parts | None = field(default=None, repr=False)
    setting: dict[str, object] = field(default_factory=dict, repr=False)

    @property
    def weakened(self) -> Bench:
        """A bench whose terminal does not make the check."""
        off = (self.check,) if isinstance(self.check, Check) else ()
        return Bench(off, self.parts, **self.setting)  # type: ignore[arg-type]

    @property
    def whole(self) -> Bench:
        """A bench whose terminal makes every check."""
        return Bench(**self.setting)  # type: ignore[arg-type]


ATTACKS: list[Attack] = []


def attack(
    name: str,
    check: Check | str | None,
    code: Code,
    parts: Parts | None = None,
    **setting: object,
) -> Callable[[Run], Run]:
    def enter(run: Run) -> Run:
        number = f"A{len(ATTACKS) + 1:02}"
        ATTACKS.append(Attack(number, name, check, code, run, parts, setting))
        return run

    return enter


# -- frames and sessions


@attack("A frame says that it is longer than any", Check.FRAME_CAP, Code.FRAME_TOO_LONG)
def oversized(bench: Bench) -> bool:
    bench.say(b"\xff\xff" + bytes(40_000))
    return bench.terminal.waiting_bytes > 10_000


@attack("Half a frame now, the other half much later", Check.FRAME_TIME, Code.FRAME_TIMEOUT)
def dribbled(bench: Bench) -> bool:
    message = OracleInitiator(THIEF, PrivateKey.generate()).message_1()
    frame = encode_frame(FrameType.MESSAGE_1, message)
    bench.say(frame[:20])
    bench.pass_time(30)
    return bool(frames(bench.say(frame[20:]))) and not errors(bench.hear()) and not bench.logged


@attack("A command in the clear", None, Code.FRAME_UNKNOWN)
def in_the_clear(bench: Bench) -> bool:
    body = Request(bytes(16), Verb.UNLOCK, T0 + 60).encode()
    bench.say((1 + len(body)).to_bytes(2, "big") + b"\x21" + body)
    return bench.changed


@attack("A record without a handshake", None, Code.NO_SESSION)
def no_handshake(bench: Bench) -> bool:
    return answered(bench.say(encode_frame(FrameType.RECORD, bytes(60))))


@attack("Message 3 without message 1", None, Code.FRAME_UNKNOWN)
def no_beginning(bench: Bench) -> bool:
    bench.say(encode_frame(FrameType.MESSAGE_3, bytes(103)))
    return bench.terminal.session is not None


@attack("A record held back is delivered on a new connection", Check.LINK_END, Code.NO_SESSION)
def held_back(bench: Bench) -> bool:
    record = bench.admitted().seal(Verb.UNLOCK, T0 + 60)
    bench.reconnect()
    bench.mark()
    bench.say(record)
    return bench.changed


@attack("A record held back is delivered after a new handshake was begun", Check.RESTART, Code.NO_SESSION)
def held_back_over_handshake(bench: Bench) -> bool:
    record = bench.admitted().seal(Verb.UNLOCK, T0 + 60)
    bench.mark()
    bench.say(encode_frame(FrameType.MESSAGE_1, OracleInitiator(THIEF, PrivateKey.generate()).message_1()))
    bench.say(record)
    return bench.changed


@attack("A session is kept alive for hours", Check.SESSION_LIFE, Code.SESSION_EXPIRED)
def kept_alive(bench: Bench) -> bool:
    talk = bench.admitted()
    for _ in range(20):
        bench.pass_time(30)
        talk.ask(Verb.READ)
    bench.pass_time(30)
    bench.mark()
    talk.code(Verb.UNLOCK, bench.unix + 60)
    return bench.changed


@attack("A session left open is used by somebody else later", Check.SESSION_IDLE, Code.SESSION_EXPIRED)
def left_open(bench: Bench) -> bool:
    talk = bench.admitted()
    bench.pass_time(90)
    bench.mark()
    talk.code(Verb.UNLOCK, bench.unix + 60)
    return bench.changed


@attack("The terminal is flooded with handshakes", Check.FLOOD, Code.FLOODED)
def flooded(bench: Bench) -> bool:
    initiator = OracleInitiator(THIEF, PrivateKey.generate())
    frame = encode_frame(FrameType.MESSAGE_1, initiator.message_1())
    replies = [frames(bench.say(frame)) for _ in range(50)]
    return sum(reply[0].type == FrameType.MESSAGE_2 for reply in replies) > 20


# -- handshake


def recorded(bench: Bench) -> list[bytes]:
    """Everything that an honest holder sent in one session."""
    talk = bench.admitted()
    talk.act(Verb.LOCK)
    bench.reconnect()
    bench.mark()
    return talk.sent


@attack(
    "A whole recorded session is played again",
    "the terminal's ephemeral key",
    Code.HANDSHAKE_FAILED,
    NO_EPHEMERAL,
)
def replayed_session(bench: Bench) -> bool:
    first, third, *records = recorded(bench)
    bench.say(first)
    bench.say(third)
    return any(answered(bench.say(record)) for record in records)


@attack(
    "A session in the name of a holder whose key the thief has not",
    "the holder's proof",
    Code.HANDSHAKE_FAILED,
    NO_PROOF,
)
def impostor(bench: Bench) -> bool:
    """With the victim's credential, and its own secret behind it."""
    claimed = PrivateKey(THIEF.secret, HOLDER.public)
    initiator = OracleInitiator(claimed, PrivateKey.generate())
    message_2 = frames(bench.say(encode_frame(FrameType.MESSAGE_1, initiator.message_1())))[0].body
    message_3, _ = initiator.finish(message_2, TERMINAL.public)
    bench.say(encode_frame(FrameType.MESSAGE_3, message_3))
    return bench.terminal.session is not None and bench.terminal.session.holder == HOLDER.public


@attack("An ephemeral key beside the curve", None, Code.HANDSHAKE_FAILED)
def off_curve(bench: Bench) -> bool:
    return not errors(
        bench.say(encode_frame(FrameType.MESSAGE_1, bytes.fromhex("03025820") + b"\xff" * 32 + b"\x00"))
    )


@attack("A weaker cipher suite is offered", None, Code.HANDSHAKE_FAILED)
def weaker_suite(bench: Bench) -> bool:
    message = bytearray(OracleInitiator(THIEF, PrivateKey.generate()).message_1())
    message[1] = 0
    return not errors(bench.say(encode_frame(FrameType.MESSAGE_1, bytes(message))))


@attack("Message 3 is of one session, message 1 of another", None, Code.HANDSHAKE_FAILED)
def spliced(bench: Bench) -> bool:
    _, third, *_ = recorded(bench)
    bench.say(encode_frame(FrameType.MESSAGE_1, OracleInitiator(THIEF, PrivateKey.generate()).message_1()))
    bench.say(third)
    return bench.terminal.session is not None


@attack("Message 3 with a bit flipped", None, Code.HANDSHAKE_FAILED)
def flipped_handshake(bench: Bench) -> bool:
    initiator = OracleInitiator(HOLDER, PrivateKey.generate())
    message_2 = frames(bench.say(encode_frame(FrameType.MESSAGE_1, initiator.message_1())))[0].body
    message_3, _ = initiator.finish(message_2, TERMINAL.public)
    bench.say(encode_frame(FrameType.MESSAGE_3, message_3[:-1] + bytes([message_3[-1] ^ 1])))
    return bench.terminal.session is not None


@attack("A stranger asks the terminal who it is", Check.IDENTITY, Code.HANDSHAKE_ABANDONED)
def who_are_you(bench: Bench) -> bool:
    reply = bench.say(
        encode_frame(FrameType.MESSAGE_1, OracleInitiator(THIEF, PrivateKey.generate()).message_1())
    )
    bench.reconnect()
    return len(frames(reply)[0].body) > 100


# -- records


@attack("A record is sent twice", Check.REPLAY, Code.RECORD_REPLAYED)
def replayed(bench: Bench) -> bool:
    talk = bench.admitted()
    record = talk.seal(Verb.LOCK, T0 + 60)
    bench.say(record)
    bench.mark()
    return answered(bench.say(record))


@attack("A record is left out and the next one delivered", Check.ORDER, Code.RECORD_SKIPPED)
def left_out(bench: Bench) -> bool:
    session = bench.admitted(holder=HOLDER).session
    keys = session._keys
    assert keys is not None
    keys.sealer.seal(Request(bytes(16), Verb.LOCK, T0 + 60).encode())
    unlock = keys.sealer.seal(Request(b"\1" * 16, Verb.UNLOCK, T0 + 60).encode())
    bench.mark()
    bench.say(encode_frame(FrameType.RECORD, unlock))
    return bench.changed


@attack(
    "The lock command is turned into unlock by a flipped bit", "the record's tag", Code.RECORD_FORGED, NO_TAG
)
def flipped(bench: Bench) -> bool:
    record = bytearray(bench.admitted().seal(Verb.LOCK, T0 + 60))
    record[3 + 2 + 1 + 17] ^= Verb.LOCK ^ Verb.UNLOCK  # frame, counter, array and id stand before the verb
    bench.mark()
    bench.say(bytes(record))
    return bench.changed


@attack("A record loses its end", None, Code.RECORD_FORGED)
def cut(bench: Bench) -> bool:
    record = bench.admitted().seal(Verb.UNLOCK, T0 + 60)
    body = frames(record)[0].body[:-4]
    bench.mark()
    bench.say(encode_frame(FrameType.RECORD, body))
    return bench.changed


@attack("A counter is changed", None, Code.RECORD_FORGED)
def recounted(bench: Bench) -> bool:
    """The second record under the number of the first that was never delivered."""
    talk = bench.admitted()
    keys = talk.session._keys
    assert keys is not None
    number = keys.sealer.next
    keys.sealer.seal(b"")
    body = keys.sealer.seal(Request(bytes(16), Verb.UNLOCK, T0 + 60).encode())
    bench.mark()
    bench.say(encode_frame(FrameType.RECORD, number.to_bytes(2, "big") + body[2:]))
    return bench.changed


@attack("The terminal's own answer is sent back to it", None, Code.RECORD_REPLAYED)
def reflected(bench: Bench) -> bool:
    talk = bench.admitted()
    answer = bench.say(talk.seal(Verb.READ))
    return answered(bench.say(answer))


@attack("A record of one session is put into another", None, Code.RECORD_FORGED)
def crossed(bench: Bench) -> bool:
    """With the right number."""
    old = bench.admitted().seal(Verb.UNLOCK, T0 + 60)
    bench.reconnect()
    bench.admitted()
    bench.mark()
    bench.say(old)
    return bench.changed


@attack(
    "The counter is driven round, and the first record played again", Check.COUNTER, Code.COUNTER_EXHAUSTED
)
def wrapped(bench: Bench) -> bool:
    talk = bench.admitted()
    session = bench.terminal.session
    assert session is not None
    session.opener.next = 1 << 16  # as 65,536 records leave it
    bench.mark()
    return answered(bench.say(talk.sent[2]))


@attack("A message that two parsers read differently", None, Code.MALFORMED)
def ambiguous(bench: Bench) -> bool:
    """The verb once short and once long; a genuine holder sends it."""
    talk = bench.admitted()
    keys = talk.session._keys
    assert keys is not None
    body = b"\x83\x50" + bytes(16) + b"\x18\x11" + cbor.encode(T0 + 60)
    bench.mark()
    bench.say(encode_frame(FrameType.RECORD, keys.sealer.seal(body)))
    return bench.changed


@attack("A verb that does not exist", None, Code.COMMAND_UNKNOWN)
def unknown_verb(bench: Bench) -> bool:
    return bench.admitted().code(99) is Code.CONFIRMED


# -- grants


def presents(bench: Bench, grant: bytes, holder: PrivateKey = HOLDER) -> bool:
    """Whether the doors open under a grant."""
    talk = bench.open(holder)
    bench.mark()
    talk.code(Verb.PRESENT, grant)
    talk.code(Verb.UNLOCK, bench.terminal.clock.now() + 60)
    return bench.changed


@attack("A command without a grant", Check.GRANT_PRESENT, Code.GRANT_MISSING)
def no_grant(bench: Bench) -> bool:
    talk = bench.open(THIEF)
    bench.mark()
    talk.act(Verb.UNLOCK)
    return bench.changed


@attack("A grant that the thief signed", "the authority's signature", Code.GRANT_SIGNATURE, NO_SIGNATURE)
def own_grant(bench: Bench) -> bool:
    return presents(bench, bench.grant(holder=THIEF, authority=STRANGER), THIEF)


@attack("A grant with a date changed", "the authority's signature", Code.GRANT_SIGNATURE, NO_SIGNATURE)
def edited_grant(bench: Bench) -> bool:
    old, new = (cbor.encode(end) for end in (T0 - 60, T0 + HOUR))
    return presents(bench, bench.grant(ends=T0 - 60).replace(old, new))


@attack(
    "A grant whose header names another algorithm",
    "the algorithm is fixed",
    Code.GRANT_SIGNATURE,
    ANY_ALGORITHM,
)
def other_algorithm(bench: Bench) -> bool:
    """HMAC, with the authority's public key for a secret."""
    real = parse_signed(bench.grant(holder=THIEF))
    header = cbor.encode({1: HS256, 4: real.key_id, 16: real.kind})
    unsigned = cbor2.dumps(cbor2.CBORTag(18, [header, {}, real.payload, b""]))
    mac = HMAC(FLEET.public.raw, hashes.SHA256())
    mac.update(signature_structure(parse_signed(unsigned)))
    return presents(bench, cbor2.dumps(cbor2.CBORTag(18, [header, {}, real.payload, mac.finalize()])), THIEF)


@attack("Something the authority signed for another purpose", Check.GRANT_KIND, Code.GRANT_KIND)
def other_kind(bench: Bench) -> bool:
    return presents(bench, signed_as(OTHER_KIND, cbor.decode(parse_signed(bench.grant()).payload)))


@attack("A grant for another vehicle", Check.GRANT_VEHICLE, Code.GRANT_VEHICLE)
def other_vehicle(bench: Bench) -> bool:
    return presents(bench, bench.grant(vehicle="P-113"))


@attack("A stolen grant in the hands of another holder", Check.GRANT_HOLDER, Code.GRANT_HOLDER)
def stolen_grant(bench: Bench) -> bool:
    return presents(bench, bench.grant(), THIEF)


@attack("A grant that has not begun", Check.GRANT_EARLY, Code.GRANT_EARLY)
def early(bench: Bench) -> bool:
    return presents(bench, bench.grant(begins=T0 + HOUR, issued=T0))


@attack("A grant that has ended", Check.GRANT_EXPIRY, Code.GRANT_EXPIRED)
def expired(bench: Bench) -> bool:
    return presents(bench, bench.grant(ends=T0 - 1))


@attack("A grant for years", Check.GRANT_LIFETIME, Code.GRANT_LIFETIME)
def endless(bench: Bench) -> bool:
    """Signed by an authority that does not keep to the rules."""
    claims = cbor.mapping(cbor.decode(parse_signed(bench.grant()).payload))
    claims[4] = T0 + 20 * LONGEST_LIFETIME_S
    return presents(bench, signed_as(parse_signed(bench.grant()).kind, claims))


@attack("A grant that was revoked", Check.GRANT_REVOKED, Code.GRANT_REVOKED)
def revoked(bench: Bench) -> bool:
    bench.open().ask(Verb.UPDATE, bench.revocations(grants=(7,)))
    return presents(bench, bench.grant(number=7))


@attack("A grant from before the minimum number", Check.GRANT_MINIMUM, Code.GRANT_SUPERSEDED)
def superseded(bench: Bench) -> bool:
    bench.open().ask(Verb.UPDATE, bench.revocations(minimum=50))
    return presents(bench, bench.grant(number=49))


@attack("A fresh grant for a holder's key that was lost", Check.HOLDER_REVOKED, Code.HOLDER_REVOKED)
def lost_key(bench: Bench) -> bool:
    bench.open().ask(Verb.UPDATE, bench.revocations(holders=(HOLDER.public.thumbprint,)))
    return presents(bench, bench.grant())


@attack("A session goes on after its grant has ended", Check.GRANT_AGAIN, Code.GRANT_EXPIRED)
def outlived(bench: Bench) -> bool:
    talk = bench.admitted(ends=T0 + 30)
    bench.pass_time(40)
    bench.mark()
    talk.act(Verb.UNLOCK)
    return bench.changed


@attack("A session goes on after its grant was revoked", Check.GRANT_AGAIN, Code.GRANT_REVOKED)
def revoked_meanwhile(bench: Bench) -> bool:
    talk = bench.admitted(number=7)
    talk.ask(Verb.UPDATE, bench.revocations(grants=(7,)))
    bench.mark()
    talk.act(Verb.UNLOCK)
    return bench.changed


# -- rights


def exceeds(bench: Bench, rights: Right, verb: Verb) -> bool:
    talk = bench.admitted(rights)
    bench.mark()
    talk.act(verb)
    return bench.changed


@attack("Reading under a grant to lock", Check.RIGHT_READ, Code.RIGHT_MISSING)
def reads(bench: Bench) -> bool:
    return bench.admitted(Right.LOCK | Right.UNLOCK).ask(Verb.READ).body is not None


@attack("Reading the log under a grant to lock", Check.RIGHT_READ, Code.RIGHT_MISSING)
def reads_log(bench: Bench) -> bool:
    return bench.admitted(Right.LOCK | Right.UNLOCK).ask(Verb.LOG, 0).body is not None


@attack("Locking under a grant to read", Check.RIGHT_LOCK, Code.RIGHT_MISSING)
def locks(bench: Bench) -> bool:
    return exceeds(bench, Right.READ, Verb.LOCK)


@attack("Unlocking under a grant to lock", Check.RIGHT_UNLOCK, Code.RIGHT_MISSING)
def unlocks(bench: Bench) -> bool:
    return exceeds(bench, Right.READ | Right.LOCK, Verb.UNLOCK)


@attack("Immobilising under a grant to drive", Check.RIGHT_IMMOBILISE, Code.RIGHT_MISSING)
def immobilises(bench: Bench) -> bool:
    return exceeds(bench, DRIVE, Verb.IMMOBILISE)


@attack("Mobilising under a grant to unlock", Check.RIGHT_MOBILISE, Code.RIGHT_MISSING)
def mobilises(bench: Bench) -> bool:
    bench.admitted().act(Verb.IMMOBILISE)
    return exceeds(bench, Right.READ | Right.UNLOCK, Verb.MOBILISE)


@attack("What a lock command's answer tells of the immobiliser", Check.STATE_ENTITLED, Code.CONFIRMED)
def overhears(bench: Bench) -> bool:
    told = State.of(bench.admitted(Right.LOCK).act(Verb.LOCK).body)
    bench.mark()
    return told.ordered is not None or told.effective is not None


# -- clock


@attack("The clock is pushed back to before a grant's end", Check.CLOCK_FLOOR, Code.GRANT_EXPIRED)
def pushed_back(bench: Bench) -> bool:
    bench.admitted(ends=T0 + 60)
    bench.pass_time(HOUR)
    bench.reconnect()
    bench.admitted()
    bench.reconnect()
    bench.rtc_error = -HOUR
    talk = bench.open()
    bench.mark()
    talk.ask(Verb.PRESENT, bench.grant(ends=T0 + 60))
    talk.act(Verb.LOCK)
    return bench.changed


@attack("The clock is held still, so that a grant does not end", Check.CLOCK_TAMPER, Code.CLOCK_UNSURE)
def held_still(bench: Bench) -> bool:
    grant = bench.grant(ends=T0 + 30 * 60)
    for _ in range(4):
        bench.pass_time(20 * 60)
        bench.rtc_error -= 20 * 60
        bench.terminal.clock.now()
    bench.rtc_error -= 60
    return presents(bench, grant)


@attack("The supply is cut, so that the time is forgotten", Check.CLOCK_KEPT, Code.GRANT_EXPIRED)
def forgotten_time(bench: Bench) -> bool:
    bench.pass_time(10 * HOUR)
    bench.admitted(ends=T0 + 20 * HOUR)
    bench.terminal.power_cycle(clock_kept=False)
    talk = bench.open()
    bench.mark()
    talk.ask(Verb.PRESENT, bench.grant(ends=T0 + HOUR))
    talk.act(Verb.LOCK)
    return bench.changed


@attack(
    "The supply is cut for hours, so that a grant seems not to have ended",
    Check.CLOCK_SURE,
    Code.CLOCK_UNSURE,
)
def slept(bench: Bench) -> bool:
    grant = bench.grant(ends=T0 + HOUR)
    bench.pass_time(10 * HOUR)
    bench.terminal.power_cycle(clock_kept=False)
    return presents(bench, grant)


@attack("A grant dated in ten years drives the clock ahead", Check.CLOCK_JUMP, Code.CLOCK_JUMP)
def driven_ahead(bench: Bench) -> bool:
    later = T0 + 10 * 366 * 24 * HOUR
    bench.open().ask(Verb.PRESENT, bench.grant(begins=later, ends=later + HOUR))
    return bench.terminal.clock.now() > T0 + HOUR


@attack("A time ticket is used again", Check.TIME_NONCE, Code.TIME_NONCE)
def old_ticket(bench: Bench) -> bool:
    talk = bench.open()
    ticket = bench.ticket(talk.hello().nonce, bench.unix)
    assert talk.code(Verb.SET_TIME, ticket) is Code.CONFIRMED
    bench.pass_time(10 * HOUR)
    bench.terminal.power_cycle(clock_kept=False)
    talk = bench.open()
    talk.hello()
    bench.mark()
    talk.ask(Verb.SET_TIME, ticket)
    return bench.terminal.memory.sure


@attack("A time ticket that the thief signed", "the authority's signature", Code.TIME_SIGNATURE, NO_SIGNATURE)
def own_ticket(bench: Bench) -> bool:
    talk = bench.open(THIEF)
    nonce = talk.hello().nonce
    return talk.code(Verb.SET_TIME, bench.ticket(nonce, T0 + HOUR, authority=STRANGER)) is Code.CONFIRMED


@attack("Something else the authority signed, as a time ticket", Check.TIME_KIND, Code.TIME_KIND)
def other_ticket(bench: Bench) -> bool:
    talk = bench.open(THIEF)
    nonce = talk.hello().nonce
    return talk.code(Verb.SET_TIME, signed_as(OTHER_KIND, {1: nonce, 2: T0 + HOUR})) is Code.CONFIRMED


@attack("A time ticket that turns the clock back", Check.TIME_FORWARD, Code.CLOCK_BACKWARDS)
def backward_ticket(bench: Bench) -> bool:
    talk = bench.open()
    nonce = talk.hello().nonce
    talk.ask(Verb.SET_TIME, bench.ticket(nonce, T0 - 10 * HOUR))
    return bench.terminal.clock.now() < T0


# -- lists


@attack("A list that the thief signed", "the authority's signature", Code.LIST_SIGNATURE, NO_SIGNATURE)
def own_list(bench: Bench) -> bool:
    talk = bench.open(THIEF)
    bench.mark()
    talk.ask(Verb.UPDATE, bench.revocations(9, authority=STRANGER))
    return bench.changed


@attack("Something else the authority signed, as a list", Check.LIST_KIND, Code.LIST_KIND)
def other_list(bench: Bench) -> bool:
    talk = bench.open(THIEF)
    bench.mark()
    talk.ask(Verb.UPDATE, signed_as(OTHER_KIND, {1: 9, 2: T0, 3: 0, 4: [], 5: []}))
    return bench.changed


@attack("An older list takes the place of a newer one", Check.LIST_NUMBER, Code.LIST_STALE)
def old_list(bench: Bench) -> bool:
    old = bench.revocations(1)
    talk = bench.open()
    talk.ask(Verb.UPDATE, bench.revocations(2, grants=(7,)))
    bench.mark()
    talk.ask(Verb.UPDATE, old)
    return bench.changed


@attack("A list lowers the minimum grant number", Check.LIST_MINIMUM, Code.LIST_MINIMUM)
def lowered(bench: Bench) -> bool:
    talk = bench.open()
    talk.ask(Verb.UPDATE, bench.revocations(1, minimum=50))
    bench.mark()
    talk.ask(Verb.UPDATE, bench.revocations(2, minimum=0))
    return bench.changed


@attack("The supply is cut, so that the list is forgotten", Check.LIST_KEPT, Code.GRANT_REVOKED)
def forgotten_list(bench: Bench) -> bool:
    bench.open().ask(Verb.UPDATE, bench.revocations(grants=(7,)))
    bench.terminal.power_cycle()
    return presents(bench, bench.grant(number=7))


# -- commands


def repeats(bench: Bench, between: Callable[[Bench], None], holder: PrivateKey = HOLDER) -> bool:
    """Whether a command acts again when its id is sent again, by a holder or by what carries its bytes."""
    command_id, expires = b"\x07" * 16, T0 + 60
    bench.admitted().ask(Verb.UNLOCK, expires, command_id)
    between(bench)
    talk = bench.admitted()
    bench.car.locked = True  # by the key, meanwhile
    bench.mark()
    talk.ask(Verb.UNLOCK, expires, command_id)
    return bench.changed


@attack("A command is repeated over a new connection", Check.COMMAND_ONCE, Code.COMMAND_REPEATED)
def repeated(bench: Bench) -> bool:
    return repeats(bench, Bench.reconnect)


@attack("A command is repeated after the supply was cut", Check.COMMAND_KEPT, Code.COMMAND_REPEATED)
def repeated_after_cut(bench: Bench) -> bool:
    return repeats(bench, lambda bench: bench.terminal.power_cycle())


@attack("A command is repeated after many others", Check.COMMAND_ROOM, Code.COMMAND_MEMORY)
def repeated_after_many(bench: Bench) -> bool:
    def crowd(bench: Bench) -> None:
        talk = bench.admitted()
        for _ in range(20):
            talk.act(Verb.LOCK)

    return repeats(bench, crowd)


@attack("An id is used for another command", Check.COMMAND_SAME, Code.COMMAND_REUSED)
def reused(bench: Bench) -> bool:
    talk = bench.admitted()
    talk.act(Verb.LOCK, b"\x07" * 16)
    bench.mark()
    return talk.act(Verb.UNLOCK, b"\x07" * 16).code is Code.CONFIRMED


@attack("A command is held back and delivered late", Check.COMMAND_EXPIRY, Code.COMMAND_EXPIRED)
def late(bench: Bench) -> bool:
    record = bench.admitted().seal(Verb.UNLOCK, T0 + 5)
    bench.pass_time(30)
    bench.mark()
    bench.say(record)
    return bench.changed


@attack("A command that may be executed next week", Check.COMMAND_LIFETIME, Code.COMMAND_LIFETIME)
def long_lived(bench: Bench) -> bool:
    talk = bench.admitted()
    bench.mark()
    talk.ask(Verb.UNLOCK, T0 + 7 * 24 * HOUR)
    return bench.changed


@attack("A holder asks how another's command ended", Check.QUERY_OWN, Code.COMMAND_FOREIGN)
def pries(bench: Bench) -> bool:
    bench.admitted().act(Verb.UNLOCK, b"\x07" * 16)
    talk = bench.open(THIEF)
    bench.mark()
    return Remembered.of(talk.ask(Verb.QUERY, b"\x07" * 16).body).code is not None


# -- the immobiliser


@attack("A response car is immobilised", Check.CLASS, Code.CLASS_FORBIDS, immobilisable=False)
def response_car(bench: Bench) -> bool:
    return exceeds(bench, EVERYTHING, Verb.IMMOBILISE)


def immobilised_at(bench: Bench, speed: float | None, engine_on: bool) -> bool:
    """Whether an order to immobilise takes effect although the car is not parked."""
    bench.car.speed_kmh, bench.truth.engine_on = speed, engine_on
    talk = bench.admitted()
    answer = talk.act(Verb.IMMOBILISE)
    assert State.of(answer.body).ordered is Starting.BLOCKED
    if not bench.car.blocked:
        talk.act(Verb.MOBILISE)
        bench.terminal.memory.commands.clear()
        bench.mark()
    return bench.car.blocked


@attack("A car is immobilised while it rolls with the ignition off", Check.STANDSTILL, Code.ACCEPTED)
def rolling(bench: Bench) -> bool:
    return immobilised_at(bench, 30.0, engine_on=False)


@attack("A car is immobilised while its speed is unknown", Check.SPEED_KNOWN, Code.ACCEPTED)
def unknown_speed(bench: Bench) -> bool:
    return immobilised_at(bench, None, engine_on=False)


@attack("A car is immobilised while it waits at a red light", Check.IGNITION_OFF, Code.ACCEPTED)
def red_light(bench: Bench) -> bool:
    return immobilised_at(bench, 0.0, engine_on=True)


@attack("The supply is cut to shed the immobiliser", Check.IMMOBILISER_KEPT, Code.POWER_RESTORED)
def unplugged(bench: Bench) -> bool:
    bench.admitted().act(Verb.IMMOBILISE)
    bench.mark()
    bench.terminal.power_cycle(clock_kept=False)
    return not bench.car.blocked


@attack("A factory reset to shed the immobiliser", Check.IMMOBILISER_RESET, Code.RESET)
def reset(bench: Bench) -> bool:
    bench.admitted().act(Verb.IMMOBILISE)
    bench.terminal.factory_reset()
    free = not bench.car.blocked
    bench.mark()
    return free


# -- enrolment


@attack("Enrolment without the button", Check.WINDOW, Code.WINDOW_CLOSED, enrolled=False)
def no_button(bench: Bench) -> bool:
    talk = bench.open(THIEF)
    talk.enrol()
    return bench.changed


@attack("Enrolment long after the button", Check.WINDOW_TIME, Code.WINDOW_CLOSED, enrolled=False)
def button_long_ago(bench: Bench) -> bool:
    bench.terminal.press_button(bench.now)
    bench.pass_time(90)
    bench.open(THIEF).enrol()
    return bench.changed


@attack("Enrolment again in the same window", Check.WINDOW_ONCE, Code.WINDOW_CLOSED, enrolled=False)
def second_enrolment(bench: Bench) -> bool:
    bench.terminal.press_button(bench.now)
    assert bench.open().enrol(authority=FLEET).code is Code.CONFIRMED
    bench.terminal.memory.authority = None  # whoever got so far
    bench.mark()
    bench.open(THIEF).enrol()
    return bench.changed


@attack("Enrolment without the label's secret", Check.LABEL, Code.ENROL_SECRET, enrolled=False)
def no_secret(bench: Bench) -> bool:
    bench.terminal.press_button(bench.now)
    bench.open(THIEF).enrol(bytes(10))
    return bench.changed


@attack("The label's secret is guessed", Check.WINDOW_TRIES, Code.WINDOW_CLOSED, enrolled=False)
def guessed(bench: Bench) -> bool:
    bench.terminal.press_button(bench.now)
    talk = bench.open(THIEF)
    for guess in range(5):
        talk.enrol(bytes([guess]) * 10)
    talk.enrol(SECRET)
    return bench.changed


@attack("A terminal of a fleet is enrolled by a stranger", Check.RIGHT_ENROL, Code.GRANT_MISSING)
def taken_over(bench: Bench) -> bool:
    bench.terminal.press_button(bench.now)
    bench.open(THIEF).enrol()
    return bench.changed


@attack("A terminal of a fleet is enrolled by one of its drivers", Check.RIGHT_ENROL, Code.RIGHT_MISSING)
def taken_over_by_driver(bench: Bench) -> bool:
    bench.terminal.press_button(bench.now)
    talk = bench.admitted()
    talk.enrol()
    return bench.changed


@attack("An immobilised car is enrolled as one that never is", None, Code.CLASS_FORBIDS)
def reclassified(bench: Bench) -> bool:
    bench.admitted().act(Verb.IMMOBILISE)
    bench.terminal.press_button(bench.now)
    talk = bench.admitted(EVERYTHING | Right.ENROL)
    bench.mark()
    talk.enrol(immobilisable=False)
    return bench.changed


@attack("A grant is presented to a terminal that belongs to nobody", None, Code.NOT_ENROLLED, enrolled=False)
def nobodys(bench: Bench) -> bool:
    return presents(bench, bench.grant())
