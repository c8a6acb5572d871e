"""Everything that can go wrong between this program and a vehicle.

VehicleError
├── NoTerminalFitted        the vehicle has no terminal; nothing to ask
├── NotCapable              this kind of terminal cannot do that
├── ForbiddenByHold         a hold on the vehicle forbids it
├── LinkError               the way to the terminal
│   ├── RadioUnavailable    this host has no working Bluetooth radio
│   ├── OutOfRange          nobody heard the terminal
│   ├── ConnectFailed       heard, but it would not connect
│   ├── ConnectionDropped   connected, then lost
│   └── PairingRequired     the terminal wants a bond first
├── AdapterError            the adapter itself
│   ├── NotAnAdapter        the device at this address is something else
│   ├── AdapterTimeout      silent, or never ready again
│   ├── AdapterReset        it lost its settings (supply dip, internal error)
│   ├── AdapterAsleep       it is about to sleep
│   ├── Unsupported         it does not know a command (`?`)
│   ├── Stopped             a byte of ours interrupted it
│   ├── BufferFull          it printed more than it could hold
│   └── LeftAsleep          not woken, to spare the vehicle's battery
├── SealedError             a sealed terminal
│   ├── NotTheTerminal      whoever answers does not prove to be the terminal that was enrolled
│   ├── SealedRefused       it refuses, and says why
│   ├── SealedBroken        the session broke: an answer does not verify, or an error came in the clear
│   ├── SealedSilent        no answer in time
│   └── NoGrant             there is no grant for this vehicle
└── BusError                the vehicle behind the adapter
    ├── NoData              no control unit answered in time
    ├── UnableToConnect     no OBD protocol worked; usually the ignition is off
    ├── BusFault            CAN ERROR, BUS ERROR, BUS BUSY, FB ERROR, DATA ERROR, RX ERROR, BUS INIT ERROR
    ├── TruncatedReply      frames missing, cut, garbled or out of order
    └── RequestRefused      a control unit answered with a negative response
"""

from __future__ import annotations

import re
from typing import ClassVar


class VehicleError(Exception):
    """Root of this package's errors.

    `terminal` names the vehicle or terminal as the site calls it, `cause` says what happened, `advice` what
    to do next, and `retryable` whether the same request may succeed later without anybody doing anything.
    """

    retryable: ClassVar[bool] = False
    cause: ClassVar[str] = "the terminal failed"
    advice: ClassVar[str] = "look at the terminal"

    def __init__(self, terminal: str, detail: str = "") -> None:
        self.terminal = terminal
        self.detail = detail
        what = f"{self.cause} ({detail})" if detail else self.cause
        super().__init__(f"{terminal}: {what}; {self.advice}")

    @property
    def code(self) -> str:
        """The kind of error for programs, such as `out_of_range`."""
        return re.sub(r"(?<!^)([A-Z])", r"_\1", type(self).__name__).lower()

    def __reduce__(self) -> tuple[type[VehicleError], tuple[str, str]]:
        return type(self), (self.terminal, self.detail)


class NoTerminalFitted(VehicleError):
    """The vehicle is configured without a terminal."""

    cause = "this vehicle has no terminal"
    advice = "ask the officer for the kilometres, or fit a terminal and set its address in the site file"


class NotCapable(VehicleError):
    """The terminal is of a kind that cannot do what was asked."""

    cause = "this terminal cannot do that"
    advice = "look at its capabilities first; a sealed terminal can more than an OBD adapter"


class ForbiddenByHold(VehicleError):
    """A hold on the vehicle forbids the act. Nothing was sent."""

    cause = "a hold on the vehicle forbids it"
    advice = "have the hold lifted by whoever placed it"


class LinkError(VehicleError):
    """The way to the terminal is broken."""

    retryable = True


class RadioUnavailable(LinkError):
    """This host's Bluetooth radio is missing, switched off, not permitted, or its driver is not installed."""

    retryable = False
    cause = "no Bluetooth radio is available here"
    advice = "switch the radio on, allow this user to use it, or install motorpool[ble]"


class OutOfRange(LinkError):
    """The terminal was not heard within the time allowed. Normal for a car that is out."""

    cause = "the terminal was not heard"
    advice = "it is read at the next chance; if the car stands here, check that the adapter has power"


class ConnectFailed(LinkError):
    """The terminal was heard and did not accept a connection."""

    cause = "the terminal was heard but did not accept a connection"
    advice = "it is tried again; disconnect any phone from it, then unplug it for half a minute"


class ConnectionDropped(LinkError):
    """The connection was lost; what was sent last may or may not have arrived."""

    cause = "the connection was lost"
    advice = "it is read again at the next chance"


class PairingRequired(LinkError):
    """The terminal refuses unencrypted access (ATT error 05 or 0F)."""

    retryable = False
    cause = "the terminal wants a bond first"
    advice = "unplug it, plug it in and pair it within five minutes; keep the bond afterwards"


class AdapterError(VehicleError):
    """The adapter answered wrongly, or not at all."""

    retryable = True


class NotAnAdapter(AdapterError):
    """The device at this address is no ELM327-compatible adapter, whatever its service UUIDs say."""

    retryable = False
    cause = "the device at this address is not an OBD adapter"
    advice = "check the address in the site file"


class AdapterTimeout(AdapterError):
    """The adapter did not finish its answer in time."""

    cause = "the adapter did not answer in time"
    advice = "it is read again at the next chance; if it stays so, unplug it for half a minute"


class AdapterReset(AdapterError):
    """`LV RESET` or `ERRxx`: the adapter lost its settings and must be set up again."""

    cause = "the adapter reset itself"
    advice = "it is set up and read again; if it stays so, check the car's battery"


class AdapterAsleep(AdapterError):
    """`ACT ALERT` or `LP ALERT`: the adapter is about to go to sleep."""

    cause = "the adapter is going to sleep"
    advice = "it is read again at the next chance"


class Unsupported(AdapterError):
    """`?`: the adapter does not understand a command that it must."""

    retryable = False
    cause = "the adapter does not understand a command"
    advice = "this adapter cannot be used; replace it with one that is listed as tried"


class Stopped(AdapterError):
    """`STOPPED`: a byte reached the adapter while it was busy."""

    cause = "the adapter was interrupted"
    advice = "it is asked again; if it stays so, disconnect other apps from the adapter"


class BufferFull(AdapterError):
    """`BUFFER FULL`: more was printed than the link carried away."""

    cause = "the adapter's buffer ran over"
    advice = "it is asked again; move the radio closer if it stays so"


class LeftAsleep(AdapterError):
    """The vehicle's battery was low when it was read last; the adapter is not woken before some time has passed."""

    cause = "the adapter is left asleep, to spare the car's battery"
    advice = "charge the battery or start the engine; it is looked at again by itself"


class SealedError(VehicleError):
    """A sealed terminal, or what stands in for it, did not answer as it should."""


class NotTheTerminal(SealedError):
    """The far end does not hold the key that was pinned at enrolment, or is not what the label says."""

    cause = "whoever answers is not the terminal that was enrolled"
    advice = "check the address; if the terminal was replaced, enrol the new one"


class SealedRefused(SealedError):
    """The terminal itself refuses; the detail begins with its code, such as `grant_expired`."""

    cause = "the terminal refuses"
    advice = "see docs/sealed-terminal.md for the code"

    @property
    def reason(self) -> str:
        """The code, machine-readable."""
        return self.detail.partition(":")[0]


class SealedBroken(SealedError):
    """What came back does not verify, or was an error that anybody could have sent."""

    retryable = True
    cause = "the protected session broke"
    advice = "it is tried again; if it stays so, somebody may be interfering with the radio"


class SealedSilent(SealedError):
    """The terminal did not answer in time."""

    retryable = True
    cause = "the terminal did not answer in time"
    advice = "it is tried again"


class NoGrant(SealedError):
    """Nobody gave this holder a grant for the vehicle."""

    cause = "there is no grant for this vehicle"
    advice = "have the fleet's authority issue one"


class BusError(VehicleError):
    """The vehicle's diagnostic bus, or a control unit on it."""

    retryable = True


class NoData(BusError):
    """`NO DATA`: no control unit answered in time, or none supports the request."""

    cause = "the car gave no data"
    advice = "switch the ignition on and read again"


class UnableToConnect(BusError):
    """`UNABLE TO CONNECT`: no OBD protocol found an answering control unit."""

    cause = "the adapter cannot reach the car"
    advice = "switch the ignition on and push the adapter home in its socket"


class BusFault(BusError):
    """The adapter reports a fault of the bus or of the bytes on it."""

    cause = "the car's diagnostic bus is faulty"
    advice = "it is read again; if it stays so, have the OBD socket checked"


class TruncatedReply(BusError):
    """Frames of an answer are missing, cut, garbled or out of order; nothing of it is used."""

    cause = "the car's answer arrived incomplete"
    advice = "it is read again; move the radio closer if it stays so"


class RequestRefused(BusError):
    """A control unit sent a negative response (ISO 14229-1, `7F`, service, code)."""

    retryable = False
    cause = "the car refuses the request"
    advice = "this car does not give this value, or not in its present state"
