"""What a lab's nodes may ask of AWS: to fence each other, and to move a floating address."""

from __future__ import annotations

import json

from labs.tables.cloud import LAB_TAG

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}

LOOKING = (
    "ec2:DescribeInstances",  # fence_aws: which instance a node is, whether it runs
    "ec2:DescribeRouteTables",  # aws-vpc-move-ip: where an address is
)
"""AWS knows no resources for these, so they cannot be limited to the lab."""

FENCING = ("ec2:StopInstances", "ec2:StartInstances")
"""fence_aws: off and on; a reboot is one after the other."""

MOVING = ("ec2:ReplaceRoute",)
"""aws-vpc-move-ip: the route to a floating address, which exists already, leads elsewhere."""


def trust() -> str:
    """Return who may take the role: instances."""
    return json.dumps(TRUST)


def policy(lab: str) -> str:
    """Return what nodes of a lab may do: look at everything, touch what is the lab's."""
    own = {"StringEquals": {f"aws:ResourceTag/{LAB_TAG}": lab}}
    statements = [
        {"Sid": "Look", "Effect": "Allow", "Action": LOOKING, "Resource": "*"},
        {
            "Sid": "Fence",
            "Effect": "Allow",
            "Action": FENCING,
            "Resource": "arn:aws:ec2:*:*:instance/*",
            "Condition": own,
        },
        {
            "Sid": "Move",
            "Effect": "Allow",
            "Action": MOVING,
            "Resource": "arn:aws:ec2:*:*:route-table/*",
            "Condition": own,
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
