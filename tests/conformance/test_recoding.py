"""Frames coded without loss at ingest: smaller, the same pixels, and what was sent stays known."""

from __future__ import annotations

import hashlib
import logging
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from starlette.testclient import TestClient

from filmroom.app import open_archive, rebuild
from filmroom.cli.importing import import_
from filmroom.core import ledger
from filmroom.core.archive import Archive
from filmroom.core.ledger import Deed
from filmroom.core.maintain import verify
from filmroom.core.store import receive
from filmroom.dicom.part10 import read_file_meta
from filmroom.model.instance import InstanceRef, Located, Original
from filmroom.model.stored import OnConflict, Outcome, Stored
from filmroom.settings import Settings
from filmroom.settings.storing import IngestTranscode
from filmroom.testing.objects import encapsulated, image, part10, report, uid, video

REF = InstanceRef(uid(1), uid(1, 1), uid(1, 1, 1))
SYNTAXES = {
    IngestTranscode.HTJ2K: "1.2.840.10008.1.2.4.202",
    IngestTranscode.JPEG_LS: "1.2.840.10008.1.2.4.80",
    IngestTranscode.JPEG_2000: "1.2.840.10008.1.2.4.90",
}
INSTANCE = f"/dicom-web/studies/{uid(1)}/series/{uid(1, 1)}/instances/{uid(1, 1, 1)}"
DEFLATED, JPEG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50"


def waves(frames: int = 1, **more: object) -> Dataset:
    """An image that compresses well, better than by deflating it."""
    dataset = image(rows=64, columns=64, frames=frames, **more)
    ramp = np.add.outer(np.arange(64), np.arange(64))
    noise = np.random.default_rng(3).integers(0, 30, (64, 64))
    values = np.stack([ramp * (n + 3) % 4000 + noise for n in range(frames)]).astype("<u2")
    dataset.PixelData = values.tobytes()
    dataset.BitsStored, dataset.HighBit = 12, 11
    return dataset


@pytest.fixture(params=list(SYNTAXES))
def mode(request: pytest.FixtureRequest) -> IngestTranscode:
    return request.param


@pytest.fixture
def settings(settings: Settings, mode: IngestTranscode) -> Settings:
    return settings.model_copy(update={"ingest_transcode": mode})


htj2k = pytest.mark.parametrize("mode", [IngestTranscode.HTJ2K], indirect=True)


def located(archive: Archive) -> Located:
    return archive.index.locate(REF)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_an_instance_is_stored_smaller_with_the_same_pixels(
    web: TestClient, archive: Archive, store, mode: IngestTranscode
) -> None:
    sent = part10(waves(frames=3))

    (stored,) = store(sent)

    there = located(archive)
    assert there.transfer_syntax == SYNTAXES[mode]
    assert there.number_of_frames == 3
    assert stored.saved == len(sent) - there.size > len(sent) // 4
    assert archive.index.original(there.key) == Original(
        digest(sent), len(sent), ExplicitVRLittleEndian
    )
    plain = "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"
    back = dcmread(BytesIO(web.get(INSTANCE, headers={"Accept": plain}).content))
    assert back.PixelData == dcmread(BytesIO(sent)).PixelData
    kept = dcmread(BytesIO(archive.storage.read(there.key)))
    assert kept.file_meta.TransferSyntaxUID == SYNTAXES[mode]
    for element in dcmread(BytesIO(sent)):
        if element.keyword not in ("PixelData", "PhotometricInterpretation"):
            assert kept[element.tag] == element
    assert [found for found in verify(archive) if found.problem] == []


@htj2k
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DEFLATED]
)
def test_native_pixels_of_every_kind_are_recoded(
    web: TestClient, archive: Archive, store, syntax: str
) -> None:
    dataset = waves()
    values = np.frombuffer(dataset.PixelData, "<u2")
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = values.astype(">u2").tobytes()
    store(part10(dataset, syntax))

    assert located(archive).transfer_syntax == SYNTAXES[IngestTranscode.HTJ2K]
    native = {"Accept": "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"}
    assert web.get(f"{INSTANCE}/frames/1", headers=native).content == values.tobytes()


@htj2k
@pytest.mark.parametrize("mode_of_conflict", OnConflict)
def test_the_same_instance_sent_again_is_the_same(
    archive: Archive, store, mode_of_conflict: OnConflict
) -> None:
    object.__setattr__(
        archive, "settings", archive.settings.model_copy(update={"on_conflict": mode_of_conflict})
    )
    sent = part10(waves())
    store(sent)
    before = located(archive)

    (again,) = store(sent)

    assert again.outcome is Outcome.SAME
    assert again.saved == 0
    assert again.warnings == ()
    assert located(archive) == before
    assert [blob.key for blob in archive.storage.blobs()] == [before.key]
    assert archive.index.asides() == []


@htj2k
def test_it_is_the_same_also_when_recoding_was_begun_or_ended_meanwhile(
    archive: Archive, store
) -> None:
    def set_mode(mode: IngestTranscode) -> None:
        settings = archive.settings.model_copy(update={"ingest_transcode": mode})
        object.__setattr__(archive, "settings", settings)

    recoded, plain = part10(waves()), part10(waves(instance=2))
    store(recoded)
    set_mode(IngestTranscode.NONE)
    assert store(recoded)[0].outcome is Outcome.SAME
    store(plain)
    set_mode(IngestTranscode.JPEG_LS)
    assert [one.outcome for one in store(recoded, plain)] == [Outcome.SAME] * 2

    assert located(archive).transfer_syntax == SYNTAXES[IngestTranscode.HTJ2K]
    assert len(list(archive.storage.blobs())) == 2
    assert archive.index.asides() == []


@htj2k
def test_other_bytes_are_still_a_conflict(archive: Archive, store) -> None:
    store(part10(waves()))
    first = located(archive)

    (other,) = store(part10(waves(PatientComments="another")))

    assert other.outcome is Outcome.KEPT_FIRST
    (aside,) = archive.index.asides()
    assert archive.index.original(aside.key) is not None
    assert located(archive) == first


def hidden_bits() -> Dataset:
    dataset = waves()
    dataset.PixelData = bytes([0, 0x40]) + dataset.PixelData[2:]
    return dataset


def noise() -> Dataset:
    dataset = image(rows=64, columns=64, bits=16)
    dataset.PixelData = np.random.default_rng(1).bytes(64 * 64 * 2)
    return dataset


@htj2k
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(lambda: part10(hidden_bits()), id="bits beside the pixels"),
        pytest.param(lambda: part10(noise()), id="what gets larger"),
        pytest.param(lambda: encapsulated([b"\xff\xd8" + bytes(9000)], JPEG), id="lossy"),
        pytest.param(lambda: encapsulated([bytes(9000)], "1.2.3.4"), id="a private syntax"),
        pytest.param(
            lambda: encapsulated([bytes(9000)], "1.2.840.10008.1.2.4.70"), id="a damaged frame"
        ),
        pytest.param(lambda: part10(report(series=1)), id="no pixels"),
        pytest.param(lambda: video(series=1, stream=bytes(9000)), id="a video"),
        pytest.param(lambda: part10(image()), id="a tiny one"),
    ],
)
def test_what_cannot_be_recoded_is_stored_as_it_was_sent(archive: Archive, store, sent) -> None:
    data = sent()

    (stored,) = store(data)

    assert stored.outcome is Outcome.NEW
    assert stored.saved == 0
    there = located(archive)
    assert there.key == digest(data)
    assert archive.index.original(there.key) is None
    assert archive.storage.read(there.key) == data
    assert len(list(archive.storage.blobs())) == 1


@htj2k
def test_how_much_was_saved_is_counted_and_logged_without_names(
    web: TestClient, archive: Archive, store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "filmroom"):
        (stored,) = store(part10(waves(PatientName="Secret^Sue")))

    assert web.get("/api/counts").json()["saved"] == stored.saved > 0
    (line,) = [record for record in caplog.records if record.message == "recoded"]
    assert line.saved == stored.saved
    assert "Secret" not in repr(line.__dict__)


@htj2k
def test_the_index_made_anew_knows_what_was_sent(settings: Settings) -> None:
    sent = part10(waves())
    with open_archive(settings) as archive:
        _store(archive, sent)
        before = located(archive)
        original, saved = archive.index.original(before.key), archive.index.counts().saved

    assert all(not seen.problem for seen in rebuild(settings))

    with open_archive(settings) as archive:
        assert located(archive).key == before.key
        assert archive.index.original(before.key) == original
        assert archive.index.counts().saved == saved
        assert _store(archive, sent).outcome is Outcome.SAME
        (entry,) = [e for e in ledger.read(archive.storage) if e.deed is Deed.RECODED]
        assert entry.keys == (before.key,)


def _store(archive: Archive, data: bytes) -> Stored:
    incoming = receive(archive, "test")
    incoming.write(data)
    return incoming.finish()


def test_import_says_how_much_was_saved(tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(part10(waves(frames=40)))
    arguments = ["--data", str(tmp_path / "data"), "--ingest-transcode", "htj2k"]

    told = CliRunner().invoke(import_, [*arguments, str(tmp_path / "one.dcm")])

    assert told.exit_code == 0, told.output
    assert "recoding saved" in told.stderr


@htj2k
def test_file_meta_names_who_wrote_it(archive: Archive, store) -> None:
    store(part10(waves()))

    with archive.storage.view(located(archive).key) as data:
        meta = read_file_meta(data)
        assert meta.transfer_syntax == SYNTAXES[IngestTranscode.HTJ2K]
        assert meta.instance == REF.instance
