"""What clients are served with."""
