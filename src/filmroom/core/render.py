"""Render: frames → pictures (PS3.18 §10.4.1.1.3, §10.4.1.1.4), an icon for what has no frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256

from filmroom.core.archive import Archive
from filmroom.core.content import MemoryContent
from filmroom.core.image import frame_at_hand, frame_bytes, frame_pieces, image_of
from filmroom.core.representative import is_picture
from filmroom.core.viewing import Fractions, frame_for, settled, shape_of
from filmroom.dicom.frames import Span
from filmroom.dicom.kinds import kind_of
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.errors import (
    ArchiveError,
    Broken,
    Malformed,
    NotAcceptable,
    NotFound,
    TooLarge,
    Undecodable,
    Unsupported,
)
from filmroom.model.instance import Located
from filmroom.model.pixels import Drawing, Image
from filmroom.model.rendering import Rendering, Viewport

GIF, JPEG = "image/gif", "image/jpeg"
PICTURES = (JPEG, "image/png", GIF, "image/webp", "image/jxl")
"""Media types that pictures are made in, the usual one first."""

DRAWN = 2
"""Counts up whenever the same frames are drawn otherwise, so that no old picture is given."""

KEPT = frozenset({Viewport(128, 128), Viewport(256, 256)})
"""Boxes of the thumbnails that are kept for good; any others would be without number."""

SMALL = 1 << 20
"""Bytes of an instance of which everything can be read without being missed elsewhere."""

MEDIUM = 16 << 20
"""Bytes of an instance of which a frame is read among requests that need no worker."""

ANIMATED = 256 << 20
"""Bytes of stored frames that are read for one animated picture, as far as can be told."""

MODALITY = "00080060"


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture: of what, and how."""

    located: Located
    rendering: Rendering
    """Its `presentation` is filled in when it is drawn."""
    numbers: tuple[int, ...] = ()
    """Frames from 1, several for an animation; none: the one that stands for all."""
    presentation: Located | None = None
    """The presentation state to apply."""
    fractions: Fractions | None = None
    """The region that is shown, in parts of the image's sides."""

    @property
    def version(self) -> str:
        """Differs wherever the picture does, and is the same in every process."""
        shown = self.rendering
        told = (
            DRAWN,
            self.located.key,
            self.numbers,
            self.presentation.key if self.presentation else "",
            self.fractions,
            replace(shown, annotations=frozenset()),
            sorted(shown.annotations),
        )
        return sha256(repr(told).encode()).hexdigest()[:32]


def picture(archive: Archive, scene: Scene) -> bytes:
    """The picture, from what was made before where that is kept; Undecodable if it cannot be."""
    if scene.presentation is not None:  # which may go while the image stays
        return _draw(archive, scene)
    drawing = _drawing(archive, scene, image_of(archive, scene.located))
    if drawing is None:
        return _kept(archive, scene, lambda: _draw(archive, scene))
    found = archive.derived.find(*_place(scene)) if _is_thumbnail(scene) else None
    return found or _draw_here(archive, scene, drawing)


def _draw_here(archive: Archive, scene: Scene, drawing: Drawing) -> bytes:
    """Draw without a worker; what is kept of it is written after it was given."""
    located = scene.located
    number = _numbers(scene, image_of(archive, located))[0]
    try:
        data = drawing.draw(frame_pieces(archive, located, number, drawing.piece))
    except NotFound as error:  # though its row was there: no mistake of who asks
        raise Broken(f"blob {located.key} is gone") from error
    if _is_thumbnail(scene):
        archive.ahead.ask(" ".join(_place(scene)), _keep(archive, scene, data))
    return data


def _is_thumbnail(scene: Scene) -> bool:
    """Whether this is a thumbnail of a usual size."""
    return scene.rendering.viewport in KEPT and not scene.rendering.enlarge


def _keep(archive: Archive, scene: Scene, data: bytes) -> Iterator[bytes]:
    def still_there() -> bytes:
        archive.storage.size(scene.located.key)  # NotFound: what was made of it is gone too
        return data

    yield _kept(archive, scene, still_there)


def _kept(archive: Archive, scene: Scene, make: Callable[[], bytes]) -> bytes:
    return archive.derived.get_or_make(*_place(scene), make, kept=_is_thumbnail(scene))


def _place(scene: Scene) -> tuple[str, str]:
    """Where a picture is kept among what was made: its blob, and its own name."""
    return scene.located.key, f"picture {scene.version}"


def _drawing(archive: Archive, scene: Scene, image: Image) -> Drawing | None:
    """What draws a scene without a worker, if anything does."""
    located = scene.located
    alone = len(scene.numbers) <= 1 and scene.presentation is None and scene.fractions is None
    if not alone or transfer_syntax(located.transfer_syntax).deflated:
        return None
    size = located.size // max(located.number_of_frames, 1)  # no less than the frame has
    return archive.pixels.drawing(image, _numbers(scene, image)[0], scene.rendering, size)


def is_small(located: Located) -> bool:
    """Whether all that drawing needs of a picture is read without being missed elsewhere."""
    return located.size <= SMALL and is_picture(located)


def icon(archive: Archive, scene: Scene) -> bytes:
    """A picture that says of what kind an instance is."""
    located = scene.located
    kind = kind_of(located.sop_class)
    if transfer_syntax(located.transfer_syntax).video:
        kind = "VIDEO"
    if not kind:
        values = image_of(archive, located).attributes.get(MODALITY, {}).get("Value", [])
        kind = str(values[0]) if values else "?"
    return archive.pixels.icon(kind, scene.rendering)


def _draw(archive: Archive, scene: Scene) -> bytes:
    """Read what is needed and have it drawn; all of the blob is read here (`Derived`)."""
    located = scene.located
    image = image_of(archive, located)
    shape_of(image.attributes)
    numbers = _numbers(scene, image)

    def draw() -> bytes:
        frames = [frame_bytes(archive, located, number) for number in numbers]
        return _drawn(archive, scene, image, numbers, frames)

    state = scene.presentation.key if scene.presentation else ""
    return archive.failures.unless_failed(located.key, f"picture of {numbers} {state}", draw)


def _draw_at_hand(archive: Archive, scene: Scene) -> bytes | None:
    """A small picture where that waits neither for a disk nor for a worker; else None."""
    located = scene.located
    image = archive.images.at_hand(located.key) if is_small(located) else None
    drawing = _drawing(archive, scene, image) if image else None
    if image is None or drawing is None:
        return None
    frame = frame_at_hand(archive, located, _numbers(scene, image)[0])
    return None if frame is None else drawing.draw([frame])


def _numbers(scene: Scene, image: Image) -> tuple[int, ...]:
    return scene.numbers or (frame_for(image.attributes, scene.located.number_of_frames),)


def _drawn(
    archive: Archive, scene: Scene, image: Image, numbers: Sequence[int], frames: Sequence[bytes]
) -> bytes:
    state, viewport = scene.presentation, scene.rendering.viewport
    rendering = replace(
        scene.rendering,
        viewport=settled(viewport, image.attributes, scene.fractions),
        presentation=image_of(archive, state).attributes if state else None,
    )
    try:
        return archive.pixels.render(frames, numbers, image, rendering)
    except TooLarge as error:
        raise Malformed(f"{error}: ask for a smaller viewport, or for fewer frames") from error
    except Unsupported as error:
        told = f"instance {scene.located.ref.instance}: {error}"
        raise Undecodable(told) from error


class Picture:
    """The bytes of a scene, made when they are first asked for.

    Where `forgiving`, what cannot be drawn is an icon: a thumbnail is never a broken image.
    """

    def __init__(self, archive: Archive, scene: Scene, *, forgiving: bool = False) -> None:
        self.archive, self.scene, self.forgiving = archive, scene, forgiving
        self.drawn = True
        """Whether this is what was asked for, and not an icon in its place."""
        self._data: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes in all; making them takes its time."""
        return len(self.read())

    def read(self) -> bytes:
        """The picture."""
        if self._data is None:
            self._data = self._make()
        return self._data

    def at_hand(self) -> bytes | None:
        """The picture if it was asked for before, or is drawn with little work; for event loops."""
        if self._data is None:
            with suppress(ArchiveError):  # whoever then asks in a thread is told
                self._data = _draw_at_hand(self.archive, self.scene)
        return self._data

    def soon(self) -> bytes | None:
        """The picture if it is had by reading one file: made before, or drawn without a worker."""
        scene = self.scene
        if self._data is not None or scene.presentation or not is_picture(scene.located):
            return self._data
        if scene.located.size <= MEDIUM and _drawing(
            self.archive, scene, image_of(self.archive, scene.located)
        ):
            return self.read()
        self._data = self.archive.derived.find(*_place(scene))
        return self._data

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        """The bytes in pieces, or a run of them; they are not kept for whoever asks again."""
        data = self._make() if self._data is None else self._data
        return MemoryContent(data).chunks(within)

    def _make(self) -> bytes:
        if not is_picture(self.scene.located):
            return icon(self.archive, self.scene)
        try:
            return picture(self.archive, self.scene)
        except (NotAcceptable, Malformed):  # such as a region that this image of many has not
            if not self.forgiving:
                raise
            self.drawn = False
            return icon(self.archive, self.scene)
