"""`motorpool simulate --control`: what it prints, what it refuses, and that a signal stops it whoever waits."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket

import httpx
import pytest
from programs import MOTORPOOL, SITE, Program, running

pytestmark = pytest.mark.real_time

SIMULATE = (*MOTORPOOL, "simulate", str(SITE))


async def ended(program: Program) -> tuple[int | None, str]:
    async with asyncio.timeout(30):
        _, complaint = await program.process.communicate()
    return program.process.returncode, complaint.decode()


async def test_the_control_url_is_among_the_endpoints_and_a_signal_lets_go_of_whoever_waits() -> None:
    async with running(*SIMULATE, "--control", "0", "--json") as program:
        printed = json.loads(await program.says())
        endpoint = next(each for each in printed["endpoints"] if each["name"] == "control")
        assert endpoint == {"name": "control", "kind": "control API and page", "url": printed["control"]}
        async with httpx.AsyncClient(base_url=printed["control"], timeout=60) as http:
            waiting = asyncio.create_task(http.get("/v1/log?wait=60"))
            await http.get("/v1/state")
            program.process.send_signal(signal.SIGINT)
            assert (await waiting).json()["entries"] == []
            code, complaint = await ended(program)
    assert code == 0, complaint
    assert "Traceback" not in complaint


async def test_people_read_the_url_in_the_table() -> None:
    async with running(*SIMULATE, "--control", "0") as program:
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", await program.says())):
            pass
        async with httpx.AsyncClient(base_url=found[0]) as http:
            assert (await http.get("/")).status_code == 200
        program.process.terminate()
        await program.end()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--control", "70000"), "a port such as 8090"),
        (("--control", "yes"), "a port such as 8090"),
        (("--control", "0.0.0.0:0"), "only a loopback address without --control-token"),
        (("--control", "0.0.0.0:0", "--control-token", "short"), "at least 16 characters"),
    ],
)
async def test_bad_input_is_refused_with_what_is_allowed(options: tuple[str, ...], said: str) -> None:
    async with running(*SIMULATE, *options) as program:
        code, complaint = await ended(program)
    assert code == 2
    assert complaint.startswith("error: --control")
    assert said in complaint
    assert "Traceback" not in complaint


async def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with running(*SIMULATE, "--control", str(port)) as program:
            code, complaint = await ended(program)
    assert code == 1
    assert str(port) in complaint
    assert "Traceback" not in complaint
