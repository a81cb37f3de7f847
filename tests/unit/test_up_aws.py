"""`up` of a lab on AWS: what it would cost, and that it is not built; nothing is begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.up import up
from core.errors import HalabError
from core.folders import LabFolder
from labs.checking import DefinitionError

CLOUDY = """\
version = 1
name = "cloudy-{name}"

[platform]
kind = "aws"
region = "us-east-1"
management_from = "203.0.113.7"
max_usd_per_day = {limit}
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def definition(folder: Path, limit: str) -> Path:
    path = folder / "cloudy.toml"
    path.write_text(CLOUDY.format(name="try", limit=limit))
    return path


def test_up_says_the_price_and_that_no_software_would_come(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(HalabError) as refused:
        up(lab=str(definition(tmp_path, limit="12.5")))

    told = " ".join(capfd.readouterr().err.split())
    assert "lab cloudy-try costs about 0.37 USD an hour, 8.9" in told
    assert "no software would come onto them; nothing was made" in refused.value.message
    assert "docs/aws.md" in str(refused.value.hint)
    assert not LabFolder.of("cloudy-try").record.exists()


def test_a_lab_that_costs_more_than_it_may_is_refused_before(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as refused:
        up(lab=str(definition(tmp_path, limit="5")))

    (problem,) = refused.value.problems
    assert problem.key == "platform.max_usd_per_day"
    assert "8.9" in problem.allowed
