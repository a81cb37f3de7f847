"""A cloud on this machine: a server that answers in AWS's stead, and guests for its instances.

moto 5.2.5 keeps the books, mended where it has gaps. It is lenient: it takes addresses, zones and
groups that AWS refuses, knows no quotas, and everything is there at once. That a lab fits into
AWS, `labs/tables/cloud.py` checks. By itself it makes nothing; with a lab's folder, all that the
books say comes true in the lab's private hypervisor.
"""
