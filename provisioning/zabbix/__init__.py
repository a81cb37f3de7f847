"""Monitoring: Zabbix's server on the monitor, its agents everywhere, and what they watch."""
