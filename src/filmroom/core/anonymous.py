"""Instances that may be given to somebody who must not know whose they are (PS3.15 Annex E)."""

from __future__ import annotations

from hashlib import sha256
from typing import BinaryIO

from filmroom.core.anonymising import Anonymising, first, pseudonyms_for
from filmroom.core.archive import Archive
from filmroom.core.image import image_of
from filmroom.core.retrieve import RewrittenContent
from filmroom.core.rewrite import target_for
from filmroom.core.secret import secret_of
from filmroom.core.selected import location_of
from filmroom.core.transcode import coding
from filmroom.dicom.deidentification import Options
from filmroom.dicom.media_types import DICOM
from filmroom.dicom.transfer_syntaxes import EXPLICIT_LITTLE, transfer_syntax
from filmroom.errors import NotAcceptable
from filmroom.model.answer import Part
from filmroom.model.instance import Attributes, InstanceRef, Located
from filmroom.model.pixels import DerivedFile

ANONYMISED = 1
"""Counts up whenever files are anonymized otherwise, so that no old ones are given."""

BURNED_IN_ANNOTATION = "00280301"
MODALITY, IMAGE_TYPE = "00080060", "00080008"
UNWRITTEN = frozenset({"CT", "MR", "PT", "NM", "SEG", "RTDOSE"})
"""Modalities whose images have no text in their pixels unless the data set says so."""
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""What the classes of pictures of screens begin with."""
SCREENS = ("SCREEN", "SAVE", "REPORT", "PROT", "DOSE_INFO", "CAPTURE")
"""Parts of image types that scanners give to pictures of their screens."""
SPOKEN = frozenset({f"1.2.840.10008.5.1.4.1.1.9.4.{number}" for number in (1, 2)})
"""Classes of recorded voices."""
BASIC = Options()


def check_anonymous(archive: Archive, located: Located) -> None:
    """NotAcceptable if identifying text may be part of an instance's pixels.

    It may not be where the data set says so, or says nothing and is of a kind that has none.
    """
    attributes = image_of(archive, located).attributes
    told = first(attributes, BURNED_IN_ANNOTATION).upper()
    if told == "NO" or (not told and _is_unwritten(located, attributes)):
        return
    raise NotAcceptable(
        f"instance {located.ref.instance} may show whose it is in its pixels, and is not given"
        " anonymized"
    )


def _is_unwritten(located: Located, attributes: Attributes) -> bool:
    """Whether an image is of a kind that holds no text."""
    kinds = attributes.get(IMAGE_TYPE, {}).get("Value") or []
    screen = any(word in str(kind).upper() for kind in kinds for word in SCREENS)
    captured = screen or located.sop_class.startswith(SECONDARY_CAPTURE)
    return first(attributes, MODALITY) in UNWRITTEN and not captured


def anonymised(
    archive: Archive, located: Located, options: Options = BASIC, target: str = ""
) -> DerivedFile:
    """A Part 10 file that does not tell whose it is, made anew where it was not kept.

    It is in the transfer syntax of `anonymised_target`. Raises NotAcceptable where pixels or
    a document may tell it, as Undecodable where what is stored is damaged.
    """
    name = f"anonymised {_version(archive, located, options, target)}"

    def write(file: BinaryIO) -> None:
        write_anonymised(archive, located, file, options, target)

    return archive.derived.file_or_make(located.key, name, write)


def write_anonymised(
    archive: Archive,
    located: Located,
    file: BinaryIO,
    options: Options = BASIC,
    target: str = "",
) -> None:
    """The same into an empty file that can be sought in."""
    if located.sop_class in SPOKEN:
        raise NotAcceptable("a recorded voice may tell whose it is, and is not given anonymized")
    if located.number_of_frames:
        check_anonymous(archive, located)
    uid = anonymised_target(located, target)
    secret = secret_of(archive.settings.data)
    Anonymising(archive, located, uid, options, secret).write(file)


def anonymised_target(located: Located, target: str = "") -> str:
    """The transfer syntax of the file: the stored one by default, but for what nothing writes."""
    stored = transfer_syntax(located.transfer_syntax)
    uid = target_for(located, target) if target else stored.uid
    wanted = transfer_syntax(uid)
    if wanted.encoder is None and not (wanted is stored and stored.encapsulated):
        return EXPLICIT_LITTLE
    return uid


def anonymised_ref(archive: Archive, located: Located, options: Options = BASIC) -> InstanceRef:
    """By what names the file that is given is known."""
    if options.uids:
        return located.ref
    attributes = image_of(archive, located).attributes
    stands_for = pseudonyms_for(secret_of(archive.settings.data), located, attributes).uid
    ref = located.ref
    return InstanceRef(stands_for(ref.study), stands_for(ref.series), stands_for(ref.instance))


def anonymised_part(
    archive: Archive, located: Located, options: Options = BASIC, target: str = ""
) -> tuple[Part, str]:
    """The file as a part of an answer, not made yet, and what tells this version from others."""
    uid = anonymised_target(located, target)
    content = AnonymisedContent(archive, located, uid, options)
    ref = anonymised_ref(archive, located, options)
    version = f"{located.key} {_version(archive, located, options, target)}"
    return Part(DICOM, uid, content, location_of(ref)), version


class AnonymisedContent(RewrittenContent):
    """A file without identity, made when something of it is first asked for."""

    def __init__(self, archive: Archive, located: Located, target: str, options: Options) -> None:
        super().__init__(archive, located, target)
        self._options = options

    def _made(self) -> DerivedFile:
        return anonymised(self._archive, self._located, self._options, self.transfer_syntax)


def _version(archive: Archive, located: Located, options: Options, target: str) -> str:
    """What tells anonymized files of one blob apart."""
    secret = sha256(secret_of(archive.settings.data)).hexdigest()[:16]
    form = coding(archive, anonymised_target(located, target))
    return f"{form} {ANONYMISED} {options!r} {secret}"
