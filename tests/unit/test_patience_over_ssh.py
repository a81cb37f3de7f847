"""A command that takes too long is given up quietly, also where nobody is there any more."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from fabric import Connection
from paramiko import SSHException

from machines.remote import Patient


@pytest.mark.parametrize("error", [EOFError(), OSError("broken pipe"), SSHException("ended")])
def test_a_connection_that_is_gone_cannot_be_ended_and_need_not_be(error: Exception) -> None:
    def close() -> None:
        raise error

    runner = Patient(context=Connection("nowhere"))
    runner.channel = SimpleNamespace(close=close)
    runner.kill()
