"""Who is in the way is heard before anybody waits, and may be refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from core.errors import HalabError
from core.locks import held


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_what_nobody_holds_is_had_at_once(lock: Path) -> None:
    for _ in range(2):
        with held(lock, busy=pytest.fail):
            pass


def test_several_may_share(lock: Path) -> None:
    with held(lock, shared=True), held(lock, shared=True, busy=pytest.fail):
        pass


@pytest.mark.parametrize("shared", [True, False])
def test_who_is_in_the_way_is_told_and_may_be_a_reason_to_give_up(lock: Path, shared: bool) -> None:
    def refuse(who: str) -> None:
        raise HalabError(who)

    def take() -> None:
        with held(lock, shared=shared, busy=refuse):
            pass

    with ThreadPoolExecutor() as pool, held(lock, shared=not shared) as holder:
        holder.write("pid 7")
        holder.flush()
        with pytest.raises(HalabError, match="pid 7"):
            pool.submit(take).result(timeout=10)


def test_else_it_is_waited_for(lock: Path) -> None:
    met = Event()

    def wait_for_it() -> None:
        with held(lock, busy=lambda _: met.set()):
            pass

    with ThreadPoolExecutor() as pool:
        with held(lock):
            waiting = pool.submit(wait_for_it)
            assert met.wait(10)
            assert not waiting.done()
        waiting.result(timeout=10)
