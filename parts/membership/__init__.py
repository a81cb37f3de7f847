"""Who belongs to the cluster, and how they hear of each other."""
