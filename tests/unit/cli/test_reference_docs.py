"""The generated reference is up to date, and tells of everything."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from filmroom.cli.main import COMMANDS
from filmroom.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from filmroom.settings import Settings

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "docs"


@pytest.fixture(scope="module")
def docs() -> ModuleType:
    loader = SourceFileLoader("filmroom_docs", str(SCRIPT))
    spec = spec_from_loader("filmroom_docs", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["settings.md", "commands.md", "transfer_syntaxes.md"])
def test_the_reference_is_what_the_program_says(docs: ModuleType, name: str) -> None:
    assert docs.read(docs.REFERENCE / name) == docs.pages()[name], "run scripts/docs"


def test_the_reference_has_every_setting_command_and_transfer_syntax(docs: ModuleType) -> None:
    pages = docs.pages()

    for name in Settings.model_fields:
        assert f"\n| `{name}` | " in pages["settings.md"]
    for name in COMMANDS:
        assert f"\n## filmroom {name}\n" in pages["commands.md"]
    for uid in TRANSFER_SYNTAXES:
        assert f"\n| `{uid}` | " in pages["transfer_syntaxes.md"]


def test_defaults_are_told_as_they_are_written(docs: ModuleType) -> None:
    assert docs.default(True) == "`true`"
    assert docs.default(16 << 30, "Bytes of one.") == "`17179869184` (16 GB)"
    assert docs.default(16 << 30, "Pixels of one.") == "`17179869184`"
    assert docs.default(100) == "`100`"
    assert docs.default(()) == "empty"
    assert docs.default(("a", "b")) == "`a,b`"
    assert docs.default("") == "empty"
