"""A data set without identity, all but its pixel data, element by element (PS3.15 §E.1.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from filmroom.dicom import dummies
from filmroom.dicom.deidentification import SAFE, Action, Options, row_of
from filmroom.dicom.descriptors import cleaned
from filmroom.dicom.encoding import UNDEFINED, element_header
from filmroom.dicom.pseudonyms import WELL_KNOWN, Pseudonyms
from filmroom.dicom.rewriting import LEFT_OUT, Element, Walk, written
from filmroom.dicom.scan_dictionary import public_vr, turned
from filmroom.dicom.scan_level import Level
from filmroom.dicom.transfer_syntaxes import TransferSyntax
from filmroom.errors import Undecodable

METHOD = ("Filmroom", "PS3.15 2024e Basic Application Confidentiality Profile")
CONTENT_SEQUENCE, CONTENT_TEMPLATE = 0x0040A730, 0x0040A504
PATIENT = frozenset({0x00100010, 0x00100020})
"""Patient's Name and ID, in whose place a pseudonym tells patients apart."""
DOCUMENT = 0x00420011
FREE_TEXT = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UT"])
MEANT = frozenset(["AT", "CS", "SL", "SS", "UL", "US"])
"""VRs of words and counts that hold a replaced item together, and tell nothing."""
MOST = 64
"""Characters of what stays of a description, 16 in SH (PS3.5 §6.2)."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What must be known of an instance before it is walked through."""

    pseudonyms: Pseudonyms
    names: frozenset[str] = frozenset()
    """Words of the patient's name, small; they are no descriptors."""
    safe: frozenset[tuple[str, int]] = frozenset()
    """Creator and group of private blocks that the data set says identify nobody."""
    document: bytes = b""
    """What is in place of an encapsulated document."""


def marks(options: Options, *, implicit: bool) -> dict[int, bytes]:
    """What a data set says of its own de-identification (PS3.3 §C.7.1.1, §C.12.1)."""
    codes = [dummies.code(*each, implicit=implicit) for each in options.codes]
    temporal = options.temporal
    return {
        0x00120062: dummies.text(0x00120062, "CS", "YES", implicit=implicit),
        0x00120063: dummies.text(0x00120063, "LO", *METHOD, implicit=implicit),
        0x00120064: dummies.sequence(0x00120064, *codes, implicit=implicit),
        0x00280303: dummies.text(0x00280303, "CS", temporal, implicit=implicit),
    }


class Deidentifying(Walk):
    """A walk that copies what may stay."""

    def __init__(
        self, data: memoryview, target: TransferSyntax, options: Options, subject: Subject
    ) -> None:
        super().__init__(data, target)
        self.options, self.subject = options, subject
        self.pixels_at: int | None = None
        """Where the pixel data begins, with the offset tables before it, if there is any."""
        self._replacing = 0
        # The one item that is put in place of a report's content follows no template.
        self._actions = {} if options.content else {CONTENT_TEMPLATE: Action.REMOVE}
        self._done: Mapping[Action, Callable[[Level, Element], bytes]] = {
            Action.REMOVE: self._removed,
            Action.EMPTY: self._emptied,
            Action.REPLACE: self._replaced,
            Action.MAP: self._mapped,
            Action.KEEP: self._kept,
            Action.CLEAN: self._cleaned,
            Action.SHIFT: self._shifted,
        }

    def written(self, source: TransferSyntax, put: Mapping[int, bytes]) -> bytes:
        """The data set up to its pixels; Undecodable where it is not well-formed."""
        whole = written(self, source, put)
        if self.pixels_at is None and self.position + 8 <= len(self.data):
            self.pixels_at = self.position
        return whole

    def _copied(self, level: Level, found: Element) -> bytes:
        if level.outer is None and found.tag in LEFT_OUT and self.pixels_at is None:
            self.pixels_at = found.head
        if not found.tag & 0xFFFF or found.tag in LEFT_OUT:
            return super()._copied(level, found)
        if found.tag & 0x10000:
            return self._private(level, found)
        return self._done[self._action(found.tag)](level, found)

    def _header(self, level: Level, tag: int) -> Element:
        """The same, but what the dictionary has for a sequence is one, whatever its VR says."""
        found = super()._header(level, tag)
        if found.vr != "SQ" and not tag & 0x10000 and public_vr(turned(tag)) == "SQ":
            return replace(found, vr="SQ")
        return found

    def _is_alike(self, level: Level, found: Element) -> bool:
        return found.vr != "SQ" and super()._is_alike(level, found)

    def _action(self, tag: int) -> Action:
        action = self._actions.get(tag)
        if action is None:
            action = self._actions[tag] = row_of(tag).action(self.options)
        return action

    def _private(self, level: Level, found: Element) -> bytes:
        group, element = found.tag >> 16, found.tag & 0xFFFF
        if element < 0x100:
            self._remember(level, found)
            creator = level.first_value(f"{found.tag:08X}")
            known = any(creator == safe and group == of for safe, of, _ in SAFE)
            keeps = known or (creator, group) in self.subject.safe
        else:
            creator = level.first_value(f"{group:04X}00{element >> 8:02X}")
            keeps = (creator, group, element & 0xFF) in SAFE
            keeps = keeps or (creator, group) in self.subject.safe
        if self.options.private and creator and keeps and not self._replacing:
            return self._kept(level, found)
        return self._removed(level, found)

    def _removed(self, level: Level, found: Element) -> bytes:
        if found.length == UNDEFINED:
            super()._copied(level, found)
            return b""
        end = found.start + found.length
        if end > level.end:
            raise Undecodable("the data set is cut short, or a length in it is wrong")
        self.position = end
        return b""

    def _emptied(self, level: Level, found: Element) -> bytes:
        if found.tag in PATIENT:
            return self._replaced(level, found)
        self._removed(level, found)
        return self._element(level, found, b"")

    def _replaced(self, level: Level, found: Element) -> bytes:
        if found.vr == "SQ":
            return self._replaced_items(level, found)
        self._removed(level, found)
        if not found.length:
            return self._element(level, found, b"")
        if found.tag in PATIENT:
            return self._element(level, found, self.subject.pseudonyms.patient.encode())
        if found.tag == DOCUMENT:
            return self._element(level, found, self.subject.document)
        vr = self._vr(level, found)
        return self._element(level, found, dummies.dummy(found.tag, vr, found.length))

    def _replaced_items(self, level: Level, found: Element) -> bytes:
        """A sequence whose items are as they were, and hold values that mean nothing."""
        if found.tag == CONTENT_SEQUENCE:
            self._removed(level, found)
            return dummies.content(implicit=self.implicit) if found.length else b""
        self._replacing += 1
        try:
            return self._items(level, found)
        finally:
            self._replacing -= 1

    def _items(self, level: Level, found: Element) -> bytes:
        """A sequence, what its items hold dealt with; b"" where there is something else in it."""
        undefined = found.length == UNDEFINED
        if found.length and not undefined and not self._begins_items(level.order, found.start):
            return self._removed(level, found)
        return super()._copied(level, found)

    def _mapped(self, level: Level, found: Element) -> bytes:
        if found.vr == "SQ":
            return self._items(level, found)
        return self._changed_values(level, found, self.subject.pseudonyms.uid)

    def _kept(self, level: Level, found: Element) -> bytes:
        if found.vr == "SQ":
            return self._items(level, found)
        if self._replacing and self._vr(level, found) not in MEANT:
            known = found.tag == 0x00081150 or self._is_well_known(found)
            if not known:
                return self._replaced(level, found)
        return super()._copied(level, found)

    def _is_well_known(self, found: Element) -> bool:
        start = bytes(self.data[found.start : found.start + min(found.length, len(WELL_KNOWN))])
        return start == WELL_KNOWN.encode()

    def _cleaned(self, level: Level, found: Element) -> bytes:
        """Of text what is known to identify nobody; else what the profile does without options."""
        if found.vr == "SQ":
            return self._items(level, found)
        if self._vr(level, found) in FREE_TEXT and not self._replacing:
            known = cleaned(self._text(level, found), self.subject.names)
            known = known[: 16 if self._vr(level, found) == "SH" else MOST].strip()
            if known:
                return self._element(level, found, known.encode())
        return self._done[row_of(found.tag).basic](level, found)

    def _shifted(self, level: Level, found: Element) -> bytes:
        vr = self._vr(level, found)
        if vr in ("DA", "DT"):
            moved = self.subject.pseudonyms.moved
            if found.length and not moved(self._text(level, found).split("\\")[0]):
                return self._done[row_of(found.tag).basic](level, found)  # no date to the day
            return self._changed_values(level, found, moved)
        if vr in ("TM", "SH"):  # times of day, and the time zone
            return self._kept(level, found)
        return self._done[row_of(found.tag).basic](level, found)

    def _changed_values(self, level: Level, found: Element, change: Callable[[str], str]) -> bytes:
        values = self._text(level, found).split("\\")
        changed = "\\".join(change(each.strip(" \0")) for each in values)
        return self._element(level, found, changed.encode())

    def _text(self, level: Level, found: Element) -> str:
        """The value, byte by byte a letter; what can be told apart in ASCII can be here."""
        self._removed(level, found)
        return bytes(self.data[found.start : found.start + found.length]).decode("latin-1")

    def _vr(self, level: Level, found: Element) -> str:
        """The VR that the dictionary has; of those with a choice the one that is written."""
        known = public_vr(turned(found.tag))
        return self._settled(level, found) if known == "UN" or " or " in known else known

    def _element(self, level: Level, found: Element, value: bytes) -> bytes:
        vr = self._vr(level, found)
        if len(value) % 2:
            value += b"\0" if vr in ("OB", "UI", "UN") else b" "
        return element_header(found.tag, vr, len(value), implicit=self.implicit) + value
