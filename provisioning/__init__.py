"""Software on the machines of an inventory: packages, configuration, first start; no Pulumi."""
