"""What agents run of a resource, whatever it is made of."""

from __future__ import annotations

from parts.cluster import Clone, Group, Primitive, Resource


def agents(resource: Resource) -> tuple[Primitive, ...]:
    """Return what agents run of it on one node, in the order of their start."""
    match resource:
        case Clone(cloned=cloned):
            return agents(cloned)
        case Group(members=members):
            return members
        case Primitive():
            return (resource,)
