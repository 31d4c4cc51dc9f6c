"""`filmroom peers` and `filmroom jobs`, against DCMTK's `storescp` and another archive's door."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dimse_door import opened
from filmroom.app import open_archive
from filmroom.core.store import receive
from filmroom.settings import Settings
from filmroom.testing.objects import ct_slice, part10, uid


def lines(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Port of a `storescp` that keeps what it gets under `kept`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    (tmp_path / "kept").mkdir()
    process = subprocess.Popen(
        ["storescp", "-od", tmp_path / "kept", "-fe", ".dcm", str(port)], stderr=subprocess.DEVNULL
    )
    yield port
    process.kill()
    process.wait(30)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[int]:
    """Port of another archive's DIMSE door, which holds a study of two slices."""
    settings = Settings(data=tmp_path / "other", port=0, disk_reserve=0)
    with open_archive(settings) as archive:
        for number in (1, 2):
            with receive(archive, "test") as incoming:
                incoming.write(part10(ct_slice(7, 1, number, PatientName="Fremd^Person")))
                incoming.finish()
        with opened(archive) as (_, port):
            yield port


def nowhere() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


# -- peers --------------------------------------------------------------------------------


def test_peers_are_added_listed_changed_and_removed(filmroom) -> None:
    assert filmroom("peers", "list").err == "No peers yet; filmroom peers add makes one known.\n"

    added = filmroom("peers", "add", "ct", "CT1@10.0.0.7", "--may", "store,echo")
    assert (added.status, added.err) == (0, "Added ct.\n")
    filmroom(
        "peers", "add", "web", "W", "--tls", "--calling", "ROOM", "--syntaxes", "jpeg-ls,1.2.3"
    )
    assert lines(filmroom("peers", "list").out) == [
        ["ct", "CT1", "10.0.0.7", "104", "no", "echo,store", "", "", "archive"],
        [
            *("web", "W", "", "", "yes", "echo,store,find,move,get", "ROOM"),
            *("1.2.840.10008.1.2.4.80,1.2.3", "archive"),
        ],
    ]

    assert filmroom("peers", "change", "ct", "--to", "CT2@h:105", "--may", "-").status == 0
    filmroom("peers", "change", "web", "--no-tls", "--calling", "-", "--syntaxes", "-")
    ct, web = json.loads(filmroom("peers", "list", "--json").out)
    assert (ct["aet"], ct["host"], ct["port"], ct["may"]) == ("CT2", "h", 105, [])
    assert (web["tls"], web["calling"], web["syntaxes"]) == (False, "", [])

    assert filmroom("peers", "remove", "ct").err == "Removed ct.\n"
    assert [peer["name"] for peer in json.loads(filmroom("peers", "list", "--json").out)] == ["web"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "a/b", "AET@h"), "name: a name is 1 to 64"),
        (("add", "a", "@h"), "'@h' is not AET@HOST:PORT"),
        (("add", "a", "A@h:x"), "'A@h:x' is not AET@HOST:PORT"),
        (("add", "a", "A@h:0"), "port: input should be"),
        (("add", "a", "A@h", "--may", "print"), "may: input should be"),
        (("add", "a", "A@h", "--syntaxes", "jpg"), "syntaxes: must be UIDs"),
        (("add", "pacs", "A@h"), "there is a peer 'pacs' already"),
        (("change", "pacs"), "nothing to change"),
        (("change", "nobody", "--tls"), "no peer 'nobody'"),
        (("remove", "nobody"), "no peer 'nobody'"),
        (("echo", "nobody"), "no peer 'nobody'"),
        (("echo", "pacs"), "has no host"),
        (("find", "pacs", "PatientName"), "'PatientName' is not KEY=VALUE"),
        (("find", "pacs", "Nonsense=1"), "'Nonsense' is neither"),
        (("send", "pacs", "not-a-uid"), "'not-a-uid' is not STUDY"),
        (("send", "pacs"), "Missing argument"),
        (("fly", "pacs"), "no command 'fly'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(filmroom, arguments: tuple[str, ...], said: str) -> None:
    filmroom("peers", "add", "pacs", "PACS")

    ended = filmroom("peers", *arguments)

    assert ended.status != 0
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_peers_of_the_settings_are_shown_and_not_changed(
    filmroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILMROOM_PEERS", "pacs=PACS@h:1")

    assert lines(filmroom("peers", "list").out)[0][-1] == "settings"
    assert "stands in the settings" in filmroom("peers", "remove", "pacs").err


def test_a_peer_that_is_there_answers(filmroom, port: int) -> None:
    filmroom("peers", "add", "scp", f"ANY@127.0.0.1:{port}")
    filmroom("peers", "add", "away", f"ANY@127.0.0.1:{nowhere()}")

    well, away = filmroom("peers", "echo", "scp"), filmroom("peers", "echo", "away")

    assert well.status == 0
    assert well.err.startswith("scp answered in ")
    assert away.status == 1
    assert away.err.count("\n") == 1


def test_what_a_peer_holds_is_found(filmroom, other: int) -> None:
    filmroom("peers", "add", "other", f"FILMROOM@127.0.0.1:{other}")

    studies = filmroom("peers", "find", "other", "PatientName=Fremd*", "StudyDate=2000-")
    none = filmroom("peers", "find", "other", "PatientName=Nobody*")
    instances = filmroom(
        *("peers", "find", "other", "--level", "instance", "--json"),
        *(f"StudyInstanceUID={uid(7)}", f"SeriesInstanceUID={uid(7, 1)}", "--limit", "1"),
    )

    assert [row[0] for row in lines(studies.out)] == ["Fremd^Person"]
    assert lines(studies.out)[0][-1] == uid(7)
    assert (none.out, none.err) == ("", "No studies match.\n")
    assert len(json.loads(instances.out)) == 1
    assert instances.err == "1, and more with --limit.\n"


def test_a_study_is_sent(filmroom, files, port: int, tmp_path: Path) -> None:
    filmroom("import", files(ct_slice(1, 1, 1), ct_slice(1, 1, 2), ct_slice(2, 1, 1)))
    filmroom("peers", "add", "scp", f"ANY@127.0.0.1:{port}")

    sent = filmroom("peers", "send", "scp", uid(1))

    assert (sent.status, sent.err) == (0, "Sent 2 instances.\n")
    assert len(list((tmp_path / "kept").iterdir())) == 2
    ((name, what, peer, state, done, failed, _, message),) = lines(filmroom("jobs", "list").out)
    assert (what, peer, state, done, failed, message) == ("send", "scp", "done", "2/2", "0", "")
    shown = dict(line for line in lines(filmroom("jobs", "show", name).out))
    assert (shown["selections"], shown["source"], shown["done"]) == (uid(1), "cli", "2")


def test_a_study_is_fetched(filmroom, other: int) -> None:
    filmroom("peers", "add", "other", f"FILMROOM@127.0.0.1:{other}")

    fetched = filmroom("peers", "fetch", "other", uid(7), "--by", "get")

    assert (fetched.status, fetched.err) == (0, "Fetched 2 instances.\n")
    assert lines(filmroom("find").out)[0][-1] == uid(7)


def test_a_peer_keeps_what_it_holds(filmroom, files, other: int) -> None:
    filmroom("import", files(*(ct_slice(7, 1, n, PatientName="Fremd^Person") for n in (1, 2))))
    filmroom("peers", "add", "other", f"FILMROOM@127.0.0.1:{other}")

    asked = filmroom("peers", "commit", "other", uid(7))

    assert (asked.status, asked.err) == (0, "The peer keeps 2 instances.\n")


def test_what_is_not_sent_at_once_is_left_to_the_archive(filmroom, files) -> None:
    filmroom("import", files(ct_slice(1, 1, 1)))
    filmroom("peers", "add", "away", f"ANY@127.0.0.1:{nowhere()}")

    tried = filmroom("peers", "send", "away", uid(1))

    ((name, _, _, state, *_),) = lines(filmroom("jobs", "list").out)
    assert tried.status == 1
    assert tried.err.endswith(f"Job {name} is tried again by the running archive.\n")
    assert state == "queued"


def test_what_is_not_held_is_not_sent(filmroom) -> None:
    filmroom("peers", "add", "away", f"ANY@127.0.0.1:{nowhere()}")

    ended = filmroom("peers", "send", "away", uid(1))

    assert ended.status == 1
    assert uid(1) in ended.err
    assert filmroom("jobs", "list").err == "No jobs.\n"


# -- jobs ---------------------------------------------------------------------------------


@pytest.fixture
def queued(filmroom, files) -> str:
    """A job that waits for a running archive."""
    filmroom("import", files(ct_slice(1, 1, 1)))
    filmroom("peers", "add", "away", "ANY@127.0.0.1:1")
    ended = filmroom("peers", "send", "--later", "away", uid(1))
    assert ended.status == 0
    return str(ended.out.strip())


def test_a_job_is_cancelled_and_tried_again(filmroom, queued: str) -> None:
    assert filmroom("jobs", "cancel", queued).err == f"{queued}: cancelled.\n"
    again = filmroom("jobs", "cancel", queued)
    assert (again.status, "is over: cancelled" in again.err) == (1, True)
    assert filmroom("jobs", "retry", queued).err == f"{queued}: queued.\n"


def test_jobs_are_listed_as_was_asked(filmroom, queued: str) -> None:
    other = filmroom("peers", "send", "--later", "away", uid(1)).out.strip()
    filmroom("jobs", "cancel", other)

    def listed(*flags: str) -> set[str]:
        return {job["id"] for job in json.loads(filmroom("jobs", "list", "--json", *flags).out)}

    assert listed() == {queued, other}
    assert listed("--state", "queued") == {queued}
    assert len(listed("--limit", "1")) == 1
    assert json.loads(filmroom("jobs", "show", queued, "--json").out)["state"] == "queued"


@pytest.mark.parametrize("verb", ["show", "cancel", "retry"])
def test_a_job_that_is_not_there_is_told(filmroom, verb: str) -> None:
    ended = filmroom("jobs", verb, "nothing")

    assert (ended.status, ended.err) == (1, "filmroom: no job 'nothing'\n")


def test_ctrl_c_leaves_a_job_to_the_archive(
    filmroom, files, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    filmroom("import", files(ct_slice(1, 1, 1)))
    filmroom("peers", "add", "scp", f"ANY@127.0.0.1:{port}")

    def interrupted(*_: object) -> Callable[..., object]:
        raise KeyboardInterrupt

    monkeypatch.setattr("filmroom.cli.peer_jobs.progress", interrupted)

    ended = filmroom("peers", "send", "scp", uid(1))

    assert ended.status == 130
    assert "is left to the running archive" in ended.err
