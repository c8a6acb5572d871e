"""Whoever knows only what `motorpool simulate` printed reads its cabinets and its cars, in any language."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from programs import MOTORPOOL, SITE, require, running

PROGRAM = str(Path(__file__).with_name("outside_program.py"))

pytestmark = [pytest.mark.real_time, pytest.mark.peer]


async def test_mbpoll_bleak_and_http_see_one_world() -> None:
    require("mbpoll", "mbpoll")
    require("dbus-daemon", "dbus")
    async with running(*MOTORPOOL, "simulate", str(SITE), "--json", "--control", "0") as simulate:
        printed = await simulate.says()
        async with running(sys.executable, "-I", PROGRAM) as outside:
            outside.tell(printed)
            (said,) = await outside.end()
    saw = json.loads(said)
    assert saw["inputs"] == [1, 1, 0, 0, 0, 0, 0, 0]  # hold key sets
    assert saw["adapter"].startswith("ATI\rELM327")
    assert saw["pulled_while_locked"] == 409
    assert saw["pulled"] == 200
    assert saw["inputs_after"] == [0, 1, 0, 0, 0, 0, 0, 0]
    (cabinet,) = [each for each in saw["state"]["cabinets"] if each["name"] == "A"]
    assert cabinet["slots"][0]["set"] is None
