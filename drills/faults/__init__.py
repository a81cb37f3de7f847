"""Faults, one module a kind. Each heals what it broke, and only that, in every case.

The management network is never touched: it is how everything is healed.
"""
