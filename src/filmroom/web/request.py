"""What every handler asks of a request: its archive, who sends it, and what its path names."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import cast
from urllib.parse import quote

from starlette.requests import HTTPConnection

from filmroom.core.archive import Archive
from filmroom.dicom.uids import MAX_LENGTH, is_uid
from filmroom.errors import Malformed
from filmroom.model.instance import InstanceRef
from filmroom.model.selection import Selection


def archive_of(request: HTTPConnection) -> Archive:
    """The archive that the application was built over."""
    return cast(Archive, request.app.state.archive)


def slots_of(request: HTTPConnection) -> BoundedSemaphore:
    """What bounds the retrievals of whole objects that are under way at once."""
    return cast(BoundedSemaphore, request.app.state.retrieves)


def source_of(request: HTTPConnection, door: str = "stow") -> str:
    """Who sends, for rows and feed: the door and the client's address."""
    return f"{door}:{request.client.host if request.client else 'unknown'}"


def read_uid(value: str, name: str) -> str:
    """A UID from a request: digits and dots (PS3.5 §9.1); leading zeros are let pass."""
    if not is_uid(value, leading_zeros=True):
        raise Malformed(f"{name} is not a UID: digits and dots, at most {MAX_LENGTH} characters")
    return value


def uid_of(request: HTTPConnection, name: str) -> str:
    """The UID that the path parameter `study`, `series` or `instance` holds."""
    return read_uid(request.path_params[name], name)


def selection_of(request: HTTPConnection) -> Selection:
    """What the path names: `{study}`, `{series}` and `{instance}`, as far as it has them."""
    named = {
        name: uid_of(request, name)
        for name in ("study", "series", "instance")
        if name in request.path_params
    }
    return Selection(**named)


def ref_of(request: HTTPConnection) -> InstanceRef:
    """The instance that a path with all three UIDs names."""
    return InstanceRef(*(uid_of(request, name) for name in ("study", "series", "instance")))


def root_of(request: HTTPConnection) -> str:
    """The DICOMweb root's own URL as this client reached it, without a slash at its end.

    Only for handlers that are mounted at the root.
    """
    url = request.base_url.replace(path="", query="")
    return str(url).rstrip("/") + quote(request.scope.get("root_path", ""))
