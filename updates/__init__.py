"""Rolling updates: one node after the other, while the service is served by the rest."""
