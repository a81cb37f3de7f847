"""The inventory: the one thing that crosses from machines to software."""
