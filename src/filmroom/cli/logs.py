"""Logging: one line an event, on standard error, as text or as JSON.

An exception's message may quote what a user sent, so that above the debug level only
its type and where it was raised are written.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from filmroom.settings import Settings

QUIET = logging.WARNING
"""The floor of commands whose output is their answer."""

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
"""What every record has; the rest is an event's own fields."""


def set_up(settings: Settings, *, floor: int = logging.NOTSET) -> None:
    """Send every logger's events to standard error; nothing below the level `floor`.

    Libraries speak only from warnings on.
    """
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    debug = level <= logging.DEBUG
    line = as_json if settings.log_format == "json" else as_text
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(line, debug=debug))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("filmroom").setLevel(level if debug else max(level, floor))
    # What senders do wrong is told to them, and counted where requests are logged.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)


class OneLine(logging.Formatter):
    """Formats a record as one line, whatever is in it."""

    def __init__(self, line: Any, *, debug: bool) -> None:  # noqa: ANN401
        super().__init__()
        self.line = line
        self.debug = debug

    def format(self, record: logging.LogRecord) -> str:
        """The record's time, level, logger, event and fields."""
        fields = {name: value for name, value in vars(record).items() if name not in STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            fields["exception"] = exception(record.exc_info[1], debug=self.debug)
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: str = self.line(moment.replace("+00:00", "Z"), record, fields)
        return line


def as_text(moment: str, record: logging.LogRecord, fields: dict[str, Any]) -> str:
    """`2024-05-01T10:00:00.000Z INFO filmroom.web stored size=512 source="a b"`."""
    told = "".join(f" {name}={_word(value)}" for name, value in fields.items())
    return f"{moment} {record.levelname} {record.name} {_plain(record.getMessage())}{told}"


def as_json(moment: str, record: logging.LogRecord, fields: dict[str, Any]) -> str:
    """The same as one JSON object."""
    known = {"time": moment, "level": record.levelname.lower(), "logger": record.name}
    return json.dumps({**known, "event": record.getMessage(), **fields}, default=str)


def exception(error: BaseException, *, debug: bool) -> str:
    """An exception in one line: its type and the places it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    message = f"{type(error).__name__}: {error}" if debug else type(error).__name__
    return f"{message} at {places}" if places else message


def _word(value: object) -> str:
    text = str(value)
    simple = text.isprintable() and text and not set(text) & set(' "=\\')
    return text if simple else json.dumps(text)


def _plain(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)[1:-1]
