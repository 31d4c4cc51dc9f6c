"""Search as dicomweb-client does it, over a socket."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from dicomweb_client.api import DICOMwebClient
from requests import HTTPError

from filmroom.testing.objects import ct_slice, header, report, uid


@pytest.fixture
def client(server: str, store: Callable[..., list]) -> DICOMwebClient:
    """A client of an archive with three studies, the first of them in two series."""
    store(
        ct_slice(1, 1, 1, PatientName="Müller^Jürgen", StudyDate="20240101"),
        ct_slice(1, 1, 2, PatientName="Müller^Jürgen", StudyDate="20240101"),
        report(1, 2, StudyDate="20240101"),
        header(2, PatientName="山田^太郎", StudyDate="20240201", Modality="MR"),
        header(3, PatientName="Roe^Jane", StudyDate="20240301", Modality="US"),
    )
    return DICOMwebClient(url=f"{server}/dicom-web")


def studies(matches: list[dict]) -> list[str]:
    return [match["0020000D"]["Value"][0] for match in matches]


def test_all_studies_are_found_newest_first(client: DICOMwebClient) -> None:
    assert studies(client.search_for_studies()) == [uid(3), uid(2), uid(1)]


def test_pages_follow_one_another(client: DICOMwebClient) -> None:
    assert studies(client.search_for_studies(limit=2)) == [uid(3), uid(2)]
    assert studies(client.search_for_studies(limit=2, offset=2)) == [uid(1)]
    whole = client.search_for_studies(limit=1, get_remaining=True)
    assert studies(whole) == [uid(3), uid(2), uid(1)]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"PatientName": "Muller^Jurgen"}, [1]),
        ({"00100010": "*山田*"}, [2]),
        ({"PatientID": "ID3"}, [3]),
        ({"StudyDate": "20240115-20240331"}, [3, 2]),
        ({"ModalitiesInStudy": "SR"}, [1]),
        ({"PatientID": "nobody"}, []),
    ],
)
def test_studies_are_filtered(
    client: DICOMwebClient, filters: dict[str, str], found: list[int]
) -> None:
    matches = client.search_for_studies(search_filters=filters)
    assert studies(matches) == [uid(number) for number in found]


def test_names_are_matched_fuzzily(client: DICOMwebClient) -> None:
    matches = client.search_for_studies(
        fuzzymatching=True, search_filters={"PatientName": "jurgen mull"}
    )
    assert studies(matches) == [uid(1)]


def test_more_fields_are_given_when_asked_for(client: DICOMwebClient) -> None:
    (match,) = client.search_for_instances(
        uid(1),
        uid(1, 1),
        fields=["SliceThickness", "00280030"],
        search_filters={"InstanceNumber": 2},
    )
    assert match["00180050"]["Value"] == [1]
    assert match["00280030"]["Value"] == [1, 1]


def test_series_and_instances_are_found_in_all_scopes(client: DICOMwebClient) -> None:
    assert len(client.search_for_series()) == 4
    assert len(client.search_for_series(uid(1))) == 2
    assert len(client.search_for_series(search_filters={"Modality": "CT"})) == 1
    assert len(client.search_for_instances()) == 5
    assert len(client.search_for_instances(uid(1))) == 3
    assert len(client.search_for_instances(uid(1), uid(1, 1))) == 2


def test_what_is_malformed_is_an_error_of_the_client(client: DICOMwebClient) -> None:
    with pytest.raises(HTTPError) as refused:
        client.search_for_studies(search_filters={"StudyDate": "yesterday"})
    assert refused.value.response.status_code == 400
