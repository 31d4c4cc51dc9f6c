"""`filmroom peers list`, `add`, `change`, `remove`: whom the archive knows."""

from __future__ import annotations

import sys
from typing import Any

import click
import orjson

from filmroom.app import open_archive
from filmroom.cli import logs
from filmroom.cli.options import Given, with_settings
from filmroom.cli.screen import show_table, tell
from filmroom.cli.syntaxes import WORDS
from filmroom.core import peers
from filmroom.model.peer import Service
from filmroom.settings.peers import read_address, read_peer
from filmroom.web.peers import peer_out

ADDRESS = "AET[@HOST[:PORT]]"


def of_a_peer(command: Any) -> Any:  # noqa: ANN401 - as click's decorators
    """The options that `add` and `change` share."""
    for option in (
        click.option(
            "--syntaxes", metavar="UID,…", help="Send in these, the best first; - for none."
        ),
        click.option(
            "--may", metavar="WORD,…", help=f"Some of {', '.join(Service)}; - for nothing."
        ),
        click.option(
            "--calling", metavar="AET", help="Call it by this title of ours; - for the usual."
        ),
        click.option("--tls/--no-tls", default=None, help="Call it over TLS."),
    ):
        command = option(command)
    return command


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings()
def list_peers(given: Given, as_json: bool) -> None:
    """List the peers."""
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    with open_archive(settings) as archive:
        known = [peer_out(one.peer, one.fixed).model_dump() for one in peers.known(archive)]
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(known, option=orjson.OPT_INDENT_2) + b"\n")
        return
    headings = ("Name", "AE title", "Host", "Port", "TLS", "May", "Calling", "Syntaxes", "From")
    show_table(headings, [_row(one) for one in known])
    if not known:
        tell("No peers yet; filmroom peers add makes one known.")


def _row(peer: dict[str, Any]) -> tuple[str, ...]:
    return (
        peer["name"],
        peer["aet"],
        peer["host"],
        str(peer["port"]) if peer["host"] else "",
        "yes" if peer["tls"] else "no",
        ",".join(peer["may"]),
        peer["calling"],
        ",".join(peer["syntaxes"]),
        "settings" if peer["fixed"] else "archive",
    )


@click.command()
@click.argument("name")
@click.argument("address", metavar=ADDRESS)
@of_a_peer
@with_settings()
def add(given: Given, name: str, address: str, **options: Any) -> None:
    """Make a peer known.

    Without a host it may call from anywhere, and cannot be called.

    \b
    filmroom peers add pacs PACS@pacs.example:11112
    filmroom peers add ct1 CT1@10.0.0.7 --may echo,store
    """
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    wanted = read_peer({"name": name, **read_address(address), **_fields(options)})
    with open_archive(settings) as archive:
        peers.add(archive, wanted)
    tell(f"Added {name}.")


@click.command()
@click.argument("name")
@click.option("--to", "address", metavar=ADDRESS, help="Another title, host and port.")
@of_a_peer
@with_settings()
def change(given: Given, name: str, address: str | None, **options: Any) -> None:
    """Change a peer; what is not said stays as it is."""
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    changes = {**(read_address(address) if address else {}), **_fields(options)}
    if not changes:
        raise click.UsageError("nothing to change")
    with open_archive(settings) as archive:
        peers.change(archive, name, changes)
    tell(f"Changed {name}.")


@click.command()
@click.argument("name")
@with_settings()
def remove(given: Given, name: str) -> None:
    """Forget a peer."""
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    with open_archive(settings) as archive:
        peers.remove(archive, name)
    tell(f"Removed {name}.")


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    """What the shared options say; a dash stands for nothing."""
    fields = {name: value for name, value in options.items() if value is not None}
    if "calling" in fields:
        fields["calling"] = fields["calling"].strip("-")
    for name in ("may", "syntaxes"):
        if name in fields:
            words = [word.strip() for word in fields[name].split(",")]
            fields[name] = [WORDS.get(word, word) for word in words if word not in ("", "-")]
    return fields
