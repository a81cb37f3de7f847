"""What a lab is put together from: each part says, as values, what it needs of the cluster."""
