"""Kinds of objects by SOP class."""

from __future__ import annotations

import pytest

from filmroom.dicom.kinds import kind_of

STORAGE = "1.2.840.10008.5.1.4.1.1."


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        ("88.33", "SR"),
        ("88.59", "KO"),
        ("88.67", "SR"),
        ("11.1", "PR"),
        ("11.12", "PR"),
        ("9.1.1", "ECG"),
        ("66.1", "REG"),
        ("66.4", "SEG"),
        ("66.5", "SEG"),
        ("30", "PMAP"),
        ("481.2", "RTDOSE"),
        ("481.3", "RTSTRUCT"),
        ("481.5", "RTPLAN"),
        ("104.1", "PDF"),
        ("104.3", "STL"),
        ("2", ""),
        ("88", ""),
        ("1", ""),
        ("9.8.1", ""),
        ("481.30", ""),
    ],
)
def test_a_class_has_its_kind_or_leaves_it_to_its_modality(suffix: str, kind: str) -> None:
    assert kind_of(STORAGE + suffix) == kind


def test_a_private_class_has_none() -> None:
    assert kind_of("1.2.3.88.33") == ""
