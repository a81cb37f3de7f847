"""What machines print, read into types. Monitoring's collector runs this on the nodes, too."""
