"""Answers that are given again while nothing changed."""

from __future__ import annotations

from filmroom.web.remembered import Given, Remembered

ASKED = ("/a", b"", b"")
GIVEN = Given(b"picture", "image/jpeg", {"ETag": '"1"'})


def test_an_answer_holds_until_the_archive_changes() -> None:
    kept = Remembered()
    assert kept.find("1", ASKED) is None

    kept.keep("1", ASKED, GIVEN)

    assert kept.find("1", ASKED) is GIVEN
    assert kept.find("1", ("/a", b"viewport=1,1", b"")) is None
    assert kept.find("2", ASKED) is None
    assert kept.find("1", ASKED) is None


def test_an_answer_to_what_was_asked_before_a_change_is_not_kept() -> None:
    kept = Remembered()
    kept.find("1", ASKED)
    kept.find("2", ("/b", b"", b""))

    kept.keep("1", ASKED, GIVEN)

    assert kept.find("2", ASKED) is None


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    kept = Remembered(most=2 * len(GIVEN.data))
    kept.find("1", ASKED)
    for path in "abc":
        kept.keep("1", (path, b"", b""), GIVEN)
        kept.find("1", ("a", b"", b""))

    assert [path for path in "abc" if kept.find("1", (path, b"", b""))] == ["a", "c"]
