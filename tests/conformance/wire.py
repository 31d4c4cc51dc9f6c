"""HTTP by hand, over a socket: what was really sent, byte for byte."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Sent:
    """One answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes


def exchange(server: str, target: str, *lines: str, method: str = "GET", body: bytes = b"") -> Sent:
    """One request on a connection of its own, and all that came back."""
    address = urlsplit(server)
    head = [f"{method} {target} HTTP/1.1", f"Host: {address.netloc}", "Connection: close", *lines]
    if method == "POST":
        head.append(f"Content-Length: {len(body)}")
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)
        raw = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    block, _, content = raw.partition(b"\r\n\r\n")
    status, *fields = block.decode("latin-1").split("\r\n")
    pairs = (field.split(": ", 1) for field in fields)
    headers = {name.lower(): value for name, value in pairs}
    assert "transfer-encoding" not in headers
    assert status.startswith("HTTP/1.1 ")
    return Sent(int(status.split(" ")[1]), headers, content)


def parts_by_ohif(sent: Sent) -> list[tuple[str, bytes]]:
    """Take a multipart answer apart as OHIF's two decoders do, with all that they insist on."""
    content_type = sent.headers["content-type"]
    assert content_type.startswith("multipart/related; ")
    boundary = content_type.split("boundary=")[1].split(";")[0].strip('"')
    delimiter = b"--" + boundary.encode()
    parts = []
    at = sent.body.index(delimiter)
    while not sent.body.startswith(delimiter + b"--", at):
        begin = sent.body.index(b"\r\n", at) + 2
        end_of_header = sent.body.index(b"\r\n\r\n", begin)
        assert end_of_header - begin < 1000
        end = sent.body.index(delimiter, end_of_header)
        assert sent.body[end - 2 : end] == b"\r\n"  # cut off without a look
        header = sent.body[begin:end_of_header].decode()
        parts.append((header.split("Content-Type:")[1].split("\r\n")[0].strip(),
                      sent.body[end_of_header + 4 : end - 2]))  # fmt: skip
        at = end
    assert sent.body[at:] == delimiter + b"--\r\n"
    return parts
