"""What an index promises of the metadata that it keeps, as tests."""

from __future__ import annotations

import gzip
import struct
import zlib
from abc import ABC, abstractmethod
from typing import Any

import orjson
import pytest

from filmroom.errors import NotFound
from filmroom.model.metadata import Metadata
from filmroom.model.ports import InstanceIndex
from filmroom.model.selection import Selection
from filmroom.testing.index_objects import instance

GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def datasets(metadata: Metadata) -> list[dict[str, Any]]:
    """The data sets, read as a client would: one gzip member, its checksum checked."""
    member = GZIP_HEADER + b"".join(metadata.pieces)
    member += struct.pack("<II", metadata.crc, metadata.length & 0xFFFFFFFF)
    text = gzip.decompress(member)
    once = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert once.decompress(member) == text
    assert once.eof
    assert once.unused_data == b""
    found = orjson.loads(text)
    assert isinstance(found, list)
    return found


def _uids(metadata: Metadata) -> list[str]:
    return [dataset["00080018"]["Value"][0] for dataset in datasets(metadata)]


class MetadataSuite(ABC):
    """Tests of stored metadata."""

    @abstractmethod
    def index(self) -> InstanceIndex:
        """A fixture: an empty index."""

    def test_metadata_is_what_was_stored(self, index: InstanceIndex) -> None:
        one = instance("a", PatientName="Müller^Jürgen", Modality="CT")
        index.add(one)

        for selection in (Selection("1"), Selection("1", "1.1"), Selection("1", "1.1", "a")):
            assert datasets(index.metadata(selection)) == [orjson.loads(one.metadata)]

    def test_metadata_is_of_all_that_is_selected(self, index: InstanceIndex) -> None:
        for series in ("1.1", "1.2", "1.3"):
            for number in range(3):
                index.add(instance(f"{series}.{number}", series=series, InstanceNumber=number))
        index.add(instance("2.1.1", series="2.1", study="2"))

        assert _uids(index.metadata(Selection("1", "1.2"))) == ["1.2.0", "1.2.1", "1.2.2"]
        assert sorted(_uids(index.metadata(Selection("1")))) == [
            f"1.{series}.{number}" for series in (1, 2, 3) for number in (0, 1, 2)
        ]
        assert _uids(index.metadata(Selection("1", "1.3", "1.3.1"))) == ["1.3.1"]

    @pytest.mark.parametrize(
        "selection", [Selection("9"), Selection("1", "9"), Selection("1", "1.1", "9")]
    )
    def test_there_is_no_metadata_of_nothing(
        self, index: InstanceIndex, selection: Selection
    ) -> None:
        index.add(instance())

        with pytest.raises(NotFound):
            index.metadata(selection)

    def test_metadata_of_many_is_whole(self, index: InstanceIndex) -> None:
        for number in range(150):
            index.add(instance(f"1.1.{number}", InstanceNumber=number, PatientName="Doe^Jane"))

        found = index.metadata(Selection("1", "1.1"))
        assert _uids(found) == [f"1.1.{number}" for number in range(150)]
        for number in (0, 63, 64, 65, 149):
            one = index.metadata(Selection("1", "1.1", f"1.1.{number}"))
            assert _uids(one) == [f"1.1.{number}"]

        index.remove(Selection("1", "1.1", "1.1.0"), "api:")
        index.remove(Selection("1", "1.1", "1.1.70"), "api:")
        index.reject(Selection("1", "1.1", "1.1.149"), "113001^DCM", "api:")
        index.add(instance("1.1.150"))
        left = [number for number in range(1, 151) if number not in (70, 149)]
        assert _uids(index.metadata(Selection("1"))) == [f"1.1.{number}" for number in left]

    def test_large_metadata_is_whole(self, index: InstanceIndex) -> None:
        large = "".join(f"{number:x}" for number in range(200_000))
        index.add(instance("a", PatientComments=large))
        index.add(instance("b", PatientComments=large + "b"))

        (found,) = datasets(index.metadata(Selection("1", "1.1", "b")))
        assert found["00104000"]["Value"] == [large + "b"]
        assert len(datasets(index.metadata(Selection("1")))) == 2

    def test_the_version_changes_with_the_text(self, index: InstanceIndex) -> None:
        index.add(instance("a"))
        study, series = Selection("1"), Selection("1", "1.1")
        seen = {index.metadata(study).version}
        assert index.metadata(study).version in seen
        for change in (
            lambda: index.add(instance("b")),
            lambda: index.reject(Selection("1", "1.1", "b"), "113001^DCM", "api:"),
            lambda: index.add(instance("c", series="1.2")),
        ):
            change()
            version = index.metadata(study).version
            assert version not in seen
            seen.add(version)
        assert index.metadata(series).version == index.metadata(series).version
