"""A server on this machine that answers in AWS's stead: moto 5.2.5, mended where it has gaps.

It is lenient: it takes addresses, zones and groups that AWS refuses, knows no quotas and no
permissions, and everything is there at once. That a lab fits into AWS, `labs/cloud.py` checks.
"""
