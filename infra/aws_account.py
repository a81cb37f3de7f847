"""An account of AWS in one region, asked directly: what is there, whatever Pulumi remembers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from core.environment import adopted, aws_access
from core.errors import HalabError

ATTEMPTS = 5
"""How often a request is made that AWS put off, as it does with who asks too often."""
CONNECT_S = 10
"""Seconds after which AWS counts as unreachable; tried ATTEMPTS times."""

CREDENTIALS = (
    "halab finds them where the AWS command line does: AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, or a profile of ~/.aws (AWS_PROFILE)"
)

REACHED = (
    "check that this machine gets there (`curl --head {url}`), and that the region is spelt right; "
    "behind a proxy set https_proxy"
)

WAYS_OUT = {
    "ProxyConnectionError": "set https_proxy to a proxy that answers, or unset it where none is "
    "needed",
    "SSLError": "with a certificate of your own, as behind a proxy that reads along: "
    "AWS_CA_BUNDLE=FILE",
    "ConnectionError": REACHED,
    "HTTPClientError": REACHED,
}
"""By botocore's names of what went wrong; all else has to do with who asks."""

PRETENDED = {
    "AWS_ACCESS_KEY_ID": "pretended",
    "AWS_SECRET_ACCESS_KEY": "pretended",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What a server in AWS's stead gets, which takes any: a person's credentials are for AWS alone."""


def access(endpoint: str | None) -> dict[str, str]:
    """Return what a program needs besides to ask AWS, or what answers in its stead."""
    return aws_access() if endpoint is None else PRETENDED


class Refused(HalabError):
    """AWS answered, and would not: `code` is its own word for why."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, hint="AWS's own words are in the message; docs/aws.md says more")
        self.code = code


class Account:
    """What one's credentials lead to, or a server at `endpoint` that answers in AWS's stead.

    Only who has the packages for AWS can make one.
    """

    def __init__(self, region: str, endpoint: str | None = None) -> None:
        from boto3 import Session
        from botocore.config import Config

        self.region = region
        self._url = endpoint or f"https://ec2.{region}.amazonaws.com"
        config = Config(connect_timeout=CONNECT_S, retries={"total_max_attempts": ATTEMPTS})
        with adopted(access(endpoint)), self._explained("looking for credentials"):
            session = Session(region_name=region)
            self._clients = {
                service: session.client(service, endpoint_url=endpoint, config=config)
                for service in ("ec2", "iam")
            }

    def ask(self, service: str, operation: str, **words: Any) -> Mapping[str, Any]:
        """Make one request of ec2 or iam and return the answer.

        Raises Refused when AWS would not, HalabError when it does not answer.
        """
        with self._explained(operation):
            answer: Mapping[str, Any] = getattr(self._clients[service], operation)(**words)
            return answer

    def every(self, service: str, operation: str, expression: str, **words: Any) -> Iterator[Any]:
        """Return what a request lists, from all of its pages, as a JMESPath expression finds it.

        Raises like `ask`.
        """
        import jmespath

        client = self._clients[service]
        if not client.can_paginate(operation):
            found = jmespath.search(expression, self.ask(service, operation, **words))
        else:
            with self._explained(operation):
                found = list(client.get_paginator(operation).paginate(**words).search(expression))
        # A page that lists nothing may say so with None.
        return (each for each in found or [] if each is not None)

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise Refused(f"AWS ({self.region}) refused {what}: {error}", code) from error
        except NoCredentialsError as error:
            raise HalabError("there are no credentials for AWS", hint=CREDENTIALS) from error
        except BotoCoreError as error:
            raise HalabError(
                f"AWS ({self.region}) could not be asked ({what}): {error}",
                hint=way_out(error, self._url),
            ) from error


def way_out(error: Exception, url: str) -> str:
    """Return what to do when nobody could be asked at a URL, by the most special name of why."""
    names = (kind.__name__ for kind in type(error).__mro__)
    ways = (WAYS_OUT[name] for name in names if name in WAYS_OUT)
    return next(ways, CREDENTIALS).format(url=url)
