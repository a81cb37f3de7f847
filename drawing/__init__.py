"""Draws a lab from its definition: for a terminal, and as a picture."""
