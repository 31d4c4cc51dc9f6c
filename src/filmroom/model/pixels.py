"""What is asked of the means that knows pixels, and of the keeper of what was made from them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import BinaryIO, Protocol

from filmroom.dicom.frames import Span
from filmroom.dicom.video.remux import Remuxed
from filmroom.model.instance import Attributes
from filmroom.model.rendering import Rendering


@dataclass(frozen=True, slots=True)
class Image:
    """What must be known of an instance to read its frames."""

    transfer_syntax: str
    """That the frames are coded in; native frames are always handed over little-endian."""
    attributes: Attributes
    """Its data set (DICOM JSON), with the bulk values that drawing needs as InlineBinary."""


class Drawing(Protocol):
    """Makes a picture of one frame, as `Pixels.render` does."""

    @property
    def piece(self) -> int:
        """Bytes in which it takes a frame: no piece has more, and only the last one fewer."""

    def draw(self, pieces: Iterable[bytes]) -> bytes:
        """The picture of a frame that comes in pieces."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A frame in another transfer syntax."""

    data: bytes
    changes: Attributes = field(default_factory=dict)
    """Attributes of the data set that the coding changed, e.g. Photometric Interpretation;
    a value of None: the attribute is to go."""


class Pixels(Protocol):
    """Decoding, coding and drawing, in bounded time and memory.

    Every method may be called from any thread. A frame that cannot be decoded, lies
    about its dimensions, or takes too long or too much memory raises Undecodable and
    harms nobody else.
    """

    def transcode(self, frame: bytes, image: Image, target: str, quality: int = 90) -> Coded:
        """One frame in another transfer syntax; Unsupported where nothing codes or decodes it."""

    def recode(self, frame: bytes, image: Image, target: str) -> Coded:
        """One frame in a lossless transfer syntax, decoded again and found to be the same.

        Undecodable where any bit of it would be lost; Unsupported where nothing codes it.
        """

    def render(
        self, frames: Sequence[bytes], numbers: Sequence[int], image: Image, rendering: Rendering
    ) -> bytes:
        """Frames (numbered from 1) as a picture; several only for animated GIF."""

    def drawing(self, image: Image, number: int, rendering: Rendering, size: int) -> Drawing | None:
        """What draws a frame (numbered from 1) of at most `size` bytes where it is called.

        None if a worker has to.
        It takes no codec, and a nanosecond a byte at most.
        """

    def icon(self, kind: str, rendering: Rendering) -> bytes:
        """A picture that stands for what has no pixels: a modality or kind such as `SR`."""

    def remux(self, stream: Iterable[bytes], *, is_hevc: bool, rate: Fraction | None) -> Remuxed:
        """An MP4 file over a video stream, whose pictures stay as they are.

        `rate`: frames per second as the data set has them. Undecodable if the stream has to
        be coded anew.
        """

    @property
    def can_code_video(self) -> bool:
        """Whether `code_video` has a program to do it."""

    def code_video(self, stream: Iterable[bytes]) -> Generator[bytes, None, None]:
        """A video coded anew as an H.264 byte stream, in pieces; NotAcceptable if none can."""

    def close(self) -> None:
        """End the workers."""


class DerivedFile(Protocol):
    """Something large that was made; it stays readable for as long as somebody has this."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        """The bytes in pieces, or a run of them."""


class Derived(Protocol):
    """What was made from blobs and can be made again: transcoded frames, thumbnails.

    Bounded on the disk, shared by all processes, never durable. `key` is always that of a
    blob. Whoever makes something must read the blob within `make`, not before: so nothing
    is left of a blob that is forgotten meanwhile.
    """

    def get_or_make(
        self, key: str, name: str, make: Callable[[], bytes], *, kept: bool = False
    ) -> bytes:
        """What was made of blob `key` under `name`, made once however many ask for it now.

        `kept` things (thumbnails) are not evicted by frames. What `make` raises is raised to
        all who waited.
        """

    def find(self, key: str, name: str) -> bytes | None:
        """What was made already, or None."""

    def file_or_make(self, key: str, name: str, make: Callable[[BinaryIO], object]) -> DerivedFile:
        """The same for what may be too large for memory; `make` writes it to an empty file.

        Where it cannot be kept it is made for those who wait for it now. Raises Full where
        there is no room even for that.
        """

    def forget(self, key: str) -> None:
        """Remove all that was made of a blob, once the blob is gone; harmless if there is nothing.

        What is being made of it now is not kept.
        """

    def keys(self) -> Iterator[str]:
        """The blobs of which there may be something, each perhaps more than once."""

    def trim(self) -> None:
        """Keep to the bounds, of which the disk's room is one that others change."""

    def close(self) -> None:
        """Let go of everything."""
