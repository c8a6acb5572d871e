"""What happened, and why something cannot be done, in words for people: English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulator.control.fault_words import FAULT_NAMES_ZH
from simulator.model import DOOR, Bolt, Change


@dataclass(frozen=True, slots=True)
class Text:
    """The same in both languages."""

    en: str
    zh: str

    def as_json(self) -> dict[str, str]:
        """As the HTTP interface gives it."""
        return {"en": self.en, "zh-CN": self.zh}


def slot_label(cabinet: str, slot: int) -> str:
    """A slot's name as it is printed beside it: "A-07"."""
    return f"{cabinet}-{slot:02d}"


_Names = Mapping[str, str]
_TROUBLES = {Bolt.JAMMED.value: ("jammed", "卡滞"), Bolt.WELDED.value: ("welded open", "粘连常开")}
_ON_OFF, _YES_NO = (Text("on", "开"), Text("off", "关")), (Text("yes", "是"), Text("no", "否"))
_NONE = Text("none", "无")
_CAR_FIELDS: Mapping[str, tuple[Text, str | tuple[Text, Text]]] = {
    "odometer_km": (Text("odometer", "里程表"), " km"),
    "fuel_percent": (Text("fuel", "油量"), " %"),
    "battery_v": (Text("battery", "蓄电池"), " V"),
    "engine_on": (Text("engine", "发动机"), _ON_OFF),
    "stored_dtcs": (Text("stored codes", "已存故障码"), ""),
    "pending_dtcs": (Text("pending codes", "待定故障码"), ""),
    "distance_since_clear_km": (Text("distance since codes were cleared", "清码后行驶里程"), " km"),
    "in_range": (Text("terminal in range", "终端在范围内"), _YES_NO),
    "lights_on": (Text("lights", "车灯"), _ON_OFF),
    "doors_open": (Text("a door open", "车门未关"), _YES_NO),
    "doors_locked": (Text("doors locked", "车门已锁"), _YES_NO),
    "restart_blocked": (Text("immobilised", "禁止启动"), _YES_NO),
    "speed_kmh": (Text("speed", "车速"), " km/h"),
}


def _place(details: tuple[str | int, ...]) -> Text:
    cabinet, slot = str(details[0]), int(details[1])
    if slot == DOOR:
        return Text(f"door of cabinet {cabinet}", f"{cabinet} 柜柜门")
    return Text(f"slot {slot_label(cabinet, slot)}", f"钥匙位 {slot_label(cabinet, slot)}")


def _about_slot(en: str, zh: str) -> Callable[[Change, _Names], Text]:
    """Sentences with {where} and, where a set is concerned, {set}."""

    def say(change: Change, names: _Names) -> Text:
        where = _place(change.details)
        about = str(change.details[2]) if len(change.details) > 2 else ""
        shown = f"{about} ({names[about]})" if about in names else about
        return Text(en.format(where=where.en, set=shown), zh.format(where=where.zh, set=shown))

    return say


def _about_door(en: str, zh: str) -> Callable[[Change, _Names], Text]:
    def say(change: Change, names: _Names) -> Text:
        return Text(en.format(change.details[0]), zh.format(change.details[0]))

    return say


def _lamp(change: Change, names: _Names) -> Text:
    where, on = _place(change.details), bool(change.details[2])
    return Text(f"{where.en}: lamp {'on' if on else 'off'}", f"{where.zh}:指示灯{'亮' if on else '灭'}")


def _bolt_stuck(change: Change, names: _Names) -> Text:
    where = _place(change.details)
    en, zh = _TROUBLES.get(str(change.details[2]), ("too slow for the pulse", "脉冲过短未动作"))
    return Text(f"{where.en}: the bolt is {en}", f"{where.zh}:锁舌{zh}")


def _board_power(change: Change, names: _Names) -> Text:
    cabinet, board, on = change.details
    return Text(
        f"board {board} of cabinet {cabinet} has {'its supply back' if on else 'no supply'}",
        f"{cabinet} 柜锁控板 {board} {'恢复供电' if on else '断电'}",
    )


def _mains(change: Change, names: _Names) -> Text:
    cabinet, on = change.details
    return Text(
        f"mains of cabinet {cabinet} {'on' if on else 'off'}", f"{cabinet} 柜市电{'恢复' if on else '中断'}"
    )


def _car_changed(change: Change, names: _Names) -> Text:
    car, name, value = (str(each) for each in change.details)
    field, unit = _CAR_FIELDS.get(name, (Text(name, name), ""))
    if isinstance(unit, tuple):
        said = unit[value != "True"]
    else:
        said = Text(_short(value) + unit, _short(value) + unit) if value else _NONE
    shown = names.get(car, car)
    return Text(f"{shown}: {field.en} {said.en}", f"{shown}:{field.zh} {said.zh}")


def _short(value: str) -> str:
    try:
        return f"{float(value):.1f}"
    except ValueError:
        return value


def _fault(en: str, zh: str) -> Callable[[Change, _Names], Text]:
    def say(change: Change, names: _Names) -> Text:
        kind, target = (str(each) for each in change.details[:2])
        name, shown = fault_name(kind), names.get(target, target)
        return Text(f"fault {en}: {name.en}, {shown}", f"故障{zh}:{name.zh},{shown}")

    return say


def fault_name(kind: str) -> Text:
    """A kind of fault, briefly."""
    return Text(kind.replace("_", " "), FAULT_NAMES_ZH.get(kind, kind))


_SAY: Mapping[str, Callable[[Change, _Names], Text]] = {
    "coil_on": _about_slot("{where}: solenoid energised", "{where}:电磁锁通电"),
    "coil_off": _about_slot("{where}: solenoid off after {set} ms", "{where}:电磁锁断电,历时 {set} 毫秒"),
    "unlocked": _about_slot("{where} unlocked", "{where} 开锁"),
    "locked": _about_slot("{where} locked", "{where} 上锁"),
    "lamp": _lamp,
    "bolt_stuck": _bolt_stuck,
    "pulled": _about_slot("set {set} pulled from {where}", "钥匙串 {set} 从{where} 取出"),
    "put": _about_slot("set {set} put into {where}", "钥匙串 {set} 放入{where}"),
    "overridden": _about_slot(
        "set {set} taken from {where} with the override key", "机械应急开启:钥匙串 {set} 从{where} 取出"
    ),
    "put_by_override": _about_slot(
        "set {set} put into {where} with the override key", "机械应急开启:钥匙串 {set} 放入{where}"
    ),
    "pull_failed": _about_slot("set {set} does not come out of {where}", "钥匙串 {set} 无法从{where} 取出"),
    "door_opened": _about_door("door of cabinet {} opened", "{} 柜柜门打开"),
    "door_forced": _about_door("door of cabinet {} forced", "{} 柜柜门被强行打开"),
    "door_shut": _about_door("door of cabinet {} shut", "{} 柜柜门关闭"),
    "door_ajar": _about_door("door of cabinet {} seems shut and is ajar", "{} 柜柜门虚掩"),
    "door_left_open": _about_door("door of cabinet {} left open", "{} 柜柜门未关"),
    "board_power": _board_power,
    "mains": _mains,
    "car_changed": _car_changed,
    "fault_injected": _fault("injected", "注入"),
    "fault_met": _fault("met", "显现"),
    "fault_cleared": _fault("cleared", "清除"),
}


def sentence(change: Change, names: Mapping[str, str]) -> Text:
    """What happened. `names` are the fleet numbers of sets and cars by id; a kind without words is shown as it is."""
    say = _SAY.get(change.kind)
    if say is None:
        plain = " ".join((change.kind.replace("_", " "), *(str(each) for each in change.details)))
        return Text(plain, plain)
    return say(change, names)


_REASONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(english), chinese)
    for english, chinese in (
        (r"the door of cabinet (\S+) is locked", r"\1 柜柜门已上锁"),
        (r"the door of cabinet (\S+) is shut", r"\1 柜柜门关着"),
        (r"the door of cabinet (\S+) is open", r"\1 柜柜门开着"),
        (r"cabinet (\S+) has no open door", r"\1 柜没有打开的柜门"),
        (r"cabinet (\S+) has no door", r"\1 柜没有柜门"),
        (r"slot (\d+) of cabinet (\S+) holds set (.+)", r"\2 柜 \1 号钥匙位锁住了钥匙串 \3"),
        (r"slot (\d+) of cabinet (\S+) holds (.+)", r"\2 柜 \1 号钥匙位已有 \3"),
        (r"slot (\d+) of cabinet (\S+) has no bolt of its own", r"\2 柜 \1 号钥匙位没有独立锁舌"),
        (r"set (.+) hangs in a cabinet already", r"钥匙串 \1 已在柜中"),
        (r"set (.+) hangs in no cabinet", r"钥匙串 \1 不在柜中"),
        (r"car (\S+) does not start: it is immobilised", r"车辆 \1 已禁止启动,无法发动"),
    )
)


def reason_zh(english: str) -> str | None:
    """A reason of the world in Chinese; None for one that has no words."""
    for pattern, chinese in _REASONS:
        found = pattern.fullmatch(english)
        if found:
            return found.expand(chinese)
    return None
