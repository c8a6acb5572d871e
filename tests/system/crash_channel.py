"""How the test talks to its processes: one question, one answer, over a pipe that ends when the process does."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any

ANSWER_WITHIN_S = 60.0

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["pytest", "lifecycle", "keycabinet.serial_link", "simulator.station"])


class Killed(Exception):
    """The process died before it answered."""


class Peer:
    """A process of its own, running `main(connection, *arguments)`, and the pipe to it."""

    def __init__(self, main: Callable[..., None], *arguments: Any) -> None:
        self._pipe, theirs = _processes.Pipe()
        self._process = _processes.Process(target=main, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()
        self.alive = True

    def hear(self) -> Any:
        """The next answer. Raises Killed, TimeoutError; what the process raised is raised here as RuntimeError."""
        if not self._pipe.poll(ANSWER_WITHIN_S):
            raise TimeoutError(f"no answer within {ANSWER_WITHIN_S:g} s")
        try:
            answer, error = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            raise Killed from None
        if error is not None:
            raise RuntimeError(error)
        return answer

    def ask(self, verb: str, *arguments: Any) -> Any:
        """Have the process do something, and hear what came of it."""
        try:
            self._pipe.send((verb, arguments))
        except (BrokenPipeError, ConnectionResetError):
            raise Killed from None
        return self.hear()

    def dies(self) -> int:
        """Wait for the end of the process; its exit code (-9: SIGKILL)."""
        while True:
            try:
                self.hear()
            except Killed:
                break
        return self._end()

    def kill(self) -> int:
        """SIGKILL from outside."""
        self._process.kill()
        return self._end()

    def shut(self) -> int:
        """Close the pipe, which has the process end by itself."""
        self._pipe.close()
        return self._end()

    def _end(self) -> int:
        self.alive = False
        self._process.join(ANSWER_WITHIN_S)
        code = self._process.exitcode
        assert code is not None
        self._pipe.close()
        self._process.close()
        return code


class Desk:
    """The process's end of the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def answer(self, value: Any, error: str | None = None) -> None:
        self._pipe.send((value, error))

    async def serve(self, verbs: Callable[[str], Callable[..., Awaitable[Any]]]) -> None:
        """Answer questions, one after another, until the test closes the pipe."""
        loop = asyncio.get_running_loop()
        asked: asyncio.Queue[tuple[str, tuple[Any, ...]] | None] = asyncio.Queue()

        def readable() -> None:
            try:
                asked.put_nowait(self._pipe.recv())
            except (EOFError, ConnectionResetError):
                loop.remove_reader(self._pipe.fileno())
                asked.put_nowait(None)

        loop.add_reader(self._pipe.fileno(), readable)
        while (question := await asked.get()) is not None:
            verb, arguments = question
            try:
                self.answer(await verbs(verb)(*arguments))
            except Exception as error:  # noqa: BLE001 - it belongs to who asked
                self.answer(None, f"{verb}: {type(error).__name__}: {error}")
