"""Where settings come from, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from filmroom.errors import Malformed
from filmroom.settings import Origin, Settings, origins, read_settings
from filmroom.settings.storing import OnConflict


@pytest.fixture(autouse=True)
def _nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FILMROOM_{name.upper()}", raising=False)
    monkeypatch.delenv("FILMROOM_CONFIG", raising=False)


def write(text: str, name: str = "filmroom.toml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def test_without_any_source_every_setting_has_its_default() -> None:
    settings = read_settings()

    assert settings.port == 8042
    assert settings.host == "127.0.0.1"
    assert settings.data == Path("filmroom-data")
    assert set(origins().values()) == {Origin.DEFAULT}


def test_flags_win_over_the_environment_and_the_environment_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("port = 1\naet = 'FILE'\nworkers = 3\n")
    monkeypatch.setenv("FILMROOM_PORT", "2")
    monkeypatch.setenv("FILMROOM_AET", "ENVIRONMENT")
    flags = {"port": 3}

    settings = read_settings(flags)
    came_from = origins(flags)

    assert (settings.port, settings.aet, settings.workers) == (3, "ENVIRONMENT", 3)
    assert came_from["port"] is Origin.FLAG
    assert came_from["aet"] is Origin.ENVIRONMENT
    assert came_from["workers"] is Origin.FILE
    assert came_from["host"] is Origin.DEFAULT


def test_a_file_that_is_named_is_read_instead_of_the_usual_one() -> None:
    write("port = 1\n")
    other = write("port = 2\n", "other.toml")

    assert read_settings(file=other).port == 2


def test_a_file_that_is_named_must_be_there() -> None:
    with pytest.raises(Malformed, match=r"^missing\.toml: No such file or directory$"):
        read_settings(file=Path("missing.toml"))


def test_a_file_that_is_not_toml_is_refused_in_one_line() -> None:
    write("port = \n")

    with pytest.raises(Malformed, match=r"^filmroom\.toml: Invalid value \(at line 1, column 8\)$"):
        read_settings()


def test_a_file_that_is_not_text_is_refused_in_one_line() -> None:
    Path("filmroom.toml").write_bytes(b"aet = '\xff'\n")

    with pytest.raises(Malformed, match=r"^filmroom\.toml: 'utf-8' codec can't decode") as caught:
        read_settings()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("prot = 1", "prot in filmroom.toml is not a setting; did you mean port?"),
        ("zzzzz = 1", "zzzzz in filmroom.toml is not a setting"),
        ("[viewer]\nquery_limit = 1", "setting viewer: input should be a valid boolean"),
        ("[limits]\nmax_parts = 1", "limits in filmroom.toml is not a setting"),
        ("port = 'high'", "setting port: input should be a valid integer"),
        ("port = 70000", "setting port: input should be less than or equal to 65535"),
        ("port = -1", "setting port: must not be negative, but is -1"),
        ("header_timeout = nan", "setting header_timeout: must not be negative, but is nan"),
        ("workers = 0", "setting workers: input should be greater than or equal to 1"),
        ("aet = 'A NAME THAT IS TOO LONG'", "setting aet: must be 1 to 16 ASCII characters"),
        ("aet = 'A/B'", "setting aet: must hold neither a backslash nor a slash"),
        ("aet = '  '", "setting aet: must be 1 to 16 ASCII characters"),
        ("data = 'what?'", "setting data: must not hold a question mark, which ends the path"),
        ("host = ''", "setting host: string should have at least 1 character"),
        ("log_level = 'loud'", "setting log_level: input should be 'debug', 'info'"),
        ("on_conflict = 'toss'", "setting on_conflict: input should be 'keep-first', 'replace'"),
    ],
)
def test_a_wrong_line_is_refused_by_its_name(line: str, said: str) -> None:
    write(line + "\n")

    with pytest.raises(Malformed) as caught:
        read_settings()
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_wrong_flag_and_a_wrong_variable_are_called_as_they_were_spelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Malformed, match=r"^setting --max-parts: input should be a valid integer"):
        read_settings({"max_parts": "many"})

    monkeypatch.setenv("FILMROOM_MAX_PARTS", "many")
    with pytest.raises(Malformed, match=r"^setting FILMROOM_MAX_PARTS: input should be a valid"):
        read_settings()


def test_a_variable_that_is_no_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMROOM_PROT", "1")

    said = r"^FILMROOM_PROT in the environment is not a setting; did you mean port\?$"
    with pytest.raises(Malformed, match=said):
        read_settings()


def test_the_variable_that_names_the_file_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMROOM_CONFIG", "anything.toml")

    assert read_settings().port == 8042


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    write("port = 7\n")
    monkeypatch.setenv("FILMROOM_PORT", "")

    assert read_settings().port == 7
    assert origins()["port"] is Origin.FILE


def test_words_of_a_list_are_separated_by_commas_or_are_a_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = ("https://a.example", "https://b.example")

    monkeypatch.setenv("FILMROOM_CORS_ORIGINS", "https://a.example, https://b.example,")
    assert read_settings().cors_origins == expected

    monkeypatch.delenv("FILMROOM_CORS_ORIGINS")
    write('cors_origins = ["https://a.example", "https://b.example"]\n')
    assert read_settings().cors_origins == expected

    assert read_settings({"cors_origins": ("x", "y,z")}).cors_origins == ("x", "y", "z")


def test_variables_are_read_as_their_setting_s_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMROOM_DIMSE", "no")
    monkeypatch.setenv("FILMROOM_KEEP_ALIVE", "2.5")
    monkeypatch.setenv("FILMROOM_DATA", "/somewhere/else")
    monkeypatch.setenv("FILMROOM_ON_CONFLICT", "replace")

    settings = read_settings()

    assert settings.dimse is False
    assert settings.keep_alive == 2.5
    assert settings.data == Path("/somewhere/else")
    assert settings.on_conflict is OnConflict.REPLACE


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_settings().port = 1  # type: ignore[misc]


def test_index_and_storage_lie_in_the_data_folder_unless_they_are_named() -> None:
    beside = Settings(data=Path("/srv/film"))
    named = Settings(index="memory:", storage="memory:")

    assert beside.index_url == "sqlite:////srv/film/index.sqlite3"
    assert beside.storage_url == "file:///srv/film/blobs"
    assert (named.index_url, named.storage_url) == ("memory:", "memory:")


def test_every_setting_is_documented() -> None:
    undocumented = [name for name, field in Settings.model_fields.items() if not field.description]

    assert undocumented == []
