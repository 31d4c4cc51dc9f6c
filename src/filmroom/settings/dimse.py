"""Settings of the DIMSE door: who may call, over what, and how long it waits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from filmroom.settings.serving import Words, as_title

KB = 1024
LEAST_LENGTH = 4 * KB  # bytes of a P-DATA-TF
SERVICES = frozenset({"echo", "store", "find", "move", "get"})


def _services(value: tuple[str, ...]) -> tuple[str, ...]:
    if value == ("none",) or SERVICES.issuperset(value):
        return value
    raise ValueError(f"must be none, or some of {', '.join(sorted(SERVICES))}")


def _titles(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(as_title(word) for word in value)


class DimseSettings(BaseModel, use_attribute_docstrings=True):
    """Associations: their limits, their times, their callers."""

    dimse_host: str = ""
    """Address that the DIMSE door listens on; empty: `host`."""
    dimse_aets: Annotated[Words, AfterValidator(_titles)] = ()
    """AE titles that the archive answers to besides `aet`."""
    dimse_check_called: bool = False
    """Whether to reject callers that call the archive by a title that is not its own."""
    dimse_unknown: Annotated[Words, AfterValidator(_services)] = ()
    """What callers that are no peers may do, of `echo`, `store`, `find`, `move`, `get`, or `none`;
    empty: everything from this machine, `echo` and `store` from the network."""
    dimse_syntaxes: Words = ()
    """UIDs of the transfer syntaxes that instances are taken in; empty: any."""
    dimse_tls: Literal["no", "allowed", "required"] = "no"
    """Whether callers may or must speak TLS, on the same port."""
    dimse_tls_certificate: str = ""
    """File with the archive's certificate and those above it, PEM."""
    dimse_tls_key: str = ""
    """File with the certificate's private key, PEM; empty: it is in the certificate's file."""
    dimse_tls_callers: str = ""
    """File with the authorities, PEM, of which callers must have a certificate; empty: they need
    none."""
    dimse_tls_peers: str = ""
    """File with the authorities, PEM, of which peers that we call over TLS must have a
    certificate; empty: those that this machine trusts."""
    dimse_max_length: int = Field(128 * KB, ge=LEAST_LENGTH)
    """Bytes of a PDU that peers may send."""
    dimse_associations: int = Field(100, ge=1)
    """Associations at once; over it a caller is rejected, and may try again."""
    dimse_per_address: int = Field(20, ge=1)
    """Associations at once from one address; over it likewise."""
    dimse_half_open: int = Field(50, ge=1)
    """Connections without an association yet; over it the oldest is closed."""
    dimse_artim: float = Field(10.0, gt=0)
    """Seconds to ask for an association in, and to close the connection after the last word."""
    dimse_idle: float = Field(60.0, gt=0)
    """Seconds without a byte after which an association is aborted."""
    dimse_rate: int = 8 * KB
    """Least bytes a second of a message, over `dimse_rate_window`; slower is aborted."""
    dimse_rate_window: float = Field(20.0, gt=0)
    """Seconds over which `dimse_rate` is measured."""
    dimse_answer: float = Field(120.0, gt=0)
    """Seconds without a byte after which a peer that we called is given up."""
