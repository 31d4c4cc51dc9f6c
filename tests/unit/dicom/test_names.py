"""Names and other text are folded into what people type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom.names import fold, fold_text, groups


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Doe^Jane", "doe jane"),
        ("  DOE , Jane^^^ ", "doe jane"),
        ("Müller^Jürgen^^Dr.", "muller jurgen dr."),
        ("Mu\u0308ller", "muller"),
        ("Straße", "strasse"),
        ("ŁÓDŹ^Ørsted", "lodz orsted"),
        ("Æsir^Þór", "aesir thor"),
        ("İpek^Işık", "ipek isik"),
        ("O’Brien", "o'brien"),
        ("Ｄｏｅ", "doe"),
        ("ｱﾔｶ", "アヤカ"),
        ("ガ", "ガ"),
        ("ｶﾞ", "ガ"),
        ("山田^太郎", "山田 太郎"),
        ("홍^길동", "홍 길동"),
        ("Ἀθήνα", "αθηνα"),
        ("Иванов^Пётр", "иванов петр"),
        ("*Sm?th^J*", "*sm?th j*"),
        ("^^", ""),
    ],
)
def test_names_are_folded(name: str, folded: str) -> None:
    assert fold(name) == folded


def test_other_text_keeps_its_signs() -> None:
    assert fold_text(" Thorax^Abdomen,  CT\tSCHÄDEL ") == "thorax^abdomen, ct schadel"


@given(st.text())
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert fold_text(fold_text(text)) == fold_text(text)
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Alphabetic": "Yamada", "Ideographic": "山田", "Phonetic": ""}, ("Yamada", "山田")),
        ({"Alphabetic": " ^^ "}, ()),
        ("Yamada=山田", ("Yamada", "山田")),
        (None, ()),
        (7, ()),
    ],
)
def test_component_groups_are_told_apart(value: object, expected: tuple[str, ...]) -> None:
    assert groups(value) == expected
