"""What stands for a UID, a patient or a date: the same for the same, as long as a secret is kept.

Without the secret nobody can find out what it stands for, or make it himself of a guess.
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from datetime import date, timedelta

WELL_KNOWN = "1.2.840.10008."
"""What the standard's own UIDs begin with: they name classes and such, and nobody's object."""
MOST_DAYS = 3650
"""By how many days dates are shifted into the past, at most."""


class Pseudonyms:
    """Those for the objects of one patient of one archive."""

    def __init__(self, secret: bytes, patient: str) -> None:
        self._secret = secret
        self._patient = patient

    @property
    def patient(self) -> str:
        """A Patient ID, of 16 characters."""
        return "ANON" + b32encode(self._digest("patient", self._patient)).decode()[:12]

    @property
    def days(self) -> int:
        """By how many days this patient's dates are shifted, into the past."""
        return 1 + int.from_bytes(self._digest("days", self._patient)[:8], "big") % MOST_DAYS

    def uid(self, uid: str) -> str:
        """A UID in the form of a UUID (PS3.5 §B.2, RFC 9562 §5.8); well-known ones stay."""
        if not uid or uid.startswith(WELL_KNOWN):
            return uid
        number = int.from_bytes(self._digest("uid", uid)[:16], "big")
        number = number & ~(0xF << 76) | 8 << 76  # version 8: whatever its maker likes
        number = number & ~(0b11 << 62) | 0b10 << 62
        return f"2.25.{number}"

    def moved(self, moment: str) -> str:
        """A date (DA) or date-time (DT) shifted; "" where it is none to the day."""
        digits = moment.strip(" \0")
        if not digits[:8].isdecimal() or not digits.isascii() or len(digits) < 8:
            return ""
        try:
            day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
            shifted = day - timedelta(days=self.days)
        except (ValueError, OverflowError):
            return ""
        return f"{shifted:%Y%m%d}".rjust(8, "0") + digits[8:]

    def _digest(self, kind: str, told: str) -> bytes:
        return hmac.digest(self._secret, f"{kind}:{told}".encode(), "sha256")
