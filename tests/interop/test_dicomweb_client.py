"""dicomweb-client stores what it is given and reads the answer."""

from __future__ import annotations

from io import BytesIO

import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom import Dataset, dcmread
from requests.exceptions import HTTPError

from filmroom.core.archive import Archive
from filmroom.testing.objects import ct_slice, image, part10, report, uid


def read(dataset: Dataset) -> Dataset:
    """The data set as a client has it that read it from a file."""
    return dcmread(BytesIO(part10(dataset)))


@pytest.fixture
def client(server: str) -> DICOMwebClient:
    return DICOMwebClient(f"{server}/dicom-web")


@pytest.fixture
def at_dcm4chees_address(server: str) -> DICOMwebClient:
    return DICOMwebClient(f"{server}/dcm4chee-arc/aets/DCM4CHEE/rs")


def test_instances_are_stored_and_referenced(client: DICOMwebClient, archive: Archive) -> None:
    answer = client.store_instances(map(read, [ct_slice(1, 1, 1), ct_slice(1, 1, 2), report()]))

    assert [item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence] == [
        uid(1, 1, 1),
        uid(1, 1, 2),
        uid(1, 90, 1),
    ]
    assert answer.RetrieveURL.endswith(f"/dicom-web/studies/{uid(1)}")
    assert archive.index.counts().instances == 3


def test_a_large_instance_goes_in_chunks(client: DICOMwebClient, archive: Archive) -> None:
    client.set_chunk_size(100_000)

    client.store_instances(map(read, [image(rows=1024, columns=1024, frames=4)]))

    assert archive.index.counts().size > 8 * 2**20


def test_one_study_alone_is_stored_into(client: DICOMwebClient, archive: Archive) -> None:
    answer = client.store_instances(
        map(read, [ct_slice(1), ct_slice(2)]), study_instance_uid=uid(1)
    )

    (failed,) = answer.FailedSOPSequence
    assert failed.ReferencedSOPInstanceUID == uid(2, 1, 1)
    assert failed.FailureReason == 0xA900
    assert archive.index.counts().instances == 1


def test_nothing_stored_is_an_error(client: DICOMwebClient) -> None:
    with pytest.raises(HTTPError, match="409"):
        client.store_instances(map(read, [ct_slice(2)]), study_instance_uid=uid(1))


def test_what_was_stored_is_found_retrieved_and_deleted(
    at_dcm4chees_address: DICOMwebClient, archive: Archive
) -> None:
    client = at_dcm4chees_address
    client.store_instances(map(read, [ct_slice()]))

    (found,) = client.search_for_studies(search_filters={"PatientID": "ID1"})
    assert found["0020000D"]["Value"] == [uid(1)]
    held = client.retrieve_instance(uid(1), uid(1, 1), uid(1, 1, 1))
    assert held.PixelData == ct_slice().PixelData

    client.delete_study(uid(1))
    assert archive.index.counts().instances == 0
