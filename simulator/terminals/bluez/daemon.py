"""A D-Bus of our own: `dbus-daemon` with a configuration and a socket that nobody else uses."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import escape

VARIABLE = "DBUS_SYSTEM_BUS_ADDRESS"
"""The environment variable that points a BLE program to a bus."""
PROGRAM = "dbus-daemon"
START_S = 10.0

_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={directory}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
# The shell holds a pipe of ours: when this process is gone, however it died, so are the daemon and its directory.
_LEASH = '"$@" & daemon=$!; exec >&-; read -r _; kill $daemon; wait $daemon; rm -rf -- "$0"'


def missing() -> str | None:
    """What this host lacks to have such a bus, in a sentence; None if nothing."""
    if sys.platform != "linux":
        return "the D-Bus service needs Linux"
    if find_spec("dbus_fast") is None:
        return "the D-Bus service needs dbus-fast (pip install 'motorpool[simulator]')"
    if shutil.which(PROGRAM) is None:
        return "the D-Bus service needs dbus-daemon (Debian package dbus)"
    return None


class PrivateBus:
    """A message bus for programs of this user; root may use it too, as everything."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """Start it and return its address. Raises OSError with what the daemon said."""
        configuration = await asyncio.get_running_loop().run_in_executor(None, _prepare)
        daemon = (PROGRAM, f"--config-file={configuration}", "--nofork", "--nopidfile", "--print-address=1")
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *("sh", "-c", _LEASH, str(configuration.parent), *daemon),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,  # Ctrl-C is for us, who end the daemon last
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                address = (await self._process.stdout.readline()).decode().strip()
        except TimeoutError:
            address = ""
        if not address:
            said = await self.stop()
            raise OSError(f"dbus-daemon did not start: {said or f'no address within {START_S:g} s'}")
        return address

    async def stop(self) -> str:
        """Stop it, and return what it said on standard error."""
        process, self._process = self._process, None
        if process is None:
            return ""
        _, said = await process.communicate(b"\n")
        return said.decode(errors="replace").strip()


def _prepare() -> Path:
    """The configuration, in a directory that only this user may enter and that will hold the socket."""
    directory = Path(tempfile.mkdtemp(prefix="motorpool-dbus-"))
    configuration = directory / "bus.conf"
    configuration.write_text(_CONFIGURATION.format(directory=escape(str(directory))), encoding="utf-8")
    return configuration
