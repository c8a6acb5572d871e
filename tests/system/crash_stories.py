"""Two stories, each killed at one point, gone on with by a new station process, and checked against what is true."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash_channel import Killed, Peer
from crash_hardware import start_hardware
from crash_site import make_site
from crash_station import Point, station_process

from lifecycle.ledger import verify

SIGKILLED = -9
LATER_S = 600.0
"""How far the clock is ahead when the time to take a set has passed."""
TAKE_ID = "take-1"


@dataclass(frozen=True, slots=True)
class Variant:
    """How people behave: they go on while the station is dead, they wait until it is back, or they walk away."""

    name: str
    acts_while_dead: bool
    acts_afterwards: bool


MEANWHILE = Variant("acts at once, station or not", True, False)
AFTERWARDS = Variant("acts after the restart", False, True)
NOBODY = Variant("nobody acts", False, False)


class Scene:
    """One hardware process with one station process after another, on a copy of a ledger made before."""

    def __init__(self, folder: Path, begun: Path | None) -> None:
        self.folder = folder
        make_site(folder)
        self.ledger = folder / "ledger.db"
        if begun is not None:
            shutil.copy(begun, self.ledger)
        self._station: Peer | None = None
        self.hardware, self._urls = start_hardware(folder)

    def station(self, later_s: float = 0.0, point: Point | None = None) -> Peer:
        """Start a station; the one before it must be dead."""
        self._station = Peer(station_process, self.folder, self._urls, later_s, point)
        return self._station

    def close(self) -> None:
        for peer in (self._station, self.hardware):
            if peer is not None and peer.alive:
                peer.kill()

    def shut(self) -> Path:
        """End the station in good order: its ledger is one file then."""
        assert self._station is not None
        code = self._station.shut()
        assert code == 0, f"the station ended with {code}"
        return self.ledger

    @property
    def truth(self) -> Any:
        return self.hardware.ask("truth")

    def must(self, holds: bool, what: str) -> None:
        """Fail the test, with what the station logged."""
        if not holds:
            log = self.folder / "station.log"
            said = log.read_text(encoding="utf-8")[-4000:] if log.exists() else ""
            raise AssertionError(f"{what}\ntruth: {self.truth}\nstation log:\n{said}")


def take(scene: Scene, variant: Variant, point: Point | None) -> Counter[str]:
    """An officer takes a set; returns what was counted. With a point, dies there, and all must come right."""
    station = scene.station()
    station.hear()
    if variant.acts_while_dead:
        scene.hardware.ask("wants", ("take", "k-1"))
    station.ask("arm", point)
    checkout = ""
    try:
        checkout = station.ask("check_out", "b1", "P-1", TAKE_ID)
        station.ask("settled", checkout)
        if variant.acts_while_dead:
            station.ask("ended", checkout)
        counts = _end(scene, station, point)
    except Killed:
        counts = Counter()
        scene.must(station.dies() == SIGKILLED, "the station died of something else")
    _take_after_restart(scene, variant, checkout)
    return counts


def _end(scene: Scene, station: Peer, point: Point | None) -> Counter[str]:
    """The story is over and the process lives: it dies at a later poll, or here. Returns what was counted."""
    counts = Counter(station.ask("counts"))
    if point is not None and point.kind == "write":
        scene.must(station.dies() == SIGKILLED, "the station died of something else")
    else:
        counts["missed"] = int(point is not None)  # two steps shared a commit this time
        station.kill()
    return counts


def _take_after_restart(scene: Scene, variant: Variant, promised: str) -> None:
    verify(scene.ledger)
    before = scene.truth
    station = scene.station()
    station.hear()
    known = station.ask("book")["checkouts"]
    scene.must(len(known) == 1 or not before["pulses"]["A-03"], "a slot was opened without a record")
    scene.must(not promised or promised in known, "an answer was given for a release that is not recorded")
    if variant.acts_afterwards:
        scene.hardware.ask("wants", ("take", "k-1"))
    checkout = station.ask("check_out", "b1", "P-1", TAKE_ID)  # the officer's terminal asks again
    scene.must(not known or [checkout] == list(known), "the same command made another release")
    station.ask("settled", checkout)
    if scene.truth["sets"]["k-1"] is None:
        station.ask("ended", checkout)
    station.kill()
    verify(scene.ledger)
    _take_ends(scene, checkout)


def _take_ends(scene: Scene, checkout: str) -> None:
    """Minutes later, after one more restart: everything has ended, and book and cabinet agree."""
    station = scene.station(LATER_S)
    station.hear()
    state = station.ask("ended", checkout)
    scene.must(station.ask("check_out", "b1", "P-1", TAKE_ID) == checkout, "the command was forgotten")
    book, truth = station.ask("book"), scene.truth
    _agrees(scene, book, truth)
    out = truth["sets"]["k-1"] is None
    scene.must(state == ("out" if out else "lapsed"), f"the set is {'out' if out else 'there'}, not {state}")
    scene.must(book["sets"]["k-1"]["holder"] == ("o-1" if out else None), f"{book['sets']}")
    told = Counter(kind for kind, _, _ in book["events"])
    scene.must(told["ReleaseIntended"] == 1 and told["KeySetTaken"] == int(out), f"{told}")
    scene.must(not told["KeySetRemoved"], "a taken set was called an alarm")
    for label, most in (("A-03", 1), ("A-00", 1)):
        scene.must(truth["flashes"][label] <= most, f"{label}: {truth['flashes'][label]} pulses on the wire")
        scene.must(truth["pulses"][label] <= most, f"{label}: {truth['pulses'][label]} pulses in the cabinet")
    station.kill()
    verify(scene.ledger)


def come_home(scene: Scene, variant: Variant, point: Point | None) -> Counter[str]:
    """An officer brings a set home to another cabinet than it left, while another set is out too."""
    scene.hardware.ask("gone", "k-1", "k-2")
    station = scene.station()
    station.hear()
    (checkout,) = [id_ for id_, ids in _trips(station) if ids["key_set"] == "k-1"]
    if variant.acts_while_dead:
        scene.hardware.ask("wants", ("hang", "k-1", "B-02"))
    station.ask("arm", point)
    try:
        station.ask("identify", "b1", "B")
        if variant.acts_while_dead:
            station.ask("returned", checkout)
        counts = _end(scene, station, point)
    except Killed:
        counts = Counter()
        scene.must(station.dies() == SIGKILLED, "the station died of something else")
    _home_after_restart(scene, checkout)
    return counts


def _trips(station: Peer) -> list[tuple[str, dict[str, str]]]:
    taken = [ids for kind, ids, _ in station.ask("book")["events"] if kind == "KeySetTaken"]
    return [(ids["checkout"], ids) for ids in taken]


def _home_after_restart(scene: Scene, checkout: str) -> None:
    verify(scene.ledger)
    station = scene.station()
    station.hear()
    scene.hardware.ask("wants", ("hang", "k-1", "B-02"))
    if scene.truth["sets"]["k-1"] is None:
        station.ask(
            "identify", "b1", "B"
        )  # the door did not open, or fell shut again: the badge is shown again
    where = station.ask("returned", checkout)
    book, truth = station.ask("book"), scene.truth
    scene.must(where == truth["sets"]["k-1"] == "B-02", f"{where}")
    _agrees(scene, book, truth)
    told = Counter((kind, ids.get("key_set")) for kind, ids, _ in book["events"])
    scene.must(told["KeySetReturned", "k-1"] == 1 and not told["KeySetReturned", "k-2"], f"{told}")
    badges = sum(kind == "PersonIdentified" for kind, _, _ in book["events"])
    scene.must(truth["flashes"]["B-00"] <= badges, "the door was opened more often than somebody asked")
    scene.must(not any(truth["pulses"][f"B-{slot:02d}"] for slot in range(1, 8)), "a slot was opened")
    station.kill()
    verify(scene.ledger)


def _agrees(scene: Scene, book: Any, truth: Any) -> None:
    """Each set that the book has in a slot hangs there, and the other way round; nothing else is wrong."""
    for key_set, booked in book["sets"].items():
        scene.must(booked["slot"] == truth["sets"][key_set], f"{key_set}: the book says {booked}")
        scene.must((booked["slot"] is None) == (booked["custody"] == "out"), f"{key_set}: {booked}")
    scene.must(not book["problems"], f"{book['problems']}")


def begin_ledger(folder: Path) -> Path:
    """A ledger of a station that was opened once: its sets are enrolled."""
    scene = Scene(folder, None)
    try:
        scene.station().hear()
        return scene.shut()
    finally:
        scene.close()


def two_sets_out(folder: Path, begun: Path) -> Path:
    """A ledger in which o-1 has k-1 and o-2 has k-2."""
    scene = Scene(folder, begun)
    try:
        station = scene.station()
        station.hear()
        for officer, vehicle, key_set in (("b1", "P-1", "k-1"), ("b2", "P-2", "k-2")):
            scene.hardware.ask("wants", ("take", key_set))
            station.ask("ended", station.ask("check_out", officer, vehicle, f"before-{vehicle}"))
        return scene.shut()
    finally:
        scene.close()
