"""Proof that halab does what it says: unit, state of a running lab, failover."""
