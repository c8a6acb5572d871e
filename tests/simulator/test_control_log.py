"""The log of the control API: numbered, waited for, streamed; and every kind of entry has words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from control_station import OPEN, bench

from simulator.control.journal import Journal
from simulator.control.stream import KEEP_ALIVE_S, server_sent
from simulator.control.words import sentence
from simulator.model import Car, Change
from simulator.world import World


async def test_the_log_begins_with_what_happens_not_with_how_it_was_set_up(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        assert await at.get("/v1/log") == {"entries": [], "next": 0, "missed": 0}
        await at.post("/v1/sets/P-112/1/override")
        page = await at.get("/v1/log")
        assert page["next"] == 1
        assert page["entries"][0]["text"] == {
            "en": "set P-112/1 (P-112) taken from slot A-01 with the override key",
            "zh-CN": "机械应急开启:钥匙串 P-112/1 (P-112) 从钥匙位 A-01 取出",
        }


async def test_a_long_poll_answers_when_something_happens_or_when_time_is_up(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert (await at.get("/v1/log?after=0&wait=25"))["entries"] == []
        assert loop.time() - began == 25
        waiting = asyncio.create_task(at.get("/v1/log?after=0&wait=25"))
        await asyncio.sleep(3)
        at.world.override("ks-118")
        assert [each["seq"] for each in (await waiting)["entries"]] == [1]
        assert loop.time() - began == 28


async def test_a_client_that_knows_more_than_there_is_begins_anew(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        assert (await at.get("/v1/log?after=500"))["next"] == 0


async def test_the_stream_sends_each_entry_keeps_alive_and_ends(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        at.world.override("ks-118")
        sent = server_sent(at.control.journal, at.control.picture, after=0)
        assert (await anext(sent)).startswith(b"retry: ")
        frame = (await anext(sent)).decode()
        assert frame.startswith("id: 1\ndata: ")
        assert json.loads(frame.partition("data: ")[2])["kind"] == "overridden"
        began = asyncio.get_running_loop().time()
        assert await anext(sent) == b": keep-alive\n\n"
        assert asyncio.get_running_loop().time() - began == KEEP_ALIVE_S
        at.control.journal.close()
        assert [each async for each in sent] == []


async def test_a_journal_keeps_so_many_and_says_what_is_missed() -> None:
    world = World()
    world.add_car("c", Car("VIN"))
    journal = Journal(world, kept=3)
    for _ in range(5):
        world.drive("c", 0.0)
        journal.add(Change(0.0, "lamp", ("A", 1, 1)))
    assert [each.seq for each in journal.after(0, 10)] == [3, 4, 5]
    assert [each.seq for each in journal.after(3, 1)] == [4]
    assert journal.missed(0) == 2
    assert journal.missed(4) == 0
    journal.close()
    world.change_car("c", Car("OTHER"))
    assert journal.head == 5


async def test_everything_a_morning_brings_has_words(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        for cabinet, board in (("A", "a1"), ("B", "b2")):
            at.station.hardware.board(cabinet, board).handle(OPEN)
        at.world.light("B", 1, True)
        await asyncio.sleep(0.3)
        await at.post("/v1/sets/P-112/1/pull")
        await at.post("/v1/cabinets/B/door/open")
        await at.post("/v1/sets/P-112/1/put", {"cabinet": "B", "slot": 5})
        await at.post("/v1/cabinets/B/door/shut")
        await at.post("/v1/cars/P-112/drive", {"km": 12})
        await at.post("/v1/mains/cut")
        await at.post("/v1/cabinets/A/boards/a1/off")
        for kind in ("door_ajar", "door_left_open", "door_forced"):
            injected = await at.post("/v1/faults", {"kind": kind, "target": "B"}, expect=201)
            await at.delete(f"/v1/faults/{injected['fault']['id']}")
        await at.post("/v1/time/advance", {"seconds": 30})
        for entry in (await at.get("/v1/log"))["entries"]:
            plain = " ".join((entry["kind"].replace("_", " "), *(str(each) for each in entry["details"])))
            assert plain not in entry["text"].values(), plain


def test_a_kind_without_words_is_shown_as_it_is() -> None:
    said = sentence(Change(0.0, "moon_rose", ("A", 3)), {})
    assert (said.en, said.zh) == ("moon rose A 3", "moon rose A 3")
