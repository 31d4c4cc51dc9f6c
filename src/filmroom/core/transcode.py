"""Transcoding, frame by frame: which forms there are, and frames made when they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from filmroom.core.archive import Archive
from filmroom.core.content import MemoryContent
from filmroom.core.image import frame_bytes, image_of
from filmroom.dicom.frames import Span
from filmroom.dicom.transfer_syntaxes import (
    DEFLATED,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    OCTET_STREAM,
    TRANSFER_SYNTAXES,
    transfer_syntax,
)
from filmroom.errors import Malformed, NotAcceptable, Undecodable, Unsupported
from filmroom.model.instance import Located
from filmroom.model.pixels import Coded
from filmroom.model.wanted import Offer

CODED = 1
"""Counts up whenever frames are coded otherwise, so that no old ones are given."""

JPEG_BASELINE, JPEG_LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_IN_JPEG_XL = "1.2.840.10008.1.2.4.111"

DEFAULTS = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, JPEG_LOSSLESS)
"""Syntaxes that come before others of their media type (PS3.18 Tables 8.7.3-2 to 8.7.3-5)."""

OHIF_DECODES = frozenset(
    f"1.2.840.10008.1.2{suffix}"
    for suffix in (
        "", ".1", ".2", ".1.99", ".5", ".4.50", ".4.51", ".4.57", ".4.70", ".4.80", ".4.81",
        ".4.90", ".4.91", ".4.201", ".4.202", ".4.203",
    )
)  # fmt: skip
"""What the codecs of OHIF 3.13 take; of JPEG Extended what is grey."""

SAMPLES = "00280002"


def coded_offers(stored: str) -> list[Offer]:
    """The forms that frames can be coded in, all but the one they are stored in."""
    if transfer_syntax(stored).decoder is None:
        return []
    uids = [uid for uid, syntax in TRANSFER_SYNTAXES.items() if syntax.encoder is not None]
    uids.sort(key=lambda uid: DEFAULTS.index(uid) if uid in DEFAULTS else len(DEFAULTS))
    return [
        Offer(media_type, uid)
        for uid in uids
        if uid not in (stored, DEFLATED)  # a data set is deflated, never a frame of it
        for media_type in dict.fromkeys((TRANSFER_SYNTAXES[uid].media_type, OCTET_STREAM))
    ]


def for_viewer(archive: Archive, located: Located) -> str:
    """The transfer syntax that a browser's viewer is to be given frames in.

    OHIF takes the luminance and chrominance of JPEG Extended for red, green and blue. Frames
    of 8 bits in it are frames of JPEG Baseline but for a marker, and those it shows rightly.
    """
    stored = located.transfer_syntax
    if stored == JPEG_EXTENDED and _is_coloured(archive, located):
        return JPEG_BASELINE
    if stored in OHIF_DECODES or transfer_syntax(stored).decoder is None:
        return stored
    return JPEG_BASELINE if stored == JPEG_IN_JPEG_XL else EXPLICIT_LITTLE


def _is_coloured(archive: Archive, located: Located) -> bool:
    return bool(image_of(archive, located).attributes.get(SAMPLES, {}).get("Value") == [3])


def coded_frame(
    archive: Archive, located: Located, number: int, target: str, frame: bytes | None = None
) -> Coded:
    """Frame `number`, from 1, in another transfer syntax, made anew; of its bytes, if at hand.

    Undecodable where that fails, NotAcceptable where the syntax does not carry such pixels.
    """
    name = f"frame {number} {target}"
    make = partial(_coded, archive, located, number, target, frame)
    return archive.failures.unless_failed(located.key, name, make)


def _coded(
    archive: Archive, located: Located, number: int, target: str, frame: bytes | None
) -> Coded:
    image = image_of(archive, located)
    frame = frame_bytes(archive, located, number) if frame is None else frame
    quality = archive.settings.lossy_quality
    try:
        return archive.pixels.transcode(frame, image, target, quality)
    except Unsupported as error:  # the request is, not what was sent
        raise NotAcceptable(f"instance {located.ref.instance}: {error}") from error
    except Malformed as error:  # the instance is, not the request
        raise Undecodable(f"instance {located.ref.instance}: {error}") from error


def coding(archive: Archive, target: str) -> str:
    """What tells codings in one transfer syntax apart."""
    lossy = transfer_syntax(target).lossy
    return f"{target} {archive.settings.lossy_quality if lossy else 100} {CODED}"


@dataclass(frozen=True, slots=True)
class CodedFrame:
    """A frame in another transfer syntax, made when it is read and kept then.

    Its size is not known before.
    """

    archive: Archive
    located: Located
    number: int
    target: str

    @property
    def size(self) -> int:
        return len(self.read())

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        return MemoryContent(self.read()).chunks(within)

    def read(self) -> bytes:
        return self.archive.derived.get_or_make(self.located.key, self._name, self._make)

    def at_hand(self) -> bytes | None:
        return None  # making it takes its time

    def made(self) -> bytes | None:
        """The frame if it was made before: that takes one read of a file."""
        return self.archive.derived.find(self.located.key, self._name)

    @property
    def _name(self) -> str:
        return f"frame {self.number} {coding(self.archive, self.target)}"

    def _make(self) -> bytes:
        return coded_frame(self.archive, self.located, self.number, self.target).data
