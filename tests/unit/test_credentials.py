"""The policy for whoever runs halab: it is in the documentation, and what halab asks for is in it.

After a change that is meant: `HALAB_GOLDEN=write python -m pytest tests/unit/test_credentials.py`.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator

import pytest

from core.folders import PROJECT
from infra.credentials import RIGHTS, policy

WRITTEN = PROJECT / "docs/aws-policy.json"

ASKING = re.compile(
    "(describe|list|get|create|attach|detach|start|stop|delete|release|disassociate|revoke|"
    "remove|terminate)_[a-z_]+"
)
"""How boto3 calls requests of EC2 and IAM."""

MOST_LETTERS = 6144
"""What IAM takes for a policy of an account, without blanks (IAM user guide, quotas)."""


def asked() -> Iterator[str]:
    """Return what halab itself asks AWS for, as AWS calls it; Pulumi's provider asks for more."""
    for path in (*PROJECT.glob("infra/aws_*.py"), PROJECT / "infra/console_key.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        for words in (node.value for node in nodes if isinstance(node, ast.Constant)):
            if isinstance(words, str) and ASKING.fullmatch(words):
                yield "".join(word.capitalize() for word in words.split("_"))


def test_it_is_the_one_in_the_documentation() -> None:
    if os.environ.get("HALAB_GOLDEN") == "write":
        WRITTEN.write_text(policy())
        pytest.skip(f"{WRITTEN.name} is written anew")
    assert WRITTEN.read_text() == policy()


def test_what_halab_asks_for_is_allowed() -> None:
    allowed = {action for right in RIGHTS for action in right.actions}
    found = set(asked())

    assert {"CreateTags", "DescribeInstances", "DeleteVpc", "GetRole"} <= found
    assert found - allowed == set()


def test_iam_takes_it() -> None:
    assert len("".join(policy().split())) <= MOST_LETTERS
    names = [right.name for right in RIGHTS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[A-Za-z0-9]+", name) for name in names)


def test_the_manual_says_what_each_statement_is_for() -> None:
    manual = (PROJECT / "docs/aws.md").read_text()
    for right in RIGHTS:
        assert f"| `{right.name}` | {right.why} |" in manual
