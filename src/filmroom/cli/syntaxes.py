"""A transfer syntax on the command line: its UID, or a word for the usual ones."""

from __future__ import annotations

import click

from filmroom.dicom.transfer_syntaxes import (
    DEFLATED,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    TRANSFER_SYNTAXES,
)

WORDS = {
    "explicit": EXPLICIT_LITTLE,
    "implicit": IMPLICIT_LITTLE,
    "deflated": DEFLATED,
    "rle": "1.2.840.10008.1.2.5",
    "jpeg": "1.2.840.10008.1.2.4.50",
    "jpeg-lossless": "1.2.840.10008.1.2.4.70",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "jpeg2000": "1.2.840.10008.1.2.4.90",
    "htj2k": "1.2.840.10008.1.2.4.202",
}
"""The lossless one of each family, but for `jpeg`."""


class SyntaxType(click.ParamType[str]):
    """A transfer syntax that instances can be written in."""

    name = "transfer syntax"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The UID; a usage error for what is not known or cannot be written."""
        uid = WORDS.get(value.lower(), value)
        known = TRANSFER_SYNTAXES.get(uid)
        if known is None:
            self.fail(f"{value!r} is no transfer syntax: a UID, or {', '.join(WORDS)}", param, ctx)
        if known.encoder is None:
            self.fail(f"nothing here writes {known.name}", param, ctx)
        return uid


SYNTAX = SyntaxType()
