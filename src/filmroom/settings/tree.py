"""All settings in one frozen object."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from filmroom.settings.dimse import DimseSettings
from filmroom.settings.limits import LimitSettings
from filmroom.settings.peers import PeersSettings
from filmroom.settings.pixels import PixelSettings
from filmroom.settings.serving import ServingSettings
from filmroom.settings.storing import StoringSettings
from filmroom.settings.viewer import ViewerSettings
from filmroom.settings.workflow import WorkflowSettings


class Settings(
    ServingSettings,
    DimseSettings,
    PeersSettings,
    WorkflowSettings,
    StoringSettings,
    PixelSettings,
    LimitSettings,
    ViewerSettings,
    BaseSettings,
):
    """Every setting, with its default."""

    model_config = SettingsConfigDict(
        env_prefix="FILMROOM_",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
    )

    @field_validator("*")
    @classmethod
    def _no_negative_numbers(cls, value: Any) -> Any:  # noqa: ANN401 - of every field
        if isinstance(value, (int, float)) and not value >= 0:
            raise ValueError(f"must not be negative, but is {value}")
        return value

    @property
    def index_url(self) -> str:
        """The index's URL, the default one filled in."""
        return self.index or f"sqlite:///{self.data.absolute()}/index.sqlite3"

    @property
    def storage_url(self) -> str:
        """The blobs' URL, the default one filled in."""
        return self.storage or f"file://{self.data.absolute()}/blobs"
