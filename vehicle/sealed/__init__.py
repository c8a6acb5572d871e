"""The sealed terminal: lock, unlock, immobilise, mobilise and read under grants; see docs/sealed-terminal.md.

Needs the `sealed` extra.
"""
