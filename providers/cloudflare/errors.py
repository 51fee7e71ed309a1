"""What a failed request to Cloudflare means, as the contract's errors."""

from __future__ import annotations

from http import HTTPStatus

from pydantic import ValidationError

from providers.cloudflare.rows import Failure, Fault
from providers.contract import AuthFailed, ProviderError, Rejected, Throttled, Unavailable, ZoneNotFound

_NOT_LET_IN = {6003, 6111, 9103, 9106, 9107, 9109, 10000, 10001}
"""Codes that are about the token; some of them come with status 400."""
_EMAIL_ROUTING = {1046, 890190}
"""Codes of a zone in which Email Routing keeps the MX; they come with status 403 too, and are not about the token."""
_NO_SUCH_ROUTE = {7000, 7003}
"""Codes for an identifier that leads nowhere; they come with status 400 or 404."""


class Lost(Unavailable):
    """The request was sent and no clear answer came: a change may have been made."""

    retry_is_safe = False


class Unreadable(Rejected):
    """The request was taken, and its answer is none of those that are documented: a change may have been made."""


def lost(label: str, what: str, reason: str) -> Lost:
    """Make the error for an answer that did not come or was none."""
    return Lost(*_unreached(label, what, reason))


def unavailable(label: str, what: str, reason: str) -> Unavailable:
    """Make the error for a request that did nothing."""
    return Unavailable(*_unreached(label, what, reason))


def throttled(label: str, what: str, retry_after: str | None) -> Throttled:
    """Make the error for a request too many; `retry_after` is the header, in seconds."""
    seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
    told = f"it asks for a wait of {seconds:.0f} s" if seconds is not None else "it does not say for how long"
    return Throttled(
        f"Cloudflare takes no more requests of provider {label} for now",
        f"asked for {what}; {told}",
        "run again later; set a lower `rate` of the provider if other programs use the same account",
        seconds,
    )


def no_token(label: str) -> AuthFailed:
    """Make the error for what cannot be a token."""
    return AuthFailed(
        f"the token of provider {label} is none",
        "it is empty, or holds spaces or characters that no token holds",
        "put the API token alone where `token` of the provider points to",
    )


def unreadable(label: str, what: str, error: ValidationError) -> Unreadable:
    """Make the error for an answer that has another form than it is documented with."""
    mistake = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in mistake["loc"])
    return Unreadable(
        f"what Cloudflare answers for {what} makes no sense",
        f"provider {label}: {place}: {mistake['msg']}",
        "check `endpoint` of the provider; report it if that is Cloudflare's own",
    )


def refusal(label: str, what: str, status: int | None, failure: Failure) -> ProviderError:
    """Make the error for what the API refused with a code of its own."""
    codes = set(_codes(failure.errors))
    reasons = "; ".join(f"{fault.message} ({fault.code})" for fault in _flat(failure.errors))
    detail = f"provider {label}, {what}: HTTP {status or 'success'}: {reasons}"
    if codes & _EMAIL_ROUTING:
        mend = "turn Email Routing off for the zone at Cloudflare, then make a new plan"
        return Rejected(f"Cloudflare's Email Routing keeps the MX from provider {label}", detail, mend)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} or codes & _NOT_LET_IN:
        return AuthFailed(
            f"Cloudflare does not give provider {label} {what}",
            detail,
            "check `token` of the provider: it needs Zone Read and DNS Edit for this zone, for signing also Zone Settings Edit",
        )
    if status == HTTPStatus.NOT_FOUND or codes & _NO_SUCH_ROUTE:
        return ZoneNotFound(f"provider {label} does not hold {what}", detail, "make a new plan with this manifest")
    return Rejected(
        f"Cloudflare refused a request of provider {label}", detail, "mend what it complains of, then make a new plan"
    )


def _unreached(label: str, what: str, reason: str) -> tuple[str, str, str]:
    return (
        f"Cloudflare cannot be reached by provider {label}",
        f"asked for {what}: {reason}",
        "run again; check the network, proxies and `endpoint` of the provider if it stays so",
    )


def _flat(faults: list[Fault]) -> list[Fault]:
    return [one for fault in faults for one in (fault, *_flat(fault.error_chain))]


def _codes(faults: list[Fault]) -> list[int]:
    return [fault.code for fault in _flat(faults)]
