"""`filmroom settings` and how logging is set up by them."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from filmroom.cli import logs
from filmroom.settings import Settings


def test_each_setting_is_shown_with_its_value_and_where_it_came_from(
    filmroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("filmroom.toml").write_text("workers = 2\n")
    monkeypatch.setenv("FILMROOM_CORS_ORIGINS", "https://a,https://b")

    shown = filmroom("settings", "--port", "9000", "--no-viewer").out
    rows = {row[0]: row[1:] for row in (line.split("\t") for line in shown.splitlines())}

    assert list(rows) == list(Settings.model_fields)
    assert rows["port"] == ["9000", "flag"]
    assert rows["viewer"] == ["false", "flag"]
    assert rows["workers"] == ["2", "file"]
    assert rows["cors_origins"] == ["https://a,https://b", "environment"]
    assert rows["aet"] == ["FILMROOM", "default"]


def test_settings_are_shown_as_json(filmroom) -> None:
    shown = json.loads(filmroom("settings", "--json", "--aet", "ME").out)

    assert list(shown) == list(Settings.model_fields)
    assert shown["aet"] == {"value": "ME", "origin": "flag"}
    assert shown["port"] == {"value": 8042, "origin": "default"}


def test_the_file_may_be_named_by_a_flag_or_a_variable(filmroom, monkeypatch) -> None:
    Path("other.toml").write_text("port = 7\n")

    assert "port\t7\tfile" in filmroom("settings", "--config", "other.toml").out
    monkeypatch.setenv("FILMROOM_CONFIG", "other.toml")
    assert "port\t7\tfile" in filmroom("settings").out


def logged(capsys, event: str = "stored", **fields: object) -> str:
    logging.getLogger("filmroom.test").info(event, extra=fields)
    return capsys.readouterr().err


def test_events_are_one_line_of_text(capsys) -> None:
    logs.set_up(Settings())

    line = logged(capsys, size=512, source="two words", odd="a\nb", empty="")

    assert line.count("\n") == 1
    moment, rest = line.split(" ", 1)
    assert moment.endswith("Z")
    assert rest == ('INFO filmroom.test stored size=512 source="two words" odd="a\\nb" empty=""\n')


def test_an_event_cannot_forge_another(capsys) -> None:
    logs.set_up(Settings())

    assert logged(capsys, "one\n2024 INFO forged").count("\n") == 1


def test_events_are_one_json_object_a_line(capsys) -> None:
    logs.set_up(Settings(log_format="json"))

    line = logged(capsys, "one\ntwo", size=512, path=Path("x"))

    assert line.count("\n") == 1
    event = json.loads(line)
    assert event.pop("time").endswith("Z")
    assert event == {
        "level": "info", "logger": "filmroom.test", "event": "one\ntwo", "size": 512, "path": "x",
    }  # fmt: skip


def failed(capsys) -> str:
    try:
        int("Doe^Jane")
    except ValueError:
        logging.getLogger("filmroom.test").exception("failed")
    return capsys.readouterr().err


def test_an_exception_is_told_without_its_message(capsys) -> None:
    logs.set_up(Settings())

    line = failed(capsys)

    assert line.count("\n") == 1
    assert "ValueError at " in line
    assert "test_settings_command.py:" in line
    assert "Doe" not in line


def test_at_the_debug_level_an_exception_is_told_in_full(capsys) -> None:
    logs.set_up(Settings(log_level="debug"))

    assert "Doe^Jane" in failed(capsys)


def test_the_level_is_a_setting_and_libraries_only_warn(capsys) -> None:
    logs.set_up(Settings(log_level="warning"))
    assert logged(capsys) == ""

    logs.set_up(Settings())
    logging.getLogger("alembic").info("context")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    assert capsys.readouterr().err == ""


def test_commands_that_answer_keep_quiet(capsys) -> None:
    logs.set_up(Settings(), floor=logs.QUIET)

    assert logged(capsys) == ""
