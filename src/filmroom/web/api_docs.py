"""`/api/docs`: the operations of `/api/` in a browser, with nothing from elsewhere."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from filmroom.settings import Settings
from filmroom.web.pages import POLICY, STATIC, page
from filmroom.web.viewer import swagger_app

SWAGGER = STATIC / "swagger" / "swagger-ui-bundle.js"
SWAGGER_POLICY = POLICY.replace(
    "style-src 'self'; img-src 'self'", "style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
"""Swagger UI writes styles into its elements and draws with data URLs."""


def docs_page(openapi: dict[str, Any], settings: Settings) -> Response:
    """Swagger UI where it is bundled, else a plain list of the operations."""
    if SWAGGER.exists():
        return page("swagger.html", settings, SWAGGER_POLICY)
    operations = [
        (method.upper(), "/api" + path, operation.get("description", ""))
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    return page("api.html", settings, operations=operations)


ROUTES: list[BaseRoute] = [Mount("/api/docs/assets", swagger_app())]
