"""Where a radio is, as a site file says it: `ble://` (this host's), `ble://hci1`, `esphome://10.8.4.21?key=...`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

ESPHOME_PORT = 6053
ALLOWED = "ble://, ble://hci1, or esphome://host[:port][?key=base64]"
_ADAPTER = re.compile(r"hci\d{1,2}")
_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")


class RadioUrlError(ValueError):
    """A radio's URL that cannot be used; the text says what is allowed."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is no radio; allowed are {ALLOWED}")


@dataclass(frozen=True, slots=True)
class RadioUrl:
    """A radio of this host (`adapter`, None for the default one) or an ESPHome Bluetooth proxy (`host`, `port`,
    `key`: the encryption key of its API)."""

    scheme: str
    adapter: str | None = None
    host: str = ""
    port: int = ESPHOME_PORT
    key: str | None = None

    @classmethod
    def parse(cls, text: str) -> RadioUrl:
        """Read a URL. Raises RadioUrlError."""
        try:
            parts = urlsplit(text)
            port = parts.port
            query = parse_qs(parts.query, strict_parsing=True, keep_blank_values=True) if parts.query else {}
        except ValueError:
            raise RadioUrlError(text) from None
        host = parts.hostname or ""
        if parts.path not in ("", "/") or parts.fragment or parts.username is not None:
            raise RadioUrlError(text)
        if parts.scheme == "ble" and not query and port is None and (not host or _ADAPTER.fullmatch(host)):
            return cls("ble", host or None)
        keys = [
            each.replace(" ", "+") for each in query.pop("key", [])
        ]  # a plus sign means a blank in a query
        if parts.scheme != "esphome" or not host or query or len(keys) > 1:
            raise RadioUrlError(text)
        if keys and not _KEY.fullmatch(keys[0]):
            raise RadioUrlError(text)
        return cls("esphome", None, host, port or ESPHOME_PORT, keys[0] if keys else None)
