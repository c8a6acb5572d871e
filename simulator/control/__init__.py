"""Control of a simulated station over HTTP, and a page for it. Needs the `api` extra (FastAPI, uvicorn)."""

from simulator.control.app import create_app
from simulator.control.clock import CannotAdvance, ClockKind, FastForwardLoop
from simulator.control.hand import Hand
from simulator.control.server import Exposed, controlled, serving

__all__ = [
    "CannotAdvance",
    "ClockKind",
    "Exposed",
    "FastForwardLoop",
    "Hand",
    "controlled",
    "create_app",
    "serving",
]
