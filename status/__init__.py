"""Reads a running lab and judges whether it is healthy. It never changes anything."""
