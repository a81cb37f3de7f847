"""Breaking a lab on purpose: faults with their undo, a client outside, evidence and verdicts."""
