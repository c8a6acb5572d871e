"""The shortest scenario that has crash points."""

START_ALONE = """
title = "A start"
days = 0.01
[station]
cabinets = 1
slots = 8
cars = 1
officers = 2
terminals = 0
[[board]]
every_set = "in_slot"
"""
