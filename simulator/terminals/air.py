"""The air between simulated radios: bumble's link with an order, an end to its range, and a tap.

Three things differ from bumble's own: controllers are kept in the order they came (a set would be ordered by
address in memory, and no run would equal another); a controller that is out of range is neither heard nor
hears, and its connections end after the supervision time-out; an advertiser that nobody listens to skips its
turns instead of waking the event loop all day, and resumes in the rhythm it would have kept.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from bumble import controller as bumble_controller
from bumble import core, hci, link, ll
from bumble.pairing import PairingConfig

SUPERVISION_S = 2.0
"""Seconds after which a connection without contact ends."""
ADVERTISING_S = 0.03


@dataclass(frozen=True, slots=True)
class AirPacket:
    """One packet that crossed the air. `data` of an `acl` packet is an L2CAP frame: length, channel, ATT."""

    at: float
    kind: str
    sender: str
    receiver: str
    data: bytes


Tap = Callable[[AirPacket], None]


class _Advertiser(bumble_controller.LegacyAdvertiser):
    """Advertises only while somebody listens; the skipped turns keep their places in time."""

    origin: float | None = None

    def _on_timer_fired(self) -> None:
        loop = asyncio.get_running_loop()
        self.timer_handle = None
        if self.origin is None:
            self.origin = loop.time()
        controller = self.controller
        if isinstance(controller, AirController) and controller.air.anyone_listens():
            self.send_advertising_data()
            self.timer_handle = loop.call_at(loop.time() + ADVERTISING_S, self._on_timer_fired)

    def resume(self) -> None:
        """Somebody listens again: take the next turn of the rhythm."""
        if not self.enabled or self.timer_handle is not None or self.origin is None:
            return
        loop = asyncio.get_running_loop()
        turns = math.ceil((loop.time() - self.origin) / ADVERTISING_S)
        self.timer_handle = loop.call_at(self.origin + turns * ADVERTISING_S, self._on_timer_fired)


class AirController(bumble_controller.Controller):
    """A controller on the air. `reachable` says whether it is in range at this moment."""

    def __init__(self, name: str, air: Air, address: str, reachable: Callable[[], bool]) -> None:
        super().__init__(name, link=air, public_address=address)
        self.air = air
        self.reachable = reachable
        self.le_legacy_advertiser = _Advertiser(self)
        # Legacy advertising only: what cheap adapters do, and all that the reports of a scan need.
        self.le_features &= ~hci.LeFeatureMask.LE_EXTENDED_ADVERTISING

    @property
    def listens(self) -> bool:
        """Whether it scans or waits to connect."""
        return self.le_scan_enable or self.pending_le_connection is not None

    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Scanning wakes the advertisers."""
        result = super().on_hci_le_set_scan_enable_command(command)
        self.air.wake_advertisers()
        return result

    def on_hci_le_create_connection_command(self, command: hci.HCI_LE_Create_Connection_Command) -> None:
        """So does waiting to connect."""
        super().on_hci_le_create_connection_command(command)
        self.air.wake_advertisers()

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """bumble acknowledges and forgets to cancel; a controller reports the connection that never was."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is not None:
            self.send_hci_packet(
                hci.HCI_LE_Connection_Complete_Event(
                    status=hci.HCI_UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                    connection_handle=0,
                    role=hci.Role.CENTRAL,
                    peer_address_type=pending.peer_address.address_type,
                    peer_address=pending.peer_address,
                    connection_interval=0,
                    peripheral_latency=0,
                    supervision_timeout=0,
                    central_clock_accuracy=0,
                )
            )
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)


class Air(link.LocalLink):
    """All simulated radios of one place."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.controllers: list[AirController] = []  # type: ignore[assignment]
        self.taps: list[Tap] = []
        self._held: dict[AirController, list[Callable[[], None]]] = {}
        self._cuts: dict[AirController, asyncio.TimerHandle] = {}

    def add_controller(self, controller: bumble_controller.Controller) -> None:
        """Called by the controller itself."""
        assert isinstance(controller, AirController)
        self.controllers.append(controller)

    def anyone_listens(self) -> bool:
        """Whether an advertisement would be heard by anybody."""
        return any(controller.listens for controller in self.controllers)

    def wake_advertisers(self) -> None:
        """Let advertisers that skipped their turns go on, if there is a reason."""
        if self.anyone_listens():
            for controller in self.controllers:
                advertiser = controller.le_legacy_advertiser
                if isinstance(advertiser, _Advertiser):
                    advertiser.resume()

    def remove(self, controller: AirController) -> None:
        """Take a radio away for good: its connections end, and it is silent."""
        self.cut(controller)
        controller.le_legacy_advertiser.stop()
        if controller in self.controllers:
            self.controllers.remove(controller)

    def cut(self, controller: AirController) -> None:
        """End every connection of a controller as a lost radio link ends: both sides time out."""
        self._held.pop(controller, None)
        if timer := self._cuts.pop(controller, None):
            timer.cancel()
        reason = hci.HCI_CONNECTION_TIMEOUT_ERROR
        for connection in list(controller.le_connections.values()):
            peer = self._end_of(connection.peer_address)
            mirrored = peer.le_connections.get(connection.self_address) if peer else None
            controller.on_le_disconnected(connection, reason)
            if peer is not None and mirrored is not None:
                peer.on_le_disconnected(mirrored, reason)

    def close(self) -> None:
        """Stop every timer."""
        for timer in self._cuts.values():
            timer.cancel()
        self._cuts.clear()
        self._held.clear()
        for controller in self.controllers:
            controller.le_legacy_advertiser.stop()

    # -- what bumble's controllers call

    def send_acl_data(
        self,
        sender_controller: bumble_controller.Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        """A data packet of a connection."""
        connection = sender_controller.le_connections.get(destination_address)
        if connection is None:
            return  # it has just been lost
        source = connection.self_address
        receiver = self._end_of(destination_address)
        if receiver is not None:
            self._tell("acl", source, destination_address, data)
            self._carry(
                sender_controller, receiver, lambda: receiver.on_link_acl_data(source, transport, data)
            )

    def send_advertising_pdu(
        self, sender_controller: bumble_controller.Controller, packet: ll.AdvertisingPdu
    ) -> None:
        """An advertisement, or the packet that answers one by connecting."""
        assert isinstance(sender_controller, AirController)
        if not sender_controller.reachable():
            return
        loop = asyncio.get_running_loop()
        if isinstance(packet, ll.ConnectInd):
            self._tell("connect", packet.initiator_address, packet.advertiser_address, b"")
        else:
            data = packet.data if isinstance(packet, ll.AdvInd) else b""
            self._tell("adv", sender_controller.random_address, None, data)
        for controller in self.controllers:
            addressed = isinstance(packet, ll.ConnectInd) or controller.listens
            if controller is not sender_controller and addressed and controller.reachable():
                loop.call_soon(controller.on_ll_advertising_pdu, packet)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """A control packet of a connection; the end of a connection is one."""
        sender, receiver = self._end_of(sender_address), self._end_of(receiver_address)
        if sender is None or receiver is None:
            return
        self._tell("control", sender_address, receiver_address, bytes([packet.opcode]))
        self._carry(sender, receiver, lambda: self._control(receiver, sender_address, packet))

    def _control(self, receiver: AirController, sender: hci.Address, packet: ll.ControlPdu) -> None:
        if sender in receiver.le_connections:  # both ends may hang up at once
            receiver.on_ll_control_pdu(sender, packet)

    def _carry(
        self,
        sender: bumble_controller.Controller,
        receiver: AirController,
        deliver: Callable[[], None],
    ) -> None:
        """Deliver in the next turn; out of range, keep for retransmission until the supervision time-out."""
        assert isinstance(sender, AirController)
        away = next((end for end in (sender, receiver) if not end.reachable()), None)
        held = next((end for end in (sender, receiver) if end in self._held), None)
        loop = asyncio.get_running_loop()
        if away is None and held is None:
            loop.call_soon(deliver)
            return
        key = away or held
        assert key is not None
        self._held.setdefault(key, []).append(deliver)
        if key not in self._cuts:
            self._cuts[key] = loop.call_later(SUPERVISION_S, self._supervise, key)

    def _supervise(self, controller: AirController) -> None:
        """Time is up: back in range, the packets arrive late; otherwise the connection is gone."""
        self._cuts.pop(controller, None)
        if not controller.reachable():
            self.cut(controller)
            return
        for deliver in self._held.pop(controller, []):
            asyncio.get_running_loop().call_soon(deliver)

    def _end_of(self, address: hci.Address) -> AirController | None:
        for controller in self.controllers:
            if address in (controller.random_address, controller.public_address):
                return controller
        return None

    def _tell(self, kind: str, sender: hci.Address, receiver: hci.Address | None, data: bytes) -> None:
        if self.taps:
            at = asyncio.get_running_loop().time()
            to = "" if receiver is None else receiver.to_string(False)
            packet = AirPacket(at, kind, sender.to_string(False), to, data)
            for tap in self.taps:
                tap(packet)


def just_works(_: object) -> PairingConfig:
    """Pairing without a display and a keyboard on either side; the random address is the identity."""
    return PairingConfig(mitm=False, identity_address_type=PairingConfig.AddressType.RANDOM)
