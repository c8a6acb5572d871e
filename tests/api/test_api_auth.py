"""Who is let through, and where a station may listen."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse

from api.auth import Guard, check_exposure, is_loopback, parse_listen
from lifecycle.errors import InvalidRequest

TOKEN = "correct-horse-battery"


async def ask(token: str | None, *, host: str = "127.0.0.1:8080", **headers: str) -> httpx.Response:
    guard = Guard(PlainTextResponse("in"), token)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://127.0.0.1") as client:
        return await client.get("/v1/health", headers={"host": host, **headers})


@pytest.mark.parametrize("given", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer  {TOKEN} "])
async def test_the_right_token_is_let_in_from_anywhere(given: str) -> None:
    assert (await ask(TOKEN, host="station-04", authorization=given)).text == "in"


@pytest.mark.parametrize("given", ["", "Bearer", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer é"])
async def test_anything_else_is_not(given: str) -> None:
    found = await ask(TOKEN, authorization=given.encode("latin-1"))  # type: ignore[arg-type]
    assert found.status_code == 401
    assert found.headers["www-authenticate"].startswith("Bearer")
    assert found.json()["type"] == "/problems/unauthorized"


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:80", "[::1]:8080", "127.8.0.1"])
async def test_without_a_token_local_names_are_answered(host: str) -> None:
    assert (await ask(None, host=host)).text == "in"


@pytest.mark.parametrize(
    "host", ["station-04", "evil.example:8080", "10.0.0.1", "", "[", "localhost.evil.example"]
)
async def test_without_a_token_no_other_name_is(host: str) -> None:
    found = await ask(None, host=host)
    assert found.status_code == 421
    assert found.json()["type"] == "/problems/misdirected"


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:80", ("localhost", 80)),
        ("0.0.0.0:8080", ("0.0.0.0", 8080)),
    ],
)
def test_where_to_listen(listen: str, expected: tuple[str, int]) -> None:
    assert parse_listen(listen) == expected


@pytest.mark.parametrize(
    "listen", ["", "8080", ":8080", "host", "host:", "host:99999", "a@b:1", "host:80/x", "[::1:80"]
)
def test_where_one_cannot_listen(listen: str) -> None:
    with pytest.raises(InvalidRequest, match="host:port"):
        parse_listen(listen)


def test_another_address_needs_a_token() -> None:
    check_exposure("127.0.0.1", None)
    check_exposure("0.0.0.0", TOKEN)
    for host in ("0.0.0.0", "::", "10.0.0.1", "station-04"):
        assert not is_loopback(host)
        with pytest.raises(InvalidRequest, match=r"http\.token"):
            check_exposure(host, None)
