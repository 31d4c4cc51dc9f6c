"""Specific Character Set (PS3.3 §C.12.1.1.2, PS3.5 §6.1 and Annexes H to K)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom.charsets import UNDECLARED, UNKNOWN, WRONG, Charset

NAMES = [
    ("ISO_IR 100", b"M\xfcller^J\xfcrgen", "Müller^Jürgen"),
    ("ISO_IR 101", b"Wa\xb3\xeasa^\xa3ukasz^\xcf", "Wałęsa^Łukasz^Ď"),
    ("ISO_IR 109", b"\xd8ordano^\xa1", "Ĝordano^Ħ"),
    ("ISO_IR 110", b"\xd3\xbani\xf1\xb9^\xabirts", "Ķēniņš^Ģirts"),
    ("ISO_IR 144", b"\xbb\xee\xdace\xdc\xd1yp\xd3^\xa1\xd6", "Люкceмбypг^Ёж"),
    ("ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"),
    ("ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"),
    ("ISO_IR 138", b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"),
    ("ISO_IR 148", b"\xc7avu\xfeo\xf0lu^\xdd", "Çavuşoğlu^İ"),
    ("ISO_IR 203", b"\xbcuvre^\xa6\xe1rka", "Œuvre^Šárka"),
    ("ISO_IR 166", b"\xb9\xd2\xc1\xca\xa1\xd8\xc5^\xaa\xd7\xe8\xcd", "นามสกุล^ชื่อ"),
    ("ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
    ("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang^XiaoDong=王^小东"),
    ("GB18030", b"\x8f\x5c^\x81\x5c", "廫^乗"),
    ("GBK", b"Li^Na=\xc0\xee^\xc4\xc8", "Li^Na=李^娜"),
    ("ISO_IR 192", "Wang^XiaoDong=王^小東=왕^소동".encode(), "Wang^XiaoDong=王^小東=왕^소동"),
    ("", b"Plain^Ascii", "Plain^Ascii"),
    ("ISO_IR_100", b"M\xfcller", "Müller"),
    ("iso ir 100", b"M\xfcller", "Müller"),
    ("ISO-2022-IR-100", b"M\xfcller", "Müller"),
    ("utf-8", b"M\xc3\xbcller", "Müller"),
    # PS3.5 §H.3.1 and H.3.2: Japanese, by escapes to and fro
    (
        "\\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"
        b"=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    (
        "\\ISO 2022 IR 87\\ISO 2022 IR 159",
        b"Hotta^Kaoru=\x1b$BKYED\x1b(B^\x1b$(D0!\x1b(B",
        "Hotta^Kaoru=堀田^丂",
    ),
    # PS3.5 §I.2: Korean
    (
        "\\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    # PS3.5 §K.2: Chinese
    (
        "\\ISO 2022 IR 58",
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab",
        "Zhang^XiaoDong=张^小东",
    ),
    # several European sets in one value
    (
        "ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 126",
        b"Buc^J\xe9r\xf4me\\\x1b-F\xc4\xe9\xef\\\x1b-L\xbb\xee\xda\xe9",
        "Buc^Jérôme\\Διο\\Люкщ",
    ),
    ("ISO 2022 IR 6\\ISO 2022 IR 100", b"\x1b-AB\xfccher", "Bücher"),
    # a delimiter brings the first set back
    ("ISO 2022 IR 100\\ISO 2022 IR 144", b"\x1b-L\xbb^\xe9", "Л^é"),
    ("ISO 2022 IR 100\\ISO 2022 IR 144", b"\x1b-L\xbb\r\n\xe9", "Л\r\né"),
]


def charset(terms: str) -> Charset:
    return Charset(terms.split("\\"), {})


@pytest.mark.parametrize(("terms", "raw", "expected"), NAMES)
def test_text_is_read_by_its_character_set(terms: str, raw: bytes, expected: str) -> None:
    chosen = charset(terms)

    assert chosen.decode(raw) == expected
    assert chosen.warnings == {}


@pytest.mark.parametrize(
    ("terms", "raw", "expected", "warning"),
    [
        ("", b"M\xfcller", "Müller", UNDECLARED),
        ("", "Müller".encode(), "Müller", UNDECLARED),
        ("ISO_IR 192", b"M\xfcller^J", "Müller^J", WRONG),
        ("ISO_IR 192", "山".encode()[:2], "\ufffd", WRONG),
        ("ISO_IR 6\\ISO_IR 144", b"\xbb\xee", "Лю", WRONG),
        ("NO SUCH SET", b"abc", "abc", UNKNOWN),
        ("ISO 2022 IR 100\\ISO 2022 IR 87", b"a\x1b%Gb", "a%Gb", WRONG),
        ("\\ISO 2022 IR 87", b"\x1b$B;\x1b(Bx", "\ufffdx", WRONG),
    ],
)
def test_text_that_contradicts_its_character_set_is_read_with_a_warning(
    terms: str, raw: bytes, expected: str, warning: str
) -> None:
    chosen = charset(terms)

    assert chosen.decode(raw) == expected
    assert list(chosen.warnings) == [warning]


TERMS = sorted({terms for terms, *_ in NAMES} | {"ISO 2022 IR 87", "x", "ISO 2022 IR 149"})
CHUNKS = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.sampled_from(
            [b"\x1b", b"\x1b$B", b"\x1b(B", b"\x1b$)C", b"\x1b-F", b"\x1b(J", b"\\", b"^"]
        ),
    ),
    max_size=12,
).map(b"".join)


@given(st.sampled_from(TERMS), CHUNKS)
def test_no_bytes_ever_fail_and_all_text_can_be_sent_as_utf_8(terms: str, raw: bytes) -> None:
    assert isinstance(charset(terms).decode(raw).encode("utf-8"), bytes)
