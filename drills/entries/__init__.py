"""The catalogue's entries, one module for each part of a lab that can be hurt."""
