"""A selection on the command line: `STUDY`, `STUDY/SERIES` or `STUDY/SERIES/INSTANCE`."""

from __future__ import annotations

import click

from filmroom.dicom.uids import is_uid
from filmroom.model.selection import Selection

LEVELS = 3


class SelectionType(click.ParamType[Selection]):
    """UIDs separated by slashes."""

    name = "selection"

    def convert(
        self, value: str | Selection, param: click.Parameter | None, ctx: click.Context | None
    ) -> Selection:
        """Read the UIDs; a usage error if they are none."""
        if isinstance(value, Selection):
            return value
        uids = value.strip("/").split("/")
        if len(uids) > LEVELS or not all(is_uid(uid, leading_zeros=True) for uid in uids):
            self.fail(f"{value!r} is not STUDY[/SERIES[/INSTANCE]], each a UID", param, ctx)
        return Selection(*uids)


SELECTION = SelectionType()
