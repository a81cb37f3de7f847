"""Storage that services keep their data on."""
