"""How the judge rules on each question, one module for what it asks about. Pure.

A rule answers None when nobody could tell; one that raises ValueError or KeyError could not either.
"""
