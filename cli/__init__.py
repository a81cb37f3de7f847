"""The commands a person types, one module each; the only place that prints errors."""
