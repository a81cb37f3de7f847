"""Who is told what happens in the cluster."""
