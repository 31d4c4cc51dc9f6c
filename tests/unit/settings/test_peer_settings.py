"""Peers in the settings: as tables of the file, and in short."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from filmroom.errors import Malformed
from filmroom.model.peer import Service
from filmroom.settings import Settings, read_settings
from filmroom.settings.peers import SERVICES, PeerSettings, ServiceName, read_peer


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FILMROOM_{name.upper()}", raising=False)


def test_services_are_those_of_the_model() -> None:
    assert [service.value for service in Service] == list(SERVICES) == list(get_args(ServiceName))


def test_peers_are_tables_of_the_file() -> None:
    Path("filmroom.toml").write_text(
        "[[peers]]\nname = 'ct'\naet = 'CT1'\n\n"
        "[[peers]]\nname = 'pacs'\naet = 'PACS'\nhost = 'pacs.example'\nport = 11112\ntls = true\n"
        "calling = 'ROOM2'\nmay = ['echo', 'find']\nsyntaxes = ['1.2.840.10008.1.2.4.70']\n",
        encoding="utf-8",
    )

    ct, pacs = read_settings().peers

    assert ct == PeerSettings(name="ct", aet="CT1")
    assert (ct.host, ct.port, ct.calling, ct.may) == ("", 104, "", SERVICES)
    assert (pacs.host, pacs.port, pacs.tls, pacs.calling) == ("pacs.example", 11112, True, "ROOM2")
    assert pacs.may == ("echo", "find")
    assert pacs.syntaxes == ("1.2.840.10008.1.2.4.70",)


def test_peers_are_read_in_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMROOM_PEERS", "a=A@10.0.0.1:4242, b = B B@[fd00::1]:105,c=C@,d=D@host")

    a, b, c, d = read_settings().peers

    assert (a.name, a.aet, a.host, a.port) == ("a", "A", "10.0.0.1", 4242)
    assert (b.name, b.aet, b.host, b.port) == ("b", "B B", "fd00::1", 105)
    assert (c.host, d.host, d.port) == ("", "host", 104)
    assert [peer.name for peer in read_settings({"peers": ("x=X@h", "y=Y@h")}).peers] == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a", "'a' is not NAME=AET@HOST:PORT"),
        ("a=A@h:x", "is not NAME=AET@HOST:PORT"),
        ("a=A@h,a=B@h", "a is there twice"),
        ("a b=A@h", "1, name: a name is 1 to 64"),
        ("a=A\\B@h", "1, aet: must hold neither"),
        ("ok=A@h,a=ABCDEFGHIJKLMNOPQ@h", "2, aet: must be 1 to 16 ASCII"),
        ("a=A@h/..", "1, host: is neither"),
        ("a=A@h:0", "1, port: input should be greater"),
        ("a=A@h:65536", "1, port: input should be less"),
    ],
)
def test_a_wrong_peer_is_told_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(Malformed, match=f"--peers: .*{reason}".replace("\\", "")) as failure:
        read_settings({"peers": (text,)})
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"may": ["print"]}, "may: input should be"),
        ({"syntaxes": ["JPEG"]}, "syntaxes: must be UIDs"),
        ({"calling": "a\\b"}, "calling: "),
        ({"colour": 1}, "colour: extra inputs"),
        ({"name": ""}, "name: a name is"),
    ],
)
def test_wrong_fields_are_named(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(Malformed, match=f"^{reason}"):
        read_peer({"name": "a", "aet": "A", **fields})
