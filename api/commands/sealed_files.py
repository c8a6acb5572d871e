"""The files that the commands about sealed terminals read and write: keys, grants, lists, pinned terminals."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from lifecycle.errors import InvalidRequest
from vehicle import TerminalConfig
from vehicle.sealed.keys import Authority, AuthorityKey, BadKey, PrivateKey, PublicKey, public_from_pem

from .output import BAD_INPUT, Stopped


@dataclass(frozen=True, slots=True)
class Pin:
    """A terminal that was enrolled: whose it is, and the key it must prove."""

    address: str
    vehicle: str
    key: str


def default_pins() -> Path:
    """One place a user: XDG Base Directory Specification, state files."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "motorpool" / "terminals.json"


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises Stopped."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Stopped(f"cannot read {path}: {error.strerror}", BAD_INPUT) from error


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet. Raises Stopped."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise Stopped(f"{path} is there already; nothing is overwritten", BAD_INPUT) from error
    except OSError as error:
        raise Stopped(f"cannot write {path}: {error.strerror}") from error


def authority(path: Path) -> Authority:
    """The authority's private key. Raises InvalidRequest."""
    try:
        return Authority.from_pem(read_bytes(path))
    except BadKey as error:
        raise InvalidRequest("--authority", str(path), str(error)) from error


def authority_public(path: Path) -> AuthorityKey:
    """The authority's public key, also from its private one. Raises InvalidRequest."""
    found = _public("--authority", path)
    if not isinstance(found, AuthorityKey):
        raise InvalidRequest("--authority", str(path), "an Ed25519 key")
    return found


def holder(path: Path) -> PrivateKey:
    """A holder's private key. Raises InvalidRequest."""
    try:
        return PrivateKey.from_pem(read_bytes(path))
    except BadKey as error:
        raise InvalidRequest("--holder", str(path), str(error)) from error


def holder_public(path: Path) -> PublicKey:
    """A holder's public key, also from its private one. Raises InvalidRequest."""
    found = _public("--holder", path)
    if not isinstance(found, PublicKey):
        raise InvalidRequest("--holder", str(path), "a key of the curve P-256")
    return found


def _public(option: str, path: Path) -> PublicKey | AuthorityKey:
    try:
        return public_from_pem(read_bytes(path))
    except BadKey as error:
        raise InvalidRequest(option, str(path), str(error)) from error


def load_pins(path: Path) -> dict[str, Pin]:
    """The pinned terminals by address; none if there is no file. Raises Stopped."""
    if not path.exists():
        return {}
    try:
        pins = [Pin(**each) for each in json.loads(read_bytes(path))]
        for each in pins:
            TerminalConfig(kind="sealed", address=each.address, key=each.key)
        return {each.address: each for each in pins}
    except (ValueError, TypeError, KeyError) as error:
        raise Stopped(f"{path} is no file of pinned terminals: {error}", BAD_INPUT) from error


def pin(path: Path, entry: Pin) -> None:
    """Keep a terminal's key, in place of an older one. Raises Stopped."""
    pins = {**load_pins(path), entry.address: entry}
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(
            json.dumps([asdict(each) for each in pins.values()], indent=1) + "\n", encoding="utf-8"
        )
        fresh.replace(path)
    except OSError as error:
        raise Stopped(f"cannot write {path}: {error.strerror}; the key is {entry.key}") from error
