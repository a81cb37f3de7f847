"""Machines over ssh: commands, connections through them, and their clocks."""
