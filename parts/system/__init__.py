"""What every machine needs, whatever the cluster is made of."""
