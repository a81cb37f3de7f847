"""Stories: something breaks, the lab survives it, and the data proves it."""
