"""What an archive has that was joined without pixels: nothing decoded, nothing kept."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from fractions import Fraction
from tempfile import TemporaryFile
from typing import BinaryIO

from filmroom.dicom.frames import Span
from filmroom.dicom.video.remux import Remuxed, remux
from filmroom.errors import Broken, NotAcceptable, Undecodable
from filmroom.model.pixels import Coded, DerivedFile, Drawing, Image
from filmroom.model.rendering import Rendering

CHUNK = 1 << 20  # bytes


class NoPixels:
    """The port `Pixels` where there are no workers."""

    def transcode(self, frame: bytes, image: Image, target: str, quality: int = 90) -> Coded:
        raise Undecodable("this archive decodes nothing")

    def recode(self, frame: bytes, image: Image, target: str) -> Coded:
        raise Undecodable("this archive decodes nothing")

    def render(
        self, frames: Sequence[bytes], numbers: Sequence[int], image: Image, rendering: Rendering
    ) -> bytes:
        raise Undecodable("this archive decodes nothing")

    def drawing(self, image: Image, number: int, rendering: Rendering, size: int) -> Drawing | None:
        return None

    def icon(self, kind: str, rendering: Rendering) -> bytes:
        raise Undecodable("this archive draws nothing")

    def remux(self, stream: Iterable[bytes], *, is_hevc: bool, rate: Fraction | None) -> Remuxed:
        return remux(stream, is_hevc=is_hevc, told=rate)

    @property
    def can_code_video(self) -> bool:
        return False

    def code_video(self, stream: Iterable[bytes]) -> Generator[bytes, None, None]:
        raise NotAcceptable("this archive codes no video")

    def close(self) -> None:
        """Nothing to end."""


class NothingKept:
    """The port `Derived` where everything is made each time."""

    def get_or_make(
        self, key: str, name: str, make: Callable[[], bytes], *, kept: bool = False
    ) -> bytes:
        return make()

    def find(self, key: str, name: str) -> bytes | None:
        return None

    def file_or_make(self, key: str, name: str, make: Callable[[BinaryIO], object]) -> DerivedFile:
        file = Scratch()
        make(file.file)
        return file

    def forget(self, key: str) -> None:
        """Nothing was kept."""

    def keys(self) -> Iterator[str]:
        return iter(())

    def trim(self) -> None:
        """Nothing was kept."""

    def close(self) -> None:
        """Nothing to let go of."""


class Scratch:
    """A file without a name; for one reader at a time."""

    def __init__(self) -> None:
        self.file: BinaryIO = TemporaryFile()  # noqa: SIM115 - goes with this

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.file.seek(0, 2)

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        """The bytes in pieces, or a run of them."""
        at, end = (within.start, within.start + within.length) if within else (0, self.size)
        while at < end:
            self.file.seek(at)
            piece = self.file.read(min(CHUNK, end - at))
            if not piece:
                raise Broken("a file that was made is cut short")
            at += len(piece)
            yield piece

    def __del__(self) -> None:
        self.file.close()
