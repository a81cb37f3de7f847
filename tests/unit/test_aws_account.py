"""Who cannot reach AWS has another problem than who is nobody there."""

from __future__ import annotations

import pytest

from infra.aws_account import CREDENTIALS, way_out

URL = "https://ec2.eu-central-1.amazonaws.com"


class BotoCoreError(Exception):
    """The errors that botocore raises, which only labs on AWS bring with them."""


class HTTPClientError(BotoCoreError):
    pass


class ReadTimeoutError(HTTPClientError):
    pass


class ConnectionError(BotoCoreError):
    pass


class EndpointConnectionError(ConnectionError):
    pass


class ProxyConnectionError(ConnectionError):
    pass


class SSLError(ConnectionError):
    pass


class ProfileNotFound(BotoCoreError):
    pass


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ProxyConnectionError, "set https_proxy to a proxy that answers"),
        (SSLError, "AWS_CA_BUNDLE=FILE"),
        (EndpointConnectionError, f"`curl --head {URL}`"),
        (ReadTimeoutError, f"`curl --head {URL}`"),
    ],
)
def test_what_is_advised_is_about_the_way_to_aws(error: type[Exception], said: str) -> None:
    hint = way_out(error(), URL)
    assert said in hint
    assert "ACCESS_KEY" not in hint


def test_what_has_to_do_with_who_asks_is_about_credentials() -> None:
    assert way_out(ProfileNotFound(), URL) == CREDENTIALS
