"""Why python-OBD and our parser read some replies differently, and who is right."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason; `names` is a pattern for the names of the replies that it covers."""

    title: str
    right: str
    why: str
    names: str

    def covers(self, name: str) -> bool:
        return re.fullmatch(self.names, name) is not None


OURS = "this parser"
CAUSES = (
    Cause(
        "A VIN or a calibration loses characters at its ends",
        OURS,
        "python-OBD strips the characters `0`, `1`, `2`, `x` and the backslash from both ends, meant as "
        "padding bytes. ISO 3779 allows those digits there.",
        r"golden: VIN over ISO 9141, five frames with sums|"
        r"golden: response pending 78, then the VIN|"
        r"(drive|emulator \w+): 0902|0902, bus \d|0902 two units, bus \d|0902 after pending, bus [67]",
    ),
    Cause(
        "Several calibrations in one answer",
        OURS,
        "There may be several, of 16 characters each, after a count (SAE J1979, service 09, 04). python-OBD"
        " takes the first 16 bytes, and a count other than 1 or 2 for a character.",
        r"emulator car: 0904|0904 eight of them, bus \d",
    ),
    Cause(
        "A text that is too long for a VIN",
        OURS,
        "A VIN has 17 characters. python-OBD gives the first ones of a longer text; nothing says that they are the "
        "right ones.",
        r"golden: consecutive frame counter wraps from F to 0",
    ),
    Cause(
        "A frame is shorter or longer than it says, or than its parameter is",
        OURS,
        "python-OBD fills up with zeros and cuts on the right, and so makes a value of bytes that never "
        "arrived. Here the reading is absent, with its reason.",
        r"golden: malformed 29 bit frame.*|010C (shorter than it says|too long|too short), bus \d",
    ),
    Cause(
        "Frames of a text are missing at the end, or out of order",
        OURS,
        "python-OBD does not hold the bytes against the length of the first frame, and sorts frames by "
        "their number. ISO 15765-2 ends a message whose frames do not follow each other; on a legacy bus a "
        "text has 17 characters or is none.",
        r"0902 (the end lost|out of order), bus \d",
    ),
    Cause(
        "A list of codes does not fit its count",
        OURS,
        "On CAN a list begins with the number of its codes (ISO 15765-4). Fewer than counted, or half a "
        "code, is no list: the car may have codes that nobody saw. python-OBD reads what there is.",
        r"03 (fewer codes than counted|odd code), bus \d",
    ),
    Cause(
        "A refusal or an answer to something else is read as a value",
        OURS,
        "python-OBD looks neither at the service nor at the parameter of an answer: `7F 01 11`, service not"
        " supported, becomes 1088 rpm, and 55 km/h becomes 3520 rpm.",
        r"010C refused \d\d, bus \d|010C answers 010D, bus \d",
    ),
    Cause(
        "More time was asked for before the answer",
        OURS,
        "A control unit may say `7F`, service, `78` first (ISO 14229-1). python-OBD takes both frames for "
        "one message and drops them, except on CAN where the answer has several frames.",
        r"010C after pending, bus \d|0902 after pending, bus [23]",
    ),
    Cause(
        "The same answer twice",
        OURS,
        "Two single frames of one control unit are two answers. python-OBD takes them for one message and "
        "drops both.",
        r"010C twice, bus \d",
    ),
    Cause(
        "SEARCHING... on the line of the answer",
        OURS,
        "Clones print the answer behind it without a new line. python-OBD takes the whole line for a "
        "message of the adapter.",
        r"010C searching on the line, bus \d",
    ),
    Cause(
        "A wrong checksum on a legacy bus",
        OURS,
        "The adapter prints the checksum with headers on; the byte is CRC-8 (SAE J1850) or a sum (ISO "
        "9141-2). python-OBD throws it away unseen, counting on the adapter, which marks such lines unless "
        "a clone does not.",
        r"010C wrong checksum, bus \d",
    ),
    Cause(
        "A frame that no control unit sends",
        OURS,
        "Answers have the identifiers 7E8 to 7EF, or 18DAF1 and an address (ISO 15765-4, 6.3). This one is "
        "a tester's.",
        r"010C not from a car, bus \d",
    ),
    Cause(
        "Pending codes on a legacy bus",
        OURS,
        "A line of service 07 has the same form as one of service 03: three codes after the service. "
        "python-OBD knows that for 03 alone; of 07 it drops the first byte, and takes several lines for "
        "numbered ones.",
        r"07 (?!7 codes, bus [67]).*, bus [23]",
    ),
    Cause(
        "Letters in trouble codes",
        OURS,
        "SAE J2012 writes the digits A to F in capitals; so do workshops' lists.",
        r"0[37] 7 codes, bus [67]|03 7 codes, bus [23]|0102 (FF|7F|80FF|FE01|A55A)",
    ),
    Cause(
        "The freeze frame's code is 0000",
        OURS,
        "No code has stored a freeze frame (SAE J1979, 02). python-OBD makes it P0000, though in lists it "
        "leaves it out.",
        r"0102 00",
    ),
    Cause(
        "Evaporative system pressure, 32",
        OURS,
        "Two's complement of both bytes together. python-OBD takes the sign of each, so that a low byte "
        "from 80 on makes the value 64 Pa too small.",
        r"0132 .*",
    ),
    Cause(
        "Evaporative system pressure, wide, 54",
        OURS,
        "Two's complement, -32768 to 32767 Pa (SAE J1979, 54). python-OBD subtracts 32767 from an unsigned "
        "number, so that zero pressure reads as -32767 Pa.",
        r"0154 .*",
    ),
    Cause(
        "Voltage of wide-band oxygen sensors, 24 to 2B",
        OURS,
        "8 / 65536 V a bit. python-OBD divides by 65535: up to 0.12 mV more.",
        r"012[4-9AB] .*",
    ),
    Cause(
        "Commanded equivalence ratio, 44",
        OURS,
        "2 / 65536 a bit. python-OBD has the step rounded to 0.0000305: up to 0.06 % less.",
        r"(emulator \w+: )?0144( .*)?",
    ),
    Cause(
        "Power take-off, 1E",
        OURS,
        "Bit 0 of the byte (SAE J1979, 1E). python-OBD looks at bit 7.",
        r"011E .*",
    ),
    Cause(
        "A self-test that python-OBD does not know",
        OURS,
        "Bit 4 of the third byte of a petrol engine: refrigerant, in newer editions the particulate filter.",
        r"01[04]1 FE01",
    ),
    Cause(
        "Numbers that stand for words which python-OBD does not have",
        OURS,
        "03: 0 is an engine that is off. 1C: 34 and 35 are in SAE J1979-DA.",
        r"(emulator \w+: )?0103( 00)?|011C 2[23]",
    ),
    Cause(
        "A number that stands for no word",
        OURS,
        "Absent here; python-OBD raises an IndexError.",
        r"0112 [28]0",
    ),
    Cause(
        "Parameters that python-OBD names and does not decode",
        OURS,
        "4F and 5F have a command there, whose decoder drops every answer.",
        r"01[45]F .*",
    ),
)
