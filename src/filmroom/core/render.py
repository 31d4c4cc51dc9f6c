"""Render: frames → pictures (PS3.18 §10.4.1.1.3, §10.4.1.1.4), an icon for what has no frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

from filmroom.core.archive import Archive
from filmroom.core.content import MemoryContent
from filmroom.core.image import frame_bytes, image_of
from filmroom.core.representative import is_picture
from filmroom.core.viewing import Fractions, frame_for, settled, shape_of
from filmroom.dicom.frames import Span
from filmroom.dicom.kinds import kind_of
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.errors import Malformed, NotAcceptable, TooLarge, Undecodable, Unsupported
from filmroom.model.instance import Located
from filmroom.model.rendering import Rendering, Viewport

GIF, JPEG = "image/gif", "image/jpeg"
PICTURES = (JPEG, "image/png", GIF, "image/webp", "image/jxl")
"""Media types that pictures are made in, the usual one first."""

DRAWN = 1
"""Counts up whenever the same frames are drawn otherwise, so that no old picture is given."""

KEPT = frozenset({Viewport(128, 128), Viewport(256, 256)})
"""Boxes of the thumbnails that are kept for good; any others would be without number."""

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
    return archive.derived.get_or_make(
        scene.located.key,
        f"picture {scene.version}",
        lambda: _draw(archive, scene),
        kept=scene.rendering.viewport in KEPT and not scene.rendering.enlarge,
    )


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
    located, state = scene.located, scene.presentation
    image = image_of(archive, located)
    shape_of(image.attributes)
    numbers = scene.numbers or (frame_for(image.attributes, located.number_of_frames),)
    rendering = replace(
        scene.rendering,
        viewport=settled(scene.rendering.viewport, image.attributes, scene.fractions),
        presentation=image_of(archive, state).attributes if state else None,
    )
    frames = [frame_bytes(archive, located, number) for number in numbers]
    try:
        return archive.pixels.render(frames, numbers, image, rendering)
    except TooLarge as error:
        raise Malformed(f"{error}: ask for a smaller viewport, or for fewer frames") from error
    except Unsupported as error:
        raise Undecodable(f"instance {located.ref.instance}: {error}") from error


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
        """The picture if it was asked for before."""
        return self._data

    def made(self) -> bytes | None:
        """The picture if it was made before, for whomever: that takes one read of a file."""
        scene = self.scene
        if self._data is None and scene.presentation is None and is_picture(scene.located):
            self._data = self.archive.derived.find(scene.located.key, f"picture {scene.version}")
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
