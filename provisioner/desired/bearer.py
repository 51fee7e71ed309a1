"""What can be known of a bearer token without the key that signed it."""

from __future__ import annotations

import base64
import binascii
import json
import re

from provisioner.desired.answer import JsonObject

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+\Z")
_PARTS = 3


def claims_of(token: str) -> JsonObject | None:
    """Give the claims of a JWT (RFC 7519), unverified: the service verifies them. None: the token is no readable JWT."""
    parts = token.split(".")
    if len(parts) != _PARTS:
        return None
    header, claims = _json_segment(parts[0]), _json_segment(parts[1])
    return claims if header is not None and "alg" in header else None


def text_claim(claims: JsonObject | None, *keys: str) -> str | None:
    """Give the first of some claims that is there and is text."""
    found = (claims.get(key) for key in keys) if claims else ()
    return next((value for value in found if isinstance(value, str) and value), None)


def _json_segment(segment: str) -> JsonObject | None:
    if not _SEGMENT.match(segment):
        return None
    try:
        value: object = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
