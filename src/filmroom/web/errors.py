"""Errors → HTTP: one table of statuses, and one shape, problem details (RFC 9457)."""

from __future__ import annotations

import logging
import traceback
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from filmroom.errors import (
    ArchiveError,
    Broken,
    Busy,
    Conflict,
    Declined,
    Forbidden,
    Full,
    Malformed,
    NotAcceptable,
    NotFound,
    Refused,
    TooLarge,
    Undecodable,
    Unreachable,
    Unsupported,
)
from filmroom.web.responses import problem

log = logging.getLogger(__name__)

RETRY_AFTER = 5  # seconds: what a client that met Busy or Full is told to wait
CLIENT_CLOSED = 499  # in the log only: no server says this
STATUSES: dict[type[ArchiveError], HTTPStatus] = {
    ArchiveError: HTTPStatus.INTERNAL_SERVER_ERROR,
    Malformed: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    Forbidden: HTTPStatus.FORBIDDEN,
    Conflict: HTTPStatus.CONFLICT,
    NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    Undecodable: HTTPStatus.NOT_ACCEPTABLE,
    Unsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    Full: HTTPStatus.INSUFFICIENT_STORAGE,
    Unreachable: HTTPStatus.BAD_GATEWAY,
    Declined: HTTPStatus.BAD_GATEWAY,
    Broken: HTTPStatus.INTERNAL_SERVER_ERROR,
    Refused: HTTPStatus.CONFLICT,
}
OURS = "the archive failed; its log says how"


def status_of(error: ArchiveError) -> HTTPStatus:
    """The status of an error: the nearest class of its MRO that the table names."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def retry_headers(status: int) -> dict[str, str]:
    """When to come again, for the statuses that pass by themselves."""
    passing = status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INSUFFICIENT_STORAGE)
    return {"Retry-After": str(RETRY_AFTER)} if passing else {}


def answer_archive_error(_request: Request, error: Exception) -> Response:
    """What the archive refused or failed to do, as problem details."""
    if not isinstance(error, ArchiveError):
        raise error
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log_failure(error)
        return problem(status, OURS)
    return problem(status, str(error), headers=retry_headers(status))


def answer_http_error(_request: Request, error: Exception) -> Response:
    """What the router or a handler refused, as problem details; headers are kept."""
    if not isinstance(error, HTTPException):
        raise error
    phrase = HTTPStatus(error.status_code).phrase
    detail = None if error.detail == phrase else error.detail
    return problem(error.status_code, detail, headers=error.headers)


def answer_failure(_request: Request, _error: Exception) -> Response:
    """A fault of ours: nothing about it leaves the archive."""
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, OURS)


def answer_nobody(_request: Request, _error: Exception) -> Response:
    """The client went away before it had sent all: for the log, since nobody reads this."""
    return Response(None, CLIENT_CLOSED)


HANDLERS: dict[type[Exception], ExceptionHandler] = {
    ArchiveError: answer_archive_error,
    HTTPException: answer_http_error,
    ClientDisconnect: answer_nobody,
    Exception: answer_failure,
}


def log_failure(error: BaseException) -> None:
    """Log where an error came from, without its message: that may name a patient."""
    frames = traceback.format_tb(error.__traceback__)
    kinds = [type(error).__qualname__]
    cause = error.__cause__ or error.__context__
    while cause is not None and len(kinds) < 5:
        kinds.append(type(cause).__qualname__)
        cause = cause.__cause__ or cause.__context__
    log.error("failed", extra={"error": " from ".join(kinds), "traceback": "".join(frames)})


class Failures:
    """The outermost wall: no exception reaches the server, and each is logged once.

    Under it every application has answered already, as far as it could; an answer that broke
    off is left unfinished, upon which the server closes the connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application and keep what it raises."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except (ClientDisconnect, ConnectionError):
            log.debug("gone")
        except Exception as error:
            log_failure(error)
            if not started:
                answer = problem(HTTPStatus.INTERNAL_SERVER_ERROR, OURS)
                await answer(scope, receive, send)
