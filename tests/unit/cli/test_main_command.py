"""How commands end: status 0, or one clear line on standard error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from filmroom import __version__
from filmroom.cli import lazy
from filmroom.cli.main import COMMANDS, cli, run
from filmroom.settings import Settings


def test_version(filmroom) -> None:
    assert filmroom("--version").out == f"filmroom {__version__}\n"


def test_help_lists_every_command(filmroom) -> None:
    shown = filmroom("--help")

    assert shown.status == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in shown.out] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(filmroom, name: str) -> None:
    shown = filmroom(name, "--help")

    assert shown.status == 0
    assert shown.out.startswith(f"Usage: filmroom {name} ")


@pytest.mark.parametrize("name", ["serve", "settings"])
def test_help_of_serve_and_settings_shows_every_setting(filmroom, name: str) -> None:
    shown = filmroom(name, "--help").out

    missing = [
        setting
        for setting in Settings.model_fields
        if f"--{setting.replace('_', '-')}" not in shown
    ]
    assert missing == []


def test_every_setting_is_a_flag_of_every_command(data) -> None:
    flags = {f"--{name.replace('_', '-')}" for name in Settings.model_fields}

    for name, target in COMMANDS.items():
        for command in leaves(lazy.load(target)):
            known = {spelled for option in command.params for spelled in option.opts}
            assert flags - known == set(), (name, command.name)


def leaves(command: click.Command) -> list[click.Command]:
    """A command, or those of a group."""
    if not isinstance(command, click.Group):
        return [command]
    context = click.Context(command)
    found = [command.get_command(context, name) for name in command.list_commands(context)]
    return [one for one in found if one is not None]


@pytest.mark.parametrize("group", ["peers", "jobs"])
def test_a_group_alone_shows_its_commands(filmroom, group: str) -> None:
    ended = filmroom(group)

    assert ended.status == 2
    assert ended.err.startswith(f"Usage: filmroom {group} ")
    assert "  list " in ended.err


NO_UID = (
    "Invalid value for 'STUDY[/SERIES[/INSTANCE]]': 'not-a-uid' is not STUDY[/SERIES[/INSTANCE]],"
    " each a UID (see filmroom export --help)"
)
NO_SELECTION = "Missing argument 'STUDY[/SERIES[/INSTANCE]]' (see filmroom delete --help)"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("fnd", "no command 'fnd'; did you mean 'find'? (see filmroom --help)"),
        ("zzz", "no command 'zzz' (see filmroom --help)"),
        ("delete", NO_SELECTION),
        ("export not-a-uid x", NO_UID),
        ("settings --config none.toml", "none.toml: No such file or directory"),
        (
            "find --workers 0",
            "setting --workers: input should be greater than or equal to 1",
        ),
        ("verify --index x", "setting index: 'x' begins with none of memory:, sqlite:"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(filmroom, command: str, said: str) -> None:
    ended = filmroom(*command.split())

    assert ended.err == f"filmroom: {said}\n"
    assert ended.status != 0
    assert ended.out == ""


def test_a_flag_that_is_misspelled_is_refused_with_the_nearest(filmroom) -> None:
    ended = filmroom("find", "--prot", "1")

    assert ended.status == 2
    assert ended.err.count("\n") == 1
    assert "'--prot'" in ended.err
    assert "'--port'" in ended.err


def broken() -> None:
    """Fails as a fault of ours would."""
    raise ValueError("a fault\nin two lines")


def interrupted() -> None:
    """Ends as by Ctrl-C."""
    raise KeyboardInterrupt


def full() -> None:
    """Fails as a system call does."""
    raise OSError(28, "No space left on device", "somewhere/file")


@pytest.fixture
def ends_like(monkeypatch: pytest.MonkeyPatch):
    def ends(function) -> int:
        monkeypatch.setitem(cli.commands_at, "find", "filmroom.cli.find:find")
        monkeypatch.setattr(
            "filmroom.cli.main.cli.get_command", lambda *_: click.command()(function)
        )
        return run(["find"])

    return ends


def test_a_fault_of_ours_is_one_line_too(ends_like, capsys) -> None:
    assert ends_like(broken) == 1
    assert capsys.readouterr().err == (
        "filmroom: ValueError: a fault in two lines"
        " (this is a fault of Filmroom; --log-level debug shows where)\n"
    )


def test_a_fault_of_ours_is_shown_in_full_at_the_debug_level(ends_like, monkeypatch) -> None:
    monkeypatch.setenv("FILMROOM_LOG_LEVEL", "debug")

    with pytest.raises(ValueError, match="a fault"):
        ends_like(broken)


def test_an_interrupt_is_quiet(ends_like, capsys) -> None:
    assert ends_like(interrupted) == 130
    assert capsys.readouterr().err.strip() == ""


def test_a_failing_system_call_is_one_line(ends_like, capsys) -> None:
    assert ends_like(full) == 1
    assert capsys.readouterr().err == "filmroom: somewhere/file: No space left on device\n"


def test_a_reader_that_leaves_early_is_no_fault(data: Path) -> None:
    command = f"{sys.executable} -m filmroom settings | head -1"

    ended = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.stdout.count("\n") == 1
    assert ended.stderr == ""


def test_the_version_needs_no_library_that_is_slow_to_load() -> None:
    program = (
        "import sys; from filmroom.cli.main import run; run(['--version']);"
        "print([m for m in ('pydantic', 'sqlalchemy', 'numpy', 'fastapi', 'uvicorn')"
        " if m in sys.modules])"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert ended.stdout.splitlines()[-1] == "[]"
