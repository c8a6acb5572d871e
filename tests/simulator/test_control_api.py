"""The control API: a station's own words, answers that tell what happened, problems that say why not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from control_station import OPEN, Bench, bench

from simulator.control.fault_words import FAULT_NAMES_ZH
from simulator.control.hand import KINDS
from simulator.control.words import reason_zh
from simulator.model import WorldError


async def test_a_set_is_pulled_once_its_slot_lets_it_go_and_hung_up_elsewhere(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        held = await at.post("/v1/sets/P-112/1/pull", expect=409)
        assert held["codes"] == ["world_refuses"]
        assert held["text"] == {
            "en": "slot 1 of cabinet A holds set P-112/1",
            "zh-CN": "A 柜 1 号钥匙位锁住了钥匙串 P-112/1",
        }
        at.station.hardware.board("A", "a1").handle(OPEN)
        await asyncio.sleep(0.3)
        slot = await at.slot("A-01")
        assert (slot["set"], slot["fleet_number"], slot["unlocked"]) == ("P-112/1", "P-112", True)
        assert await at.kinds("/v1/sets/P-112/1/pull") == ["pulled"]
        assert (await at.slot("A-01"))["set"] is None
        assert (await at.post("/v1/sets/P-112/1/pull", expect=409))[
            "detail"
        ] == "set P-112/1 hangs in no cabinet"
        assert await at.kinds("/v1/sets/P-112/1/put", {"cabinet": "A", "slot": 5}) == ["put"]
        sets = (await at.get("/v1/state"))["sets"]
        assert [(each["id"], each["cabinet"], each["slot"]) for each in sets] == [
            ("P-112/1", "A", 5),
            ("ks-118", "B", 2),
        ]


async def test_the_override_key_needs_no_lock_and_no_door(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        assert (await at.post("/v1/sets/ks-118/pull", expect=409))[
            "detail"
        ] == "the door of cabinet B is shut"
        assert await at.kinds("/v1/sets/ks-118/override") == ["overridden"]
        wrong = {"cabinet": "B", "slot": 3}
        await at.post("/v1/sets/ks-118/put", wrong, expect=409)
        assert await at.kinds("/v1/sets/ks-118/put", {**wrong, "by_override": True}) == ["put_by_override"]


async def test_doors_open_shut_and_are_forced(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        locked = await at.post("/v1/cabinets/B/door/open", expect=409)
        assert locked["text"]["zh-CN"] == "B 柜柜门已上锁"
        assert await at.kinds("/v1/cabinets/B/door/force") == ["door_forced"]
        assert await at.kinds("/v1/cabinets/B/door/shut") == ["door_shut"]
        at.station.hardware.board("B", "b2").handle(OPEN)
        await asyncio.sleep(0.3)
        assert await at.kinds("/v1/cabinets/B/door/open") == ["door_opened"]
        assert (await at.get("/v1/state"))["cabinets"][1]["door"] == "open"
        assert (await at.get("/v1/state"))["cabinets"][0]["door"] is None
        without = await at.post("/v1/cabinets/A/door/open", expect=409)
        assert without["text"] == {"en": "cabinet A has no door", "zh-CN": "A 柜没有柜门"}


async def test_cars_drive_and_change(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        before = at.world.car("v-112")
        driven = await at.post("/v1/cars/P-112/drive", {"km": 12})
        assert driven["happened"][0]["details"] == ["v-112", "odometer_km", str(before.odometer_km + 12)]
        assert driven["happened"][0]["text"]["en"].startswith("P-112: odometer ")
        assert at.world.car("v-112").odometer_km == before.odometer_km + 12
        await at.post("/v1/cars/v-112/dtcs", {"code": "P0301"})
        await at.post("/v1/cars/v-112/dtcs", {"code": "P0420", "pending": True})
        twice = await at.post("/v1/cars/v-112/dtcs", {"code": "P0301"}, expect=409)
        assert twice["detail"] == "code P0301 is stored already"
        car = at.world.car("v-112")
        assert (car.stored_dtcs, car.pending_dtcs) == (("P0301",), ("P0420",))
        await at.delete("/v1/cars/v-112/dtcs")
        assert at.world.car("v-112").stored_dtcs == at.world.car("v-112").pending_dtcs == ()
        changed = await at.http.patch("/v1/cars/P-112", json={"engine_on": True, "in_range": False})
        assert [each["text"]["zh-CN"] for each in changed.json()["happened"]] == [
            "P-112:发动机 开",
            "P-112:终端在范围内 否",
        ]
        assert at.world.car("v-112").engine_on
        assert not at.world.car("v-112").in_range


@pytest.mark.parametrize(
    ("begin", "end", "kind", "target"),
    [
        ("/v1/cabinets/A/slots/1/jam", "/v1/cabinets/A/slots/1/free", "latch_jammed", "A-01"),
        ("/v1/cabinets/A/boards/a1/off", "/v1/cabinets/A/boards/a1/on", "board_dead", "A/a1"),
        ("/v1/lines/a/cut", "/v1/lines/a/restore", "line_cut", "a"),
        ("/v1/lines/b/cut", "/v1/lines/b/restore", "tcp_refused", "b"),
    ],
)
async def test_trouble_begins_ends_and_is_a_fault(
    tmp_path: Path, begin: str, end: str, kind: str, target: str
) -> None:
    async with bench(tmp_path) as at:
        await at.post(end, expect=409)
        assert "fault_injected" in await at.kinds(begin)
        (fault,) = (await at.get("/v1/state"))["faults"]
        assert (fault["kind"], fault["target"], fault["until"]) == (kind, target, None)
        await at.post(begin, expect=409)
        assert "fault_cleared" in await at.kinds(end)
        assert (await at.get("/v1/state"))["faults"] == []


async def test_the_mains_of_one_cabinet_or_of_all(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        await at.post("/v1/mains/cut", {"cabinet": "B"})
        again = await at.post("/v1/mains/cut", {"cabinet": "B"}, expect=409)
        assert again["detail"] == "the mains are cut already"
        await at.post("/v1/mains/cut")
        assert [each["target"] for each in (await at.get("/v1/state"))["faults"]] == ["B", "A"]
        await at.post("/v1/mains/restore")
        assert (await at.get("/v1/state"))["faults"] == []
        await at.post("/v1/mains/restore", {"cabinet": "A"}, expect=409)


async def test_faults_are_listed_injected_met_and_cleared(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        kinds = {each["name"]: each for each in (await at.get("/v1/faults"))["kinds"]}
        assert kinds["latch_jammed"]["targets"][0] == "A-01"
        assert kinds["latch_jammed"]["text"] == {"en": "latch jammed", "zh-CN": "锁舌卡滞"}
        assert all(each["text"]["zh-CN"] != each["name"] for each in kinds.values())
        assert not {"process_killed", "disk_full", "clock_wrong"} & set(kinds)
        body = {"kind": "latch_jammed", "target": "A-01", "for_s": 600}
        injected = (await at.post("/v1/faults", body, expect=201))["fault"]
        assert injected["until"] == pytest.approx(injected["since"] + 600)
        at.station.hardware.board("A", "a1").handle(OPEN)
        await asyncio.sleep(0.3)
        assert not (await at.slot("A-01"))["unlocked"]
        assert (await at.get("/v1/faults"))["active"][0]["met"] >= 1
        logged = (await at.get("/v1/log"))["entries"]
        assert [each["kind"] for each in logged].count("fault_met") == 1
        await at.delete(f"/v1/faults/{injected['id']}")
        gone = await at.delete(f"/v1/faults/{injected['id']}", expect=404)
        assert gone["field"] == "active fault"


def test_every_kind_of_fault_has_a_chinese_name() -> None:
    assert list(FAULT_NAMES_ZH) == list(KINDS)


async def test_a_car_with_a_fault_may_be_named_by_its_fleet_number(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        found = await at.post("/v1/faults", {"kind": "lights_left_on", "target": "P-118"}, expect=201)
        assert found["fault"]["target"] == "v-118"


async def test_an_hour_passes_at_once_and_what_moves_by_itself_moves(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        at.station.hardware.board("A", "a1").handle(OPEN)
        await at.post("/v1/faults", {"kind": "lights_left_on", "target": "v-112"}, expect=201)
        passed = await at.post("/v1/time/advance", {"seconds": 3600})
        assert passed["clock"] == {"kind": "virtual", "can_advance": True, "at": pytest.approx(3600)}
        happened = [each["kind"] for each in passed["happened"]]
        assert happened[:3] == ["unlocked", "coil_off", "locked"]
        assert set(happened[3:]) == {"car_changed"}
        assert at.world.car("v-112").battery_v < 12.6


@pytest.mark.real_time
async def test_on_the_real_clock_time_cannot_be_hurried(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        assert (await at.get("/v1/state"))["clock"]["can_advance"] is False
        refused = await at.post("/v1/time/advance", {"seconds": 60}, expect=409)
        assert refused["codes"] == ["real_clock"]
        assert "motorpool simulate" in refused["detail"]


@pytest.mark.parametrize(
    ("path", "body", "known"),
    [
        ("/v1/sets/none/pull", None, ["P-112/1", "ks-118"]),
        ("/v1/sets/ks-118/put", {"cabinet": "Z", "slot": 1}, ["A", "B"]),
        ("/v1/cabinets/A/slots/9/jam", None, [str(slot) for slot in range(1, 9)]),
        ("/v1/cabinets/A/boards/x/off", None, ["a1"]),
        ("/v1/lines/z/cut", None, ["a", "b"]),
        ("/v1/mains/cut", {"cabinet": "Z"}, ["A", "B"]),
        ("/v1/cars/none/drive", {"km": 1}, ["v-112", "v-118"]),
        ("/v1/faults", {"kind": "line_cut", "target": "z"}, ["a"]),
        ("/v1/faults", {"kind": "lights_left_on", "target": "z"}, ["v-112", "v-118"]),
    ],
)
async def test_an_unknown_name_says_which_are_known(
    tmp_path: Path, path: str, body: dict[str, Any] | None, known: list[str]
) -> None:
    async with bench(tmp_path) as at:
        problem = await at.post(path, body, expect=404)
        assert (problem["codes"], problem["known"]) == (["unknown_name"], known)


async def test_an_unknown_kind_of_fault_says_which_are_known(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        problem = await at.post("/v1/faults", {"kind": "latch_jamed", "target": "A-01"}, expect=404)
        assert "latch_jammed" in problem["known"]
        outside = await at.post("/v1/faults", {"kind": "disk_full", "target": "station"}, expect=404)
        assert "disk_full" not in outside["known"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/cars/v-112/drive", {"km": -1}, "body.km"),
        ("/v1/cars/v-112/drive", {"km": "far"}, "body.km"),
        ("/v1/cars/v-112/drive", {"miles": 1}, "body.km"),
        ("/v1/cars/v-112/dtcs", {"code": "P9"}, "body.code"),
        ("/v1/sets/ks-118/put", {"cabinet": "A", "slot": 0}, "body.slot"),
        ("/v1/time/advance", {"seconds": 0}, "body.seconds"),
        ("/v1/faults", {"kind": "line_cut", "target": "a", "for_s": 0}, "body.for_s"),
    ],
)
async def test_a_value_that_is_not_allowed_is_named(
    tmp_path: Path, path: str, body: dict[str, Any], field: str
) -> None:
    async with bench(tmp_path) as at:
        problem = await at.post(path, body, expect=422)
        assert problem["field"] == field
        assert problem["allowed"]
        assert field in problem["text"]["zh-CN"]


async def test_only_this_machine_and_no_other_page_may_act(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        elsewhere = await at.http.get("/v1/state", headers={"Host": "bench.example:8090"})
        assert (elsewhere.status_code, elsewhere.json()["codes"]) == (421, ["misdirected"])
        for origin in ("http://evil.example", "http://127.0.0.1:9", "null"):
            page = await at.http.post("/v1/sets/ks-118/override", headers={"Origin": origin})
            assert (page.status_code, page.json()["codes"]) == (403, ["cross_site"])
        own = await at.http.post("/v1/sets/ks-118/override", headers={"Origin": "http://127.0.0.1:8090"})
        assert own.status_code == 200


async def test_with_a_token_only_who_bears_it(tmp_path: Path) -> None:
    async with bench(tmp_path, token="0123456789abcdef") as at:
        refused = await at.get("/v1/state", expect=401)
        assert refused["codes"] == ["unauthorized"]
        assert (await at.http.get("/")).status_code == 200
        bearer = {"Authorization": "Bearer 0123456789abcdef", "Host": "bench.example"}
        assert (await at.http.get("/v1/state", headers=bearer)).status_code == 200
        document = (await at.http.get("/openapi.json", headers=bearer)).json()
        assert document["security"] == [{"token": []}]


async def test_paths_methods_and_sizes_that_do_not_fit_are_problems(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        await at.get("/v1/nothing", expect=404)
        await at.get("/page/nothing.js", expect=404)
        assert (await at.get("/v1/time/advance", expect=405))["codes"] == ["method_not_allowed"]
        large = await at.http.post("/v1/time/advance", content=b"x" * 70_000)
        assert large.status_code == 413
        explained = await at.get("/problems")
        assert explained["world_refuses"]["status"] == 409


async def test_the_document_has_every_path_and_its_problems(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        document = await at.get("/openapi.json")
        assert document["openapi"].startswith("3.1")
        operations = [each for path in document["paths"].values() for each in path.values()]
        assert len(operations) >= 20
        for each in operations:
            assert "422" in each["responses"]
            assert each["responses"]["422"]["content"].keys() == {"application/problem+json"}
        assert not {"register", "coil"} & set(str(document).lower().split())


async def test_the_page_and_its_files_are_served_and_may_load_nothing_from_elsewhere(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        page = await at.http.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        for name in (
            "page.js",
            "view.js",
            "aside.js",
            "parts.js",
            "dom.js",
            "link.js",
            "words.js",
            "style.css",
            "icon.svg",
        ):
            found = await at.http.get(f"/page/{name}")
            assert found.status_code == 200, name
            text = found.text.replace("http://www.w3.org/", "")
            assert "http://" not in text.replace("http://host", "")
            assert "https://" not in text


def _cannot(at: Bench) -> list[str]:
    """Whatever the world refuses to a hand, in its own words."""
    world = at.world
    found = []
    for act in (
        lambda: world.open_door("B"),
        lambda: world.shut_door("B"),
        lambda: world.pull("P-112/1"),
        lambda: world.pull("ks-118"),
        lambda: world.put("P-112/1", "A", 2),
        lambda: (world.override("P-112/1"), world.override("P-112/1")),
        lambda: (world.force_door("B"), world.put("P-112/1", "B", 2)),
        lambda: world.force_door("B"),
        lambda: at.control.hand.open_door("A"),
    ):
        with pytest.raises(WorldError) as refused:
            act()
        found.append(str(refused.value))
    return found


async def test_every_refusal_of_the_world_has_chinese_words(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        for reason in _cannot(at):
            assert reason_zh(reason), reason
