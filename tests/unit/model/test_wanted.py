"""Choosing among what can be given by what is wanted (PS3.18 §8.7, RFC 9110 §12.5.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.model.wanted import MediaRange, Offer, Wanted

JLS = "1.2.840.10008.1.2.4.80"
MULTIPART_OCTETS = Offer("application/octet-stream", JLS, multipart=True)
MULTIPART_JLS = Offer("image/jls", JLS, multipart=True)
OCTETS = Offer("application/octet-stream", JLS)
OFFERS = [MULTIPART_OCTETS, MULTIPART_JLS, OCTETS, Offer("image/jls", JLS)]


def _range(media_type: str, root: str = "", syntax: str = "", q: float = 1.0) -> MediaRange:
    return MediaRange(media_type, root, syntax, q)


MULTI = "multipart/related"
CASES = [
    pytest.param([_range("*/*")], MULTIPART_OCTETS, id="anything: the first offer"),
    pytest.param([_range(MULTI)], MULTIPART_OCTETS, id="any multipart"),
    pytest.param([_range(MULTI, "image/jls", JLS)], MULTIPART_JLS, id="by type and syntax"),
    pytest.param([_range(MULTI, "image/jls", "1.2")], None, id="another syntax"),
    pytest.param([_range(MULTI, "image/*")], MULTIPART_JLS, id="a family of types"),
    pytest.param([_range("image/jls")], Offer("image/jls", JLS), id="single-part"),
    pytest.param([_range("image/png"), _range(MULTI, "image/jls")], MULTIPART_JLS, id="a list"),
    pytest.param(
        [_range(MULTI, "image/jls"), _range(MULTI, "application/octet-stream")],
        MULTIPART_JLS,
        id="the order of the list",
    ),
    pytest.param(
        [_range(MULTI, "image/jls", q=0.2), _range("application/octet-stream", q=0.7)],
        OCTETS,
        id="the weights",
    ),
    pytest.param([_range("*/*"), _range("image/jls")], Offer("image/jls", JLS), id="named first"),
    pytest.param(
        [_range("*/*"), _range(MULTI, q=0)], OCTETS, id="all but what has no weight"
    ),
    pytest.param([_range("image/jls", q=0)], None, id="nothing but what is refused"),
    pytest.param([_range("text/html")], None, id="something else"),
]  # fmt: skip


@pytest.mark.parametrize(("ranges", "chosen"), CASES)
def test_the_offer_that_is_liked_best_is_chosen(
    ranges: list[MediaRange], chosen: Offer | None
) -> None:
    assert Wanted(tuple(ranges)).choose(OFFERS) == chosen


RANGE = st.builds(
    MediaRange,
    st.sampled_from(["*/*", MULTI, "multipart/*", "image/jls", "image/*", "text/html"]),
    st.sampled_from(["", "image/jls", "*/*"]),
    st.sampled_from(["", "*", JLS, "1.2"]),
    st.sampled_from([0.0, 0.3, 1.0]),
)


@given(st.lists(RANGE, min_size=1, max_size=6))
def test_what_is_chosen_is_covered_by_a_range_that_is_not_refused(ranges: list[MediaRange]) -> None:
    chosen = Wanted(tuple(ranges)).choose(OFFERS)
    accepted = [each for each in ranges if each.quality]

    assert chosen is None or any(each.covers(chosen) for each in accepted)
    assert (
        chosen is not None
        or len(accepted) < len(ranges)
        or not any(each.covers(offer) for each in accepted for offer in OFFERS)
    )


def test_a_weight_of_none_takes_multipart_away() -> None:
    assert not Wanted((_range(MULTI, q=0), _range("image/jls"))).takes_multipart()
    assert Wanted((_range("multipart/*", q=0.1),)).takes_multipart()
