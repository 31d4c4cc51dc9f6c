"""`filmroom peers`: the DICOM nodes that are known by name, and what is asked of them."""

from __future__ import annotations

from filmroom.cli.lazy import LazyGroup

COMMANDS = {
    "list": "filmroom.cli.known_peers:list_peers",
    "add": "filmroom.cli.known_peers:add",
    "change": "filmroom.cli.known_peers:change",
    "remove": "filmroom.cli.known_peers:remove",
    "echo": "filmroom.cli.asking_peers:echo",
    "find": "filmroom.cli.asking_peers:find",
    "send": "filmroom.cli.peer_jobs:send",
    "fetch": "filmroom.cli.peer_jobs:fetch",
    "commit": "filmroom.cli.peer_jobs:commit",
}

peers = LazyGroup(
    "peers",
    commands_at=COMMANDS,
    help="Other DICOM nodes: make them known, search there, send there and fetch from there.",
)
