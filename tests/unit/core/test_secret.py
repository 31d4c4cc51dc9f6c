"""The archive's secret: one, kept, and whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from filmroom.core.secret import LENGTH, NAME, secret_of
from filmroom.errors import Broken


def test_all_who_ask_at_once_get_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with ThreadPoolExecutor(16) as threads:
        secrets = set(threads.map(secret_of, [folder] * 32))

    assert len(secrets) == 1
    assert secret_of(folder) in secrets
    assert [path.name for path in folder.iterdir()] == [NAME]


def test_each_archive_has_its_own(tmp_path: Path) -> None:
    assert secret_of(tmp_path / "one") != secret_of(tmp_path / "two")


def test_one_that_is_damaged_is_not_used(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"x" * (LENGTH - 1))

    with pytest.raises(Broken, match=NAME):
        secret_of(tmp_path)
