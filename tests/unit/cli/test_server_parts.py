"""Where the server listens, its upkeep, its allocator."""

from __future__ import annotations

import gc
import socket
import threading
import time
from contextlib import closing

import pytest

from filmroom.cli import http, memory, upkeep
from filmroom.cli.screen import in_units, many, printable
from filmroom.cli.upkeep import Upkeep
from filmroom.errors import Broken, Forbidden
from filmroom.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_a_loopback_address_is_listened_to(host: str) -> None:
    if host == "::1" and not has_ipv6():
        host = "127.0.0.1"
    settings = Settings(host=host, port=0)

    with http.listen(settings) as listening:
        url = http.url_of(settings, listening)
        port = listening.getsockname()[1]
        with socket.create_connection((host, port), timeout=5):
            pass

    assert url == (f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])  # noqa: S104
def test_any_other_address_is_refused(host: str) -> None:
    with pytest.raises(Forbidden, match=rf"^refusing to listen on {host}: .*--insecure"):
        http.listen(Settings(host=host, port=0))


def test_any_other_address_is_listened_to_where_the_operator_insists() -> None:
    with http.listen(Settings(host="0.0.0.0", port=0, insecure=True)) as listening:  # noqa: S104
        assert listening.getsockname()[0] == "0.0.0.0"  # noqa: S104


def test_an_address_that_is_not_ours_is_one_line() -> None:
    said = r"^cannot listen on port 0 on 192\.0\.2\.1: Cannot assign requested address$"
    with pytest.raises(Broken, match=said):
        http.listen(Settings(host="192.0.2.1", port=0, insecure=True))


def test_a_port_in_use_is_one_line() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        said = rf"^port {port} on 127\.0\.0\.1 is in use; choose another with --port"
        with pytest.raises(Broken, match=said):
            http.listen(Settings(port=port))


def test_a_host_without_an_address_is_one_line() -> None:
    with pytest.raises(Broken, match=r"^host no\.such\.host\.invalid has no address$"):
        http.listen(Settings(host="no.such.host.invalid", port=0))


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What upkeep did; its second purge fails."""
    done: list[str] = []

    def purge(archive: object) -> int:
        done.append("purge")
        if done.count("purge") == 2:
            raise Broken("the disk is gone")
        return 0

    monkeypatch.setattr(upkeep, "purge", purge)
    monkeypatch.setattr(upkeep, "sweep", lambda archive: done.append("sweep"))
    return done


def test_upkeep_goes_on_after_a_failure_and_sweeps_once_a_day(rounds, archive, caplog) -> None:
    with Upkeep(archive, first_after=0.0, every=0.01):
        until = time.monotonic() + 5
        while rounds.count("purge") < 4 and time.monotonic() < until:
            time.sleep(0.01)

    assert rounds[:4] == ["purge", "sweep", "purge", "purge"]
    assert [record.message for record in caplog.records] == ["upkeep failed"]
    assert "upkeep" not in {thread.name for thread in threading.enumerate()}


def test_upkeep_ends_at_once_while_it_waits(rounds, archive) -> None:
    began = time.monotonic()
    with Upkeep(archive):
        pass

    assert time.monotonic() - began < 2
    assert rounds == []


def test_the_allocator_takes_what_it_is_told() -> None:
    assert memory.keep_buffers() is True


def test_garbage_is_looked_for_seldom() -> None:
    before = gc.get_threshold()
    try:
        memory.collect_seldom()
        assert gc.get_threshold() == (memory.SELDOM, *before[1:])
        assert gc.isenabled()
    finally:
        gc.set_threshold(*before)


def test_numbers_are_told_as_people_say_them() -> None:
    assert [many(1, "study"), many(2, "study"), many(1200, "instance")] == [
        "1 study",
        "2 studies",
        "1,200 instances",
    ]
    assert many(2, "series") == "2 series"
    assert [in_units(0), in_units(1023), in_units(1536), in_units(5 << 30)] == [
        "0 bytes",
        "1023 bytes",
        "1.5 KB",
        "5.0 GB",
    ]


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[2Jb\r\nc\u202e") == "a?[2Jb??c?"
