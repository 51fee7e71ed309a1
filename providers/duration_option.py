"""An option that is a length of time, written as `5m`, `24h` or `1h30m`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticKnownError

from plans.duration import FORM, parse


def _read(value: object) -> object:
    match value:
        case str():
            try:
                return timedelta(seconds=parse(value))
            except ValueError:
                raise PydanticKnownError("string_pattern_mismatch", {"pattern": FORM}) from None
        case timedelta():
            return value
        case _:
            raise PydanticKnownError("string_type")


Duration = Annotated[timedelta, BeforeValidator(_read), WithJsonSchema({"type": "string", "pattern": FORM})]
"""No longer than `plans.duration.LONGEST`."""
