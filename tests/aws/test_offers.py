"""What AWS has where, as it tells whoever asks."""

from __future__ import annotations

import pytest

from core.errors import HalabError
from infra.aws_account import Account
from infra.aws_offers import check_offered
from tests.unit.aws_labs import aws_lab


def test_the_zones_of_a_definition_have_its_machines(endpoint: str) -> None:
    check_offered(Account("eu-central-1", endpoint), aws_lab())


def test_a_zone_that_has_a_type_no_more_is_told_of(endpoint: str) -> None:
    # The oldest zone of that region has none of today's types.
    lab = aws_lab(region="us-east-1", zones=["us-east-1a", "us-east-1e", "us-east-1c"])

    with pytest.raises(HalabError) as refused:
        check_offered(Account("us-east-1", endpoint), lab)

    assert refused.value.detail == "us-east-1e has no t3.xlarge, as node2 would be"
    assert "us-east-1b" in str(refused.value.hint)
