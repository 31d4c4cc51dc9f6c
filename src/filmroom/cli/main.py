"""The command group, and how a command ends: status 0, or one line on standard error."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from filmroom import __version__
from filmroom.cli.lazy import LazyGroup
from filmroom.errors import ArchiveError

COMMANDS = {
    "serve": "filmroom.cli.serve:serve",
    "import": "filmroom.cli.importing:import_",
    "find": "filmroom.cli.find:find",
    "export": "filmroom.cli.export:export",
    "delete": "filmroom.cli.delete:delete",
    "verify": "filmroom.cli.maintain:verify",
    "sweep": "filmroom.cli.maintain:sweep",
    "reindex": "filmroom.cli.maintain:reindex",
    "demo": "filmroom.cli.demo:demo",
    "peers": "filmroom.cli.peers:peers",
    "jobs": "filmroom.cli.jobs:jobs",
    "settings": "filmroom.cli.settings:settings",
}

INTERRUPTED = 130  # as shells report a command that Ctrl-C ended


@click.group(
    cls=LazyGroup,
    commands_at=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="filmroom", message="%(prog)s %(version)s")
def cli() -> None:
    """Filmroom: a DICOM image archive.

    Every setting is a flag of every command, FILMROOM_… in the environment, or a line in
    filmroom.toml; `filmroom settings` shows them all.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    try:
        status = cli.main(arguments, prog_name="filmroom", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        return _refuse(_usage(error), error.exit_code)
    except ArchiveError as error:
        return _refuse(str(error))
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone, as in `filmroom find | head`; the
        # interpreter would complain once more while flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _refuse(f"{where}{error.strerror or error}")
    except Exception as error:
        if _debugging():
            raise
        hint = "this is a fault of Filmroom; --log-level debug shows where"
        return _refuse(f"{type(error).__name__}: {' '.join(str(error).split())} ({hint})")
    return status if isinstance(status, int) else 0


def _debugging() -> bool:
    # The variable counts also for what fails before logging is set up.
    named = os.environ.get("FILMROOM_LOG_LEVEL") == "debug"
    return named or logging.getLogger("filmroom").level == logging.DEBUG


def _usage(error: click.ClickException) -> str:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        message = error.format_message().rstrip(".")
        return f"{message} (see {error.ctx.command_path} --help)"
    return error.format_message()


def _refuse(message: str, status: int = 1) -> int:
    print(f"filmroom: {message}", file=sys.stderr)
    return status
