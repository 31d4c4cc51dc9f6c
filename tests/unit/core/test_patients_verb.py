"""Patients, found by their studies (PS3.4 §C.6.1.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from filmroom.app import open_archive
from filmroom.core.archive import Archive
from filmroom.core.patients import COUNTS, INSTANCES, SERIES, STUDIES, patients
from filmroom.dicom.levels import Level
from filmroom.dicom.matching import Wildcard
from filmroom.model.query import Match, Query
from filmroom.settings import Settings
from filmroom.testing.index_objects import instance

NAME, ID, ISSUER = "00100010", "00100020", "00100021"
HELD: list[dict[str, Any]] = [
    {"PatientID": "1", "PatientName": "Doe^Jane", "StudyDate": "20240101"},
    {"PatientID": "1", "PatientName": "Roe^Jane", "StudyDate": "20240301"},
    {"PatientID": "1", "IssuerOfPatientID": "B", "PatientName": "Poe^Ann", "StudyDate": "20240201"},
    {"PatientName": "Doe^Jane", "PatientBirthDate": "19500101", "StudyDate": "20230101"},
    {"PatientName": "Doe^Jane", "PatientBirthDate": "19600101", "StudyDate": "20220101"},
    {"StudyDate": "20210101"},
    {"StudyDate": "20200101"},
]


@pytest.fixture(params=["memory:", ""], ids=["memory", "sqlite"])
def archive(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Archive]:
    settings = Settings(data=tmp_path, index=request.param, storage="memory:", disk_reserve=0)
    with open_archive(settings) as opened:
        for number, keys in enumerate(HELD, 1):
            study = str(number)
            opened.index.add(instance(f"{study}.1.1", series=f"{study}.1", study=study, **keys))
        opened.index.add(instance("1.2.1", series="1.2", study="1", **HELD[0]))
        yield opened


def told(archive: Archive, *matching: Match, include: frozenset[str]) -> list[list[object]]:
    query = Query(Level.PATIENT, matching=matching, include=include, bare=True)
    tags = sorted(include)
    return [
        [one.get(tag, {}).get("Value", [None])[0] for tag in tags]
        for page in patients(archive, query)
        for one in page
    ]


def test_a_patient_is_an_id_of_an_issuer_or_else_a_name_and_a_birth_date(archive: Archive) -> None:
    assert told(archive, include=frozenset({NAME, ID, ISSUER})) == [
        [{"Alphabetic": "Roe^Jane"}, "1", None],
        [{"Alphabetic": "Poe^Ann"}, "1", "B"],
        [{"Alphabetic": "Doe^Jane"}, None, None],
        [{"Alphabetic": "Doe^Jane"}, None, None],
        [None, None, None],
    ]


def test_counts_are_of_all_studies_of_a_patient(archive: Archive) -> None:
    assert STUDIES < SERIES < INSTANCES
    assert told(archive, include=COUNTS) == [[2, 3, 3], [1, 1, 1], [1, 1, 1], [1, 1, 1], [2, 2, 2]]
    named = Match(NAME, Wildcard("doe*"))
    assert told(archive, named, include=COUNTS) == [[2, 3, 3], [1, 1, 1], [1, 1, 1]]
