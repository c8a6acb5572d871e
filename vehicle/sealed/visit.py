"""A session with a sealed terminal over a link: one question, one answer, each in its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from vehicle.errors import (
    ConnectFailed,
    ConnectionDropped,
    NoGrant,
    NotTheTerminal,
    SealedBroken,
    SealedRefused,
    SealedSilent,
)
from vehicle.gatt import SEALED
from vehicle.link import Link
from vehicle.sealed.access import Access
from vehicle.sealed.cbor import BadCbor, Cbor
from vehicle.sealed.client import Hearsay, HolderSession
from vehicle.sealed.codes import Code, Refused, Verb
from vehicle.sealed.commands import Admission, Answer, Greeting, Request
from vehicle.sealed.keys import PrivateKey, PublicKey


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: for the terminal's part of the handshake (a small processor needs most of one), and for an answer."""

    handshake_s: float = 5.0
    answer_s: float = 3.0


class Visit:
    """An open session. `new_id` gives 16 bytes that were never given before."""

    def __init__(
        self,
        name: str,
        link: Link,
        key: PrivateKey,
        expected: PublicKey | bytes,
        new_id: Callable[[], bytes],
        limits: Limits,
    ) -> None:
        self._name = name
        self._link = link
        self._session = HolderSession(key, expected)
        self._new_id = new_id
        self._limits = limits
        self._received = bytearray()
        self._arrived = asyncio.Event()
        self._dropped = False

    @property
    def terminal(self) -> PublicKey | None:
        """The terminal's key, once it is known."""
        return self._session.terminal

    async def open(self) -> None:
        """Make the handshake. Raises LinkError leaves, NotTheTerminal, SealedSilent and SealedBroken."""
        if SEALED not in self._link.profiles:
            raise NotTheTerminal(self._name, "it does not offer the sealed terminal's service")
        try:
            await self._link.subscribe(SEALED, self._take, self._lost)
        except ConnectFailed as error:
            raise NotTheTerminal(self._name, error.detail) from error
        await self._link.write(self._session.begin())
        while not self._session.established:
            piece = await self._next_piece(self._limits.handshake_s)
            try:
                received = self._session.receive(piece, self._now())
            except Refused as error:
                raise NotTheTerminal(self._name, str(error)) from error
            except Hearsay as error:
                raise SealedBroken(self._name, f"said in the clear: {error}") from error
            if received.to_send:
                await self._link.write(received.to_send)

    async def ask(self, verb: Verb, argument: Cbor = None, command_id: bytes | None = None) -> Answer:
        """The terminal's answer, a refusal too. Raises ConnectionDropped, SealedSilent and SealedBroken."""
        await self._link.write(self._session.ask(Request(command_id or self._new_id(), int(verb), argument)))
        deadline = self._now() + self._limits.answer_s
        while True:
            piece = await self._next_piece(deadline - self._now())
            try:
                answer = self._session.receive(piece, self._now()).answer
            except Refused as error:
                raise SealedBroken(self._name, str(error)) from error
            except Hearsay as error:
                raise SealedBroken(self._name, f"said in the clear: {error}") from error
            if answer is not None:
                return answer

    async def need(self, verb: Verb, argument: Cbor = None) -> Answer:
        """As `ask`; a refusal raises SealedRefused."""
        answer = await self.ask(verb, argument)
        if answer.code.refusal:
            raise SealedRefused(self._name, refusal(answer.code))
        return answer

    async def be_admitted(self, access: Access) -> Admission:
        """Deliver what the authority sends along, and present the grant. Raises NoGrant and SealedRefused too."""
        greeting = self._greeting(await self.need(Verb.HELLO))
        listed = await access.revocations(greeting.list_number)
        if listed is not None:
            await self.ask(
                Verb.UPDATE, listed
            )  # a list that is refused is in the terminal's log, and stops nobody
        if not greeting.sure:
            ticket = await access.time_ticket(greeting.nonce)
            if ticket is not None:
                await self.need(Verb.SET_TIME, ticket)
        grant = await access.grant(self._name)
        if grant is None:
            raise NoGrant(self._name)
        answer = await self.need(Verb.PRESENT, grant)
        try:
            return Admission.of(answer.body)
        except BadCbor as error:
            raise SealedBroken(self._name, str(error)) from error

    def _greeting(self, answer: Answer) -> Greeting:
        try:
            return Greeting.of(answer.body)
        except BadCbor as error:
            raise SealedBroken(self._name, str(error)) from error

    async def _next_piece(self, limit_s: float) -> bytes:
        try:
            async with asyncio.timeout(limit_s):
                while not self._received:
                    if self._dropped:
                        raise ConnectionDropped(self._name, "while it was being spoken to")
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            raise SealedSilent(self._name) from None
        piece = bytes(self._received)
        self._received.clear()
        return piece

    def _take(self, data: bytes) -> None:
        self._received += data
        self._arrived.set()

    def _lost(self) -> None:
        self._dropped = True
        self._arrived.set()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def refusal(code: Code) -> str:
    """A refusal for an error's detail: its name, machine-readable, and its words."""
    return f"{code.name.lower()}: {code.text}"
