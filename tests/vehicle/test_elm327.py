"""What adapters print around the data."""

from __future__ import annotations

import pytest

from vehicle.obd.elm327 import CommandError, Problem, ReplyStream, awaits_more, encode, read_reply
from vehicle.obd.frames import Fault, Framing, parse_answer


def test_commands_end_with_cr() -> None:
    assert encode("at z") == b"AT Z\r"


@pytest.mark.parametrize("command", ["01\r0D", "ATZ>", "é", "0" * 41])
def test_what_an_adapter_would_misread_is_not_sent(command: str) -> None:
    with pytest.raises(CommandError):
        encode(command)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"FB ERROR\r\r", Problem.FB_ERROR),
        (b"!ACT ALERT\r\r", Problem.ACT_ALERT),
        (b"LP ALERT\r\r", Problem.LP_ALERT),
        (b"LV RESET\r\r", Problem.LV_RESET),
        (b"ERR94\r\r", Problem.INTERNAL),
        (b"NODATA\r\r", Problem.NO_DATA),
        (b"SEARCHING...UNABLE TO CONNECT\r\r", Problem.UNABLE_TO_CONNECT),
        (b"SEARCHING...\rUNABLE TO CONNECT\r\r", Problem.UNABLE_TO_CONNECT),
        (b"7E8 06 41 00 BE 3FSTOPPED\r\r", Problem.STOPPED),
        (b"7E8 06 41 00 BE 3F B8 13\rBUFFER FULL\r\r", Problem.BUFFER_FULL),
        (b"7E8 06 41 00 BE 3F B8 13 <RX ERROR\r\r", Problem.RX_ERROR),
    ],
)
def test_problems(text: bytes, problem: Problem) -> None:
    reply = read_reply(text, "0100")
    assert reply.problem is problem
    assert reply.lines == ()


def test_a_marked_line_is_dropped_and_the_others_stay() -> None:
    reply = read_reply(b"7E9 06 41 00 80 <DATA ERROR\r7E8 06 41 00 BE 3F B8 13 \r\r", "0100")
    answer = parse_answer(reply, "0100", Framing.CAN11)
    assert [message.ecu for message in answer.messages] == ["7E8"]
    assert answer.faults == (Fault.CHECKSUM,)


def test_slow_init_then_data() -> None:
    reply = read_reply(b"BUS INIT: ...OK\r41 00 BE 3E B8 11 \r\r", "0100")
    assert reply.lines == ("41 00 BE 3E B8 11",)


def test_searching_on_the_line_of_the_data() -> None:
    reply = read_reply(b"SEARCHING...41 00 BE 3E B8 11 \r\r", "0100")
    assert reply.searched
    assert reply.lines == ("41 00 BE 3E B8 11",)


def test_zero_bytes_are_dropped() -> None:
    assert ReplyStream().feed(b"41\0 0C\0 1A F8\r\0>") == (b"41 0C 1A F8\r",)


def test_a_reply_that_is_too_long_is_a_problem_and_the_next_one_is_read() -> None:
    stream = ReplyStream()
    assert stream.feed(b"A" * 20_000) == ()
    first, second = stream.feed(b"A>OK\r>")
    assert read_reply(first).problem is Problem.TOO_LONG
    assert read_reply(second).lines == ("OK",)


def test_response_pending_shows_before_the_prompt() -> None:
    assert awaits_more(b"7E8 03 7F 09 78 \r", 9)
    assert not awaits_more(b"7E8 03 7F 09 78 \r", 3)


def test_pending_without_an_answer_is_no_answer() -> None:
    answer = parse_answer(read_reply(b"7E8 03 7F 09 78 \r\r", "0902"), "0902", Framing.CAN11)
    assert answer.messages == ()
    assert answer.waiting == ("7E8",)


def test_the_answer_to_another_request_is_not_taken() -> None:
    answer = parse_answer(read_reply(b"7E8 04 41 0C 1A F8\r\r", "010D"), "010D", Framing.CAN11)
    assert answer.messages == ()
    assert answer.faults == (Fault.UNEXPECTED,)


def test_headers_that_are_off_where_they_should_be_on_give_nothing() -> None:
    answer = parse_answer(read_reply(b"41 00 BE 1F B8 10 \r\r", "0100"), "0100", Framing.CAN11)
    assert answer.messages == ()


def test_two_counted_messages_with_headers_off() -> None:
    text = b"014\r0:490201314434\r1:47503030523535\r2:42313233343536\r" * 2
    answer = parse_answer(read_reply(text, "0902"), "0902", Framing.PLAIN)
    assert len(answer.messages) == 0 or answer.faults == ()


def test_a_request_must_be_hexadecimal() -> None:
    with pytest.raises(ValueError, match="at least a service"):
        parse_answer(read_reply(b"\r"), "", Framing.PLAIN)
