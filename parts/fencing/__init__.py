"""How the cluster makes sure that a lost node does nothing any more."""
