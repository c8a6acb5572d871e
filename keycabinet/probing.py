"""Finds the boards and readers on a line by asking harmlessly: reads only, never a write, a pulse or a broadcast act.

A family of devices is found by a `Probe`: data about what it is asked, and a function that asks one address. Built-in
probes are listed in `_MODULES`; another distribution adds some through the entry-point group `motorpool.probes`, whose
entries name a tuple of `Probe`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from typing import cast

from keycabinet.errors import AddressTakenTwice, ConfigError, DeviceSilent, KeyCabinetError
from keycabinet.exchange import Device, Priority
from keycabinet.line import Line
from keycabinet.plugins import plugins
from keycabinet.transport import BAUDRATES, SERIAL, LineUrl, Opener, open_link

ENTRY_POINTS = "motorpool.probes"
HOLDER = "motorpool probe"
WAIT_S = 0.25
"""How long a device gets to answer; documents name 50 to 300 ms, most say nothing."""
MAX_HEARD = 1024
MAX_STRANGE = 16

_MODULES = (
    "keycabinet.boards.modbus_probe",
    "keycabinet.boards.lock_probes",
    "keycabinet.readers.probes",
)
"""Each has `PROBES`, a tuple of Probe."""


class UnknownProbe(ConfigError):
    """No family of this name can be probed for."""


@dataclass(frozen=True, slots=True)
class Found:
    """One device that answered.

    `profiles` are those of a site file that fit what it said, the likeliest first: several where the line cannot tell
    them apart, none where no profile fits. `is_reader` says that they are kinds of fob readers. `doubts` are sentences
    for people.
    """

    family: str
    address: int
    profiles: tuple[str, ...]
    evidence: str
    version: str | None = None
    outputs: int | None = None
    inputs: int | None = None
    is_reader: bool = False
    doubts: tuple[str, ...] = ()


Ask = Callable[[Line, int, float], Awaitable[Found | None]]
"""Asks one address, waiting so long (s) for each answer; None: nobody there. NotUnderstood: somebody, who knows who."""


@dataclass(frozen=True, slots=True)
class Probe:
    """How devices of one family are found.

    `addresses` are those that they can have, `usual` those that are tried unless somebody says which, `always` those
    that are tried whatever somebody says. `profiles` are all that it can name. `questions` is how many answers are
    waited for where nobody is. `factory` tells people how such devices are set when they are new.
    """

    family: str
    title: str
    ask: Ask
    addresses: Collection[int]
    usual: Sequence[int]
    always: Sequence[int] = ()
    profiles: Collection[str] = ()
    questions: int = 1
    serial_only: bool = True
    factory: str = "9600 8N1"

    def tried(self, wanted: Collection[int] | None) -> tuple[int, ...]:
        """The addresses to ask."""
        if wanted is None:
            return tuple(dict.fromkeys((*self.always, *self.usual)))
        return tuple(
            dict.fromkeys((*self.always, *(each for each in sorted(wanted) if each in self.addresses)))
        )


class NotUnderstood(KeyCabinetError):
    """Something came back that is no answer: two devices at one address, another baud rate, noise, another product."""

    def __init__(self, device: str, text: str, data: bytes = b"") -> None:
        super().__init__(device, text, sent=True)
        self.data = data


@dataclass(frozen=True, slots=True)
class Strange:
    """An address at which something came back that nobody understands."""

    url: LineUrl
    family: str
    address: int
    text: str


@dataclass(frozen=True, slots=True)
class Sighted:
    """A device and the URL under which it answered."""

    url: LineUrl
    found: Found


@dataclass(frozen=True, slots=True)
class Progress:
    """One try is about to be made; `done` of `total` are over, and the rest takes at most `left_s` seconds."""

    url: LineUrl
    family: str
    address: int
    done: int
    total: int
    left_s: float


@dataclass(slots=True)
class Survey:
    """What a line has on it, as far as asking shows."""

    sighted: list[Sighted] = field(default_factory=list)
    strange: list[Strange] = field(default_factory=list)
    echoing: bool = False
    tries: int = 0


@cache
def probes() -> tuple[Probe, ...]:
    """Every family that can be probed for: the built-in ones, then those of other distributions."""
    found = [each for module in _MODULES for each in cast("tuple[Probe, ...]", import_module(module).PROBES)]
    for added in cast("tuple[tuple[Probe, ...], ...]", plugins(ENTRY_POINTS)):
        found.extend(added)
    return tuple(found)


def choose(families: Iterable[str]) -> tuple[Probe, ...]:
    """The probes of these families; UnknownProbe names those that there are."""
    known = {probe.family: probe for probe in probes()}
    wanted = tuple(families)
    for family in wanted:
        if family not in known:
            raise UnknownProbe("", f"no family {family!r} can be probed for; known: {', '.join(known)}")
    return tuple(known[family] for family in wanted)


def with_setting(url: LineUrl, setting: str) -> LineUrl:
    """The URL at another setting of its serial port, such as `19200` or `19200E` (even parity). ValueError for none."""
    digits, parity = (setting[:-1], setting[-1]) if setting[-1:].isalpha() else (setting, url.parity)
    if not digits.isdecimal() or int(digits) not in BAUDRATES or parity not in ("N", "E", "O"):
        raise ValueError(
            f"{setting!r}: one of {', '.join(map(str, BAUDRATES))}, with N, E or O for the parity"
        )
    return replace(url, baudrate=int(digits), parity=parity)


class Heard:
    """Reads whatever comes until the time is over. Sans-IO, a `ReplyReader` whose silence is an answer too."""

    optional = True
    repeats_request = False
    stale = 0

    def __init__(self, reply_size: int) -> None:
        self.reply_size = reply_size
        self.data = b""
        self.noise = 0

    def feed(self, data: bytes) -> bytes | None:
        """Keep the bytes; there may be more."""
        self.data += data[: MAX_HEARD - len(self.data)]
        return None

    def failure(self, waited_s: float) -> KeyCabinetError:
        """Never asked for: silence is an answer."""
        return DeviceSilent("", f"no reply within {waited_s:.3g} s", sent=True)


async def hear(line: Line, name: str, request: bytes, reply_size: int, wait_s: float) -> bytes:
    """Send a question and return all that comes within `wait_s` after it, without an echo."""
    reader = Heard(reply_size)
    device = Device(name, reply_timeout_s=wait_s, gap_s=0.005)
    await line.submit(device, request, reader, Priority.COMMAND)
    return reader.data


@dataclass(frozen=True, slots=True)
class _Try:
    url: LineUrl
    probe: Probe
    address: int


def _plan(urls: Sequence[LineUrl], chosen: Sequence[Probe], wanted: Collection[int] | None) -> list[_Try]:
    return [
        _Try(url, probe, address)
        for url in urls
        for probe in chosen
        if url.half_duplex or not probe.serial_only
        for address in probe.tried(wanted)
    ]


async def survey(
    urls: Sequence[LineUrl],
    *,
    chosen: Sequence[Probe] | None = None,
    addresses: Collection[int] | None = None,
    wait_s: float = WAIT_S,
    opener: Opener = open_link,
    exclusive: bool | None = None,
    holder: str = HOLDER,
    told: Callable[[Progress], None] = lambda _progress: None,
    found: Callable[[Sighted], None] = lambda _sighted: None,
) -> Survey:
    """Ask every address for every family at each of `urls`, the same line at several settings of its port.

    `told` hears of each try before it is made, `found` of each device. LineHeld when a station has the line;
    PortUnavailable and LinkLost as they come.
    """
    plan = _plan(urls, probes() if chosen is None else chosen, addresses)
    made = Survey(tries=len(plan))
    left_s = sum(each.probe.questions * wait_s for each in plan)
    done = 0
    for url in urls:
        tries = [each for each in plan if each.url is url]
        if not tries:
            continue
        async with await Line.open("probe", url, opener=opener, holder=holder, exclusive=exclusive) as line:
            for each in tries:
                told(Progress(url, each.probe.family, each.address, done, len(plan), left_s))
                sighted = await _ask(made, line, each, wait_s)
                if sighted is not None:
                    found(sighted)
                done += 1
                left_s -= each.probe.questions * wait_s
            made.echoing = made.echoing or line.echoing is True
    if not urls[0].half_duplex:
        _gather(made)
    return made


async def _ask(made: Survey, line: Line, each: _Try, wait_s: float) -> Sighted | None:
    known = [(known.found.family, known.found.address) for known in made.sighted]
    doubled = line.stats.doubled_replies
    try:
        found = await each.probe.ask(line, each.address, wait_s)
        if line.stats.doubled_replies > doubled:
            raise AddressTakenTwice(f"{each.probe.family} at address {each.address}", each.address, sure=True)
    except (AddressTakenTwice, NotUnderstood) as error:
        if len(made.strange) < MAX_STRANGE:
            made.strange.append(Strange(each.url, each.probe.family, each.address, error.text))
        return None
    if found is None or (found.family, found.address) in known:  # an adapter that ignores the baud rate
        return None
    sighted = Sighted(each.url, found)
    made.sighted.append(sighted)
    return sighted


def _gather(made: Survey) -> None:
    """A Modbus TCP device that ignores the unit answers at every one: keep the first."""
    if len(made.sighted) < 3 or len(made.sighted) < made.tries:
        return
    first = made.sighted[0]
    if all(replace(each.found, address=first.found.address) == first.found for each in made.sighted):
        doubt = f"it answers at all {made.tries} units that were asked; it is taken for one device"
        made.sighted = [replace(first, found=replace(first.found, doubts=(*first.found.doubts, doubt)))]


def settings_of(url: LineUrl, settings: Sequence[str]) -> tuple[LineUrl, ...]:
    """The line at each of these settings; the URL's own where there are none. ValueError names a wrong one."""
    if settings and url.scheme != SERIAL:
        raise ValueError(f"{settings[0]!r}: only serial:// lines have a baud rate of ours")
    return tuple(dict.fromkeys(with_setting(url, each) for each in settings)) or (url,)
