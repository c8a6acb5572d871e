"""Kinds of fault in Chinese, briefly; in English their names speak for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FAULT_NAMES_ZH: Mapping[str, str] = MappingProxyType(
    {
        "pulse_too_short": "电磁锁无力,脉冲过短",
        "latch_jammed": "锁舌卡滞",
        "latch_welded_open": "锁舌粘连常开",
        "override_used": "有人用机械应急开启取走钥匙",
        "key_switch_bounces": "在位开关抖动",
        "key_switch_stuck_present": "在位开关常报在位",
        "key_switch_stuck_absent": "在位开关常报不在位",
        "key_wire_broken": "在位开关断线",
        "set_half_seated": "钥匙串未插到位",
        "door_ajar": "柜门虚掩",
        "door_contact_broken": "门磁断线",
        "door_forced": "柜门被强行打开",
        "door_left_open": "柜门未关",
        "mains_off": "市电中断,电池供电",
        "battery_empty": "市电中断且电池耗尽",
        "board_dead": "锁控板无应答",
        "board_slow": "锁控板应答迟缓",
        "board_swallows_frames": "锁控板漏收紧邻的帧",
        "board_reset_to_factory": "锁控板恢复出厂设置",
        "board_answers_exceptions": "锁控板应答异常码",
        "address_taken_twice": "地址重复",
        "line_noise": "线路噪声",
        "frames_corrupted": "帧误码",
        "line_echoes": "线路回显",
        "line_cut": "线路断开",
        "serial_unplugged": "串口适配器被拔出",
        "tcp_cut": "TCP 连接被重置",
        "tcp_half_open": "TCP 连接半开",
        "tcp_slow": "网络缓慢",
        "tcp_refused": "网关拒绝连接",
        "gateway_restarted": "网关重启",
        "radio_out_of_range": "终端超出范围",
        "radio_drops_mid_write": "写入时连接中断",
        "radio_advertises_slowly": "终端广播过慢",
        "radio_connected_elsewhere": "终端被其他手机连接",
        "radio_link_slow": "无线连接缓慢",
        "adapter_no_data": "适配器报 NO DATA",
        "adapter_stopped": "适配器报 STOPPED",
        "adapter_truncates": "适配器丢失末帧",
        "adapter_silent": "适配器无响应",
        "adapter_garbage": "适配器输出乱码",
        "adapter_lv_reset": "适配器欠压复位",
        "car_battery_drains": "车辆蓄电池老化",
        "adapter_left_awake": "适配器未休眠",
        "lights_left_on": "车灯未关",
        "car_doors_left_open": "车门未关",
        "dtc_appears": "出现故障码",
    }
)
