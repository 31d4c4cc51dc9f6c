"""WADO-URI with `anonymize=yes`: files that do not tell whose they are (PS3.18 §9, PS3.15 §E)."""

from __future__ import annotations

import re
import subprocess
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data.data_manager import DATA_ROOT
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian
from starlette.testclient import TestClient

from filmroom.core.archive import Archive
from filmroom.core.store import receive
from filmroom.dicom.deidentification import Action, row_of
from filmroom.errors import Refused
from filmroom.model.instance import InstanceRef
from filmroom.testing.objects import ct_slice, encapsulated, part10, pdf, report, uid

EXPLICIT, IMPLICIT, DEFLATED = (f"1.2.840.10008.1.2{suffix}" for suffix in (".1", "", ".1.99"))
BIG, JLS, MP4 = ExplicitVRBigEndian, "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.102"
TEXTS = frozenset(["AS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"])
DUMMIES = {b"Anonymized", b"000000", b"19000101", b"ANON", b"000D"}


def asked(ref: InstanceRef | None = None, **more: str) -> dict[str, str]:
    ref = ref or InstanceRef(uid(1), uid(1, 1), uid(1, 1, 1))
    named = {"studyUID": ref.study, "seriesUID": ref.series, "objectUID": ref.instance}
    return {
        "requestType": "WADO", **named, "contentType": "application/dicom", "anonymize": "yes",
        **more,
    }  # fmt: skip


def opened(got: httpx.Response) -> Dataset:
    assert got.status_code == 200, got.text
    assert int(got.headers["content-length"]) == len(got.content)
    return dcmread(BytesIO(got.content))


def ct(**attributes: object) -> Dataset:
    return changed(ct_slice(1, 1, 1), **attributes)


def changed(dataset: Dataset, **attributes: object) -> Dataset:
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def words(dataset: Dataset) -> np.ndarray:
    """The stored values of one frame of 16 bits."""
    return np.frombuffer(dataset.PixelData, "<u2")


def test_a_file_without_identity(web: TestClient, store) -> None:
    stored = ct(StudyDescription="for Miller", InstitutionName="St. Elsewhere")
    store(part10(stored, preamble=b"Test^Patient1".ljust(128)))

    got = web.get("/wado", params=asked())
    read = opened(got)

    assert got.headers["content-type"] == f"application/dicom; transfer-syntax={EXPLICIT}"
    for value in (b"Patient1", b"ID1", b"19700131", b"20240115", b"Miller", b"Elsewhere"):
        assert value not in got.content
    for value in (uid(1), uid(1, 1), uid(1, 1, 1)):
        assert value.encode() not in got.content
        assert value not in str(got.headers)
    assert read.PatientIdentityRemoved == "YES"
    assert read.file_meta.MediaStorageSOPInstanceUID == read.SOPInstanceUID
    assert read.SOPInstanceUID.startswith("2.25.")
    assert f'filename="{read.SOPInstanceUID}.dcm"' in got.headers["content-disposition"]
    assert (read.Modality, read.Rows, read.SOPClassUID) == ("CT", stored.Rows, stored.SOPClassUID)
    assert read.PixelData == stored.PixelData


def test_what_belongs_together_still_does(web: TestClient, store) -> None:
    store(ct(), ct_slice(1, 1, 2), ct_slice(2, 1, 1))
    refs = [InstanceRef(uid(s), uid(s, 1), uid(s, 1, i)) for s, i in ((1, 1), (1, 2), (2, 1))]

    one, two, other = (opened(web.get("/wado", params=asked(ref))) for ref in refs)

    assert one.StudyInstanceUID == two.StudyInstanceUID != other.StudyInstanceUID
    assert one.SeriesInstanceUID == two.SeriesInstanceUID
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.FrameOfReferenceUID == two.FrameOfReferenceUID
    assert one.PatientID == two.PatientID != other.PatientID
    again = opened(web.get("/wado", params=asked(refs[0], transferSyntax=IMPLICIT)))
    assert again.SOPInstanceUID == one.SOPInstanceUID


def test_the_secret_is_kept_from_others(web: TestClient, store, archive: Archive) -> None:
    store(ct())
    web.get("/wado", params=asked())

    (secret,) = archive.settings.data.glob("deidentification.key")
    assert secret.stat().st_mode & 0o777 == 0o600
    assert len(secret.read_bytes()) == 32


@pytest.mark.parametrize("stored", [EXPLICIT, IMPLICIT, DEFLATED, BIG])
@pytest.mark.parametrize("target", ["*", EXPLICIT, IMPLICIT, DEFLATED, JLS])
def test_pixels_are_the_same_in_every_form(
    web: TestClient, store, stored: str, target: str
) -> None:
    dataset = ct()
    values = words(dataset)
    if stored == BIG:
        dataset.PixelData = values.byteswap().tobytes()
    store(part10(dataset, stored))

    got = web.get("/wado", params=asked(transferSyntax=target))
    read = opened(got)

    writable = EXPLICIT if stored == BIG else stored
    expected = writable if target == "*" else target
    assert read.file_meta.TransferSyntaxUID == expected
    assert got.headers["content-type"].endswith(f"={expected}")
    assert read.PatientIdentityRemoved == "YES"
    assert np.array_equal(read.pixel_array.ravel().astype("<u2"), values)


def test_compressed_frames_are_copied_with_their_offsets(web: TestClient, store) -> None:
    frames = [b"frame 1!", b"frame two..", b"3"]
    store(encapsulated(frames, JLS, Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2"))

    read = opened(web.get("/wado", params=asked()))

    stored = dcmread(BytesIO(encapsulated(frames, JLS)))
    assert read.file_meta.TransferSyntaxUID == JLS
    assert read.PixelData == stored.PixelData


def test_extended_offset_tables_stay_where_the_frames_do(web: TestClient, store) -> None:
    dataset = dcmread(BytesIO(encapsulated([b"one!", b"two!"], JLS, offset_table=False)))
    dataset.Modality, dataset.SOPClassUID = "CT", "1.2.840.10008.5.1.4.1.1.2"
    dataset.ExtendedOffsetTable = np.array([0, 12], "<u8").tobytes()
    dataset.ExtendedOffsetTableLengths = np.array([4, 4], "<u8").tobytes()
    dataset.add_new(0xFFFCFFFC, "OB", b"Test^Patient1 ")
    store(part10(dataset, JLS))

    got = web.get("/wado", params=asked())
    read = opened(got)

    assert read.ExtendedOffsetTable == dataset.ExtendedOffsetTable
    assert read.PixelData == dataset.PixelData
    assert 0xFFFCFFFC not in read
    assert b"Patient1" not in got.content


def test_overlays_go_also_from_between_the_pixels(web: TestClient, store) -> None:
    dataset = ct(BitsStored=12, HighBit=11, PixelRepresentation=0)
    values = words(dataset) & 0xFFF
    dataset.PixelData = (values | 0x5000).astype("<u2").tobytes()
    dataset.add_new(0x60000010, "US", dataset.Rows)
    dataset.add_new(0x60000011, "US", dataset.Columns)
    dataset.add_new(0x60000100, "US", 16)
    dataset.add_new(0x60000102, "US", 14)
    store(part10(dataset))

    read = opened(web.get("/wado", params=asked()))

    assert all(element.tag.group != 0x6000 for element in read)
    assert np.array_equal(words(read), values)


def test_a_report_and_a_document(web: TestClient, store) -> None:
    document = changed(pdf(document=b"%PDF-1.4 about Miller"), DocumentTitle="Miller")
    store(report(TextValue="Miller"), document)

    for series in (90, 80):
        ref = InstanceRef(uid(1), uid(1, series), uid(1, series, 1))
        got = web.get("/wado", params=asked(ref))
        read = opened(got)
        assert b"Miller" not in got.content
        assert read.PatientIdentityRemoved == "YES"
    assert read.EncapsulatedDocument.startswith(b"%PDF-1.4\n")
    assert len(read.EncapsulatedDocument) - read.EncapsulatedDocumentLength in (0, 1)
    assert b"(Anonymized)" in read.EncapsulatedDocument


@pytest.mark.parametrize(
    "attributes",
    [
        {"BurnedInAnnotation": "YES"},
        {"Modality": "US"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        {"ImageType": ["DERIVED", "SECONDARY", "OTHER", "CT_SOM5 PROT"]},
    ],
)
def test_an_image_that_may_show_a_name_is_refused(
    web: TestClient, store, attributes: dict[str, object]
) -> None:
    store(ct(**attributes))

    got = web.get("/wado", params=asked())

    assert got.status_code == 406
    assert "may show whose it is" in got.json()["detail"]
    assert web.get("/wado", params=asked(contentType="image/jpeg")).status_code == 406


def test_what_has_no_form_without_identity_is_refused(web: TestClient, store) -> None:
    store(changed(pdf(), MIMETypeOfEncapsulatedDocument="application/unheard-of"))
    store(changed(report(series=50), SOPClassUID="1.2.840.10008.5.1.4.1.1.9.4.1"))

    document = InstanceRef(uid(1), uid(1, 80), uid(1, 80, 1))
    for ref in (document, InstanceRef(uid(1), uid(1, 50), uid(1, 50, 1))):
        assert web.get("/wado", params=asked(ref)).status_code == 406
    assert (
        web.get("/wado", params=asked(document, contentType="application/pdf")).status_code == 406
    )


def test_what_the_client_has_is_not_sent_again(web: TestClient, store) -> None:
    store(ct())
    tag = web.get("/wado", params=asked()).headers["etag"]

    assert web.get("/wado", params=asked(), headers={"If-None-Match": tag}).status_code == 304
    assert web.get("/wado", params=asked(anonymize="no")).headers["etag"] != tag


def test_dcmtk_reads_it(web: TestClient, store, tmp_path: Path) -> None:
    store(ct(RequestAttributesSequence=Sequence([Dataset()])))
    file = tmp_path / "anonymized.dcm"
    file.write_bytes(web.get("/wado", params=asked()).content)

    read = subprocess.run(["dcmdump", "-q", file], capture_output=True, text=True, check=True)

    assert read.stderr == ""
    assert "(0012,0062) CS [YES]" in read.stdout
    assert "(0008,0100) SH [113100]" in read.stdout


class TestEveryFile:
    """pydicom's own files, and what they say of patients."""

    FILES = sorted(
        path
        for path in (Path(DATA_ROOT) / "test_files").rglob("*")
        if path.is_file() and path.read_bytes()[128:132] == b"DICM"
    )

    @pytest.fixture
    def stored(self, archive: Archive) -> Iterator[list[tuple[Path, InstanceRef]]]:
        held: dict[InstanceRef, Path] = {}
        for path in self.FILES:
            with receive(archive, "test") as incoming:
                incoming.write(path.read_bytes())
                try:
                    held.setdefault(incoming.finish().ref, path)
                except Refused:
                    continue
        return [(path, ref) for ref, path in held.items()]

    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_no_value_that_must_go_is_left(
        self, web: TestClient, stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("filmroom.core.anonymous.check_anonymous", lambda *_: None)
        given = 0
        for path, ref in stored:
            got = web.get("/wado", params=asked(ref))
            assert got.status_code == 200, (path.name, got.text)
            with warnings.catch_warnings(action="ignore"):
                read, original = opened(got), dcmread(path)
                left = identities(original) - DUMMIES - kept(original)
                text = without_pixels(got.content, read)
                assert [value for value in left if value in text] == [], path.name
                assert all(not element.tag.is_private for element in read.iterall()), path.name
                assert pixels(read) == pixels(original) or read_big(original), path.name
            given += 1
        assert given > 100


def values(dataset: Dataset, actions: set[Action]) -> Iterator[tuple[str, str]]:
    """VR and text of values that are dealt with so, four letters or more; of sequences too."""
    for element in dataset.iterall():
        private = element.tag.is_private
        action = Action.REMOVE if private else row_of(int(element.tag)).basic
        if action in actions and element.VR in TEXTS | {"CS", "AE", "DS", "IS"}:
            value = element.value
            many = value if isinstance(value, (list, MultiValue)) else [value]
            yield from ((element.VR, str(each)) for each in many)


def identities(dataset: Dataset) -> set[bytes]:
    gone = {Action.REMOVE, Action.EMPTY, Action.REPLACE, Action.MAP}
    found = {text.strip().encode() for vr, text in values(dataset, gone) if vr in TEXTS}
    return {text for text in found if len(text) > 3 and not text.startswith(b"1.2.840.10008.")}


def kept(dataset: Dataset) -> set[bytes]:
    """Parts of what may stay: a number, or a word that is also the patient's."""
    stays = [text.encode() for _, text in values(dataset, {Action.KEEP})]
    return {part for part in identities(dataset) if any(part in text for text in stays)}


def pixels(dataset: Dataset) -> bytes:
    names = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    return next((bytes(dataset[name].value or b"") for name in names if name in dataset), b"")


def without_pixels(file: bytes, dataset: Dataset) -> bytes:
    """All but pixels and pseudonyms, in which any four letters or digits may come about."""
    data = pixels(dataset)
    bare = file.replace(data, b"") if data else file
    return re.sub(rb"2\.25\.[0-9]+|ANON[A-Z2-7]{12}", b"", bare)


def read_big(dataset: Dataset) -> bool:
    return not dataset.original_encoding[1]
