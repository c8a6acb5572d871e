"""Runs a file of examples: those of cabinets through `keycabinet`, those of vehicles through `vehicle`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from keycabinet.vectors import BAD, Failure, Tally, Vector, run_vectors
from vehicle.decoding import PROTOCOLS, TextProtocol
from vehicle.obd.examples import Example


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file; `compared` counts, by protocol, the values that were held against what examples say."""

    tallies: tuple[Tally, ...]
    failures: tuple[Failure, ...]
    compared: dict[str, int]

    def rows(self) -> Iterator[tuple[str, int, int, int, int, int]]:
        """Protocol, passed, rebuilt, compared, failed, unknown."""
        for each in self.tallies:
            compared = self.compared.get(each.protocol, 0)
            yield each.protocol, each.passed, each.rebuilt, compared, each.failed, each.unknown

    def as_json(self) -> dict[str, Any]:
        names = ("passed", "rebuilt", "compared", "failed", "not_known")
        return {
            "protocols": {
                protocol: dict(zip(names, counts, strict=True)) for protocol, *counts in self.rows()
            },
            "failures": [
                {"protocol": each.protocol, "name": each.name, "reason": each.reason}
                for each in self.failures
            ],
        }


def judge(vectors: Sequence[Vector]) -> Outcome:
    """Judge every entry; protocols in the order in which they first appear."""
    cabinets = run_vectors(each for each in vectors if each.protocol not in PROTOCOLS)
    tallies = {each.protocol: each for each in cabinets.tallies}
    failures, compared = list(cabinets.failures), {}
    for name in dict.fromkeys(each.protocol for each in vectors if each.protocol in PROTOCOLS):
        own = [each for each in vectors if each.protocol == name]
        tallies[name], failed, compared[name] = _judge_texts(PROTOCOLS[name], own)
        failures += failed
    order = dict.fromkeys(each.protocol for each in vectors)
    return Outcome(tuple(tallies[name] for name in order), tuple(failures), compared)


def _judge_texts(protocol: TextProtocol, vectors: Sequence[Vector]) -> tuple[Tally, list[Failure], int]:
    failures, compared, rebuilt = [], 0, 0
    for each in vectors:
        example = Example(each.name, each.request, each.reply, each.decoded)
        reason: str | None = None
        try:
            compared += protocol.check(example)
        except ValueError as error:
            reason = str(error)
        if each.kind == BAD:
            reason = "a reply that is published as wrong was accepted" if reason is None else None
        if reason is None:
            rebuilt += bool(each.request)
        else:
            failures.append(Failure(protocol.name, each.name, reason))
    passed = len(vectors) - len(failures)
    return Tally(protocol.name, passed, len(failures), 0, rebuilt), failures, compared
