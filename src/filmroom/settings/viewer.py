"""Settings of the OHIF Viewer: what the generated `/app-config.js` says."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class ViewerSettings(BaseModel, use_attribute_docstrings=True):
    """Options of OHIF's DICOMweb data source and of the app around it."""

    viewer: bool = True
    """Serve the OHIF Viewer at the origin's root."""
    viewer_query_limit: int = 501
    """Studies that the study list asks for (OHIF: `queryLimit`)."""
    viewer_image_rendering: Literal["wadors", "wadouri"] = "wadors"
    """How images are fetched (OHIF: `imageRendering`)."""
    viewer_thumbnail_rendering: Literal["wadors", "thumbnailDirect", "thumbnail", "rendered"] = (
        "wadors"
    )
    """How thumbnails are made (OHIF: `thumbnailRendering`)."""
