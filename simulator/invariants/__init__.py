"""The invariants of the architecture, I1 to I8, held against the world's truth after every step.

What the station believes is not asked: checks read the ledger's file after each commit and listen to the world.
"""

from simulator.invariants.ground import WITHIN_S, Violation
from simulator.invariants.watch import INVARIANTS, Invariants

__all__ = ["INVARIANTS", "WITHIN_S", "Invariants", "Violation"]
