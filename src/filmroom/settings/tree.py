"""All settings in one frozen object."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict

from filmroom.settings.limits import LimitSettings
from filmroom.settings.serving import ServingSettings
from filmroom.settings.storing import StoringSettings
from filmroom.settings.viewer import ViewerSettings


class Settings(ServingSettings, StoringSettings, LimitSettings, ViewerSettings, BaseSettings):
    """Every setting, with its default."""

    model_config = SettingsConfigDict(
        env_prefix="FILMROOM_", frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    @property
    def index_url(self) -> str:
        """The index's URL, the default one filled in."""
        return self.index or f"sqlite:///{self.data.absolute()}/index.sqlite3"

    @property
    def storage_url(self) -> str:
        """The blobs' URL, the default one filled in."""
        return self.storage or f"file://{self.data.absolute()}/blobs"
