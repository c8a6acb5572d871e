"""docs/simulator.md names every request of the control API, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from control_station import bench

DOCUMENT = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


async def test_the_document_lists_every_request(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        paths = (await at.get("/openapi.json"))["paths"]
    offered = sorted(
        (method.upper(), path.replace(":path}", "}")) for path, methods in paths.items() for method in methods
    )
    assert sorted(re.findall(r"^\| `([A-Z]+) (/v1\S+)` \|", DOCUMENT, flags=re.MULTILINE)) == offered
