"""What each fault comes to at each adapter, while a plan is made (read) and while it is applied (write): a table to read.

A fault befalls one zone of three or more, unless its row says otherwise; in every cell the other zones go on. To print it:

    python -m tests.provisioner.cli.fault_table
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from provisioner.exits import Exit
from tests.emulators.dns_update import Fault as Dns
from tests.emulators.http import Request, Response
from tests.emulators.http_faults import Between, Meddle, answering, answering_after
from tests.provisioner.cli.services import ADAPTERS, Fault, Words

PHASES = ("read", "write")
HTTP = ADAPTERS[:3]


@dataclass(frozen=True)
class End:
    """How a command ends: its exit code, where it leaves the domain, the headline of the reason, or a part of it.

    `written` is how many writes of the domain's set the service carried out by then.
    """

    code: Exit
    standing: str
    headline: str = ""
    written: int = 0

    def __str__(self) -> str:
        return f"{self.standing} ({self.code.value}){f', written {self.written}' if self.written else ''}"


@dataclass(frozen=True)
class Absent:
    """A cell that there cannot be, and why."""

    why: str

    def __str__(self) -> str:
        return "n.a."


Ends = Mapping[str, End | Absent]
"""By adapter."""


@dataclass(frozen=True)
class Row:
    """A fault, and what it comes to. It befalls some requests, or it is what happens to the client or to the zone.

    `everywhere`: all zones have it. `patience` is how long an answer is waited for, in seconds.
    """

    befalls: Fault | str
    read: Ends
    write: Ends
    zones: int = 3
    everywhere: bool = False
    patience: float = 20.0

    def ends(self, phase: str) -> Ends:
        return {"read": self.read, "write": self.write}[phase]


# What goes wrong

_Make = Callable[[Words, Between], Meddle]


def _through(meddle: Callable[[Between], Meddle]) -> _Make:
    return lambda _words, between: meddle(between)


def _says(what: str, *, done: bool = False, wait: str = "") -> _Make:
    made = answering_after if done else answering
    return lambda words, _between: made(words.answer(what, {"Retry-After": wait} if wait else None))


def _page(status: int, *, done: bool = False) -> _Make:
    def answer(request: Request) -> Response:
        body = f"<html><body>Log in to the proxy: {request.headers['authorization']}</body></html>"
        return Response(status, body.encode(), {"Content-Type": "text/html"})

    made = answering_after if done else answering
    return lambda _words, _between: made(answer)


_DROPPED, _LOST = _through(lambda between: between.dropped), _through(lambda between: between.lost)
_CUT, _HALVED = _through(lambda between: between.broken), _through(lambda between: between.halved)
_STALLED = _through(lambda between: between.stalled)

# What it comes to


def _each(end: End | Absent, **others: End | Absent) -> Ends:
    """Give one end for all adapters but for those that are named."""
    return dict.fromkeys(ADAPTERS, end) | others


def _told(end: Callable[[str], End], *headlines: str, **others: End | Absent) -> Ends:
    """Give ends that differ in their headlines, in the order of the adapters."""
    return {adapter: end(headline) for adapter, headline in zip(ADAPTERS, headlines, strict=False)} | others


def _unread(headline: str) -> End:
    """The domain cannot be planned, and nothing else is wrong."""
    return End(Exit.ERROR, "failed", headline)


def _unwritten(headline: str) -> End:
    """The domain is not written, the others are."""
    return End(Exit.PARTIAL, "failed", headline)


def _refused(headline: str) -> End:
    """No domain is written."""
    return End(Exit.ERROR, "failed", headline)


_PLANNED = End(Exit.DONE, "done")
_DONE = End(Exit.DONE, "done", written=1)
_GONE = End(Exit.PARTIAL, "stale", "The plan is for another zone than the manifest means")
_NO_ANSWER = "The name server of provider dns gives no answer"
_ONE_QUESTION = _each(_PLANNED, rfc2136=_unread(_NO_ANSWER))
"""A question of DNS is not asked again: who runs the command again does that."""
_UNREACHED = ("The connection to Route 53 broke", "Cloudflare cannot be reached", "Azure gave no answer", _NO_ANSWER)
_BROKEN = ("Route 53 had an error of its own", "Cloudflare cannot be reached", "Azure did not list record sets", _NO_ANSWER)
_PROXY = ("The answer of Route 53 makes no sense", "Cloudflare cannot be reached", "Azure gave no answer")
_UNCLEAR = _each(_unwritten("No clear outcome for d1.example"))
_KEYS = (
    "Route 53 does not take the credentials",
    "Cloudflare does not give provider dns the zones",
    "Azure did not list zones",
    "The name server of provider dns does not accept the key",
)
_NO_WAIT = Absent("DNS has no answer that asks for a wait")
_SERVFAIL = Absent("DNS has one such answer, SERVFAIL: the rows of 500")
_NO_PROXY = Absent("no HTTP proxy lies on the way of DNS over TCP")
_NO_TLS = Absent("messages are signed with TSIG over plain TCP, and no certificate is asked for")
_NOT_WRITTEN_YET = _each(Absent("it begins with a write, and a plan writes nothing"))

TABLE: Mapping[str, Row] = {
    "dropped before it is taken, once": Row(Fault(_DROPPED, Dns.DROP_BEFORE), _ONE_QUESTION, _each(_DONE)),
    "dropped before it is taken, for ever": Row(Fault(_DROPPED, Dns.DROP_BEFORE, None), _told(_unread, *_UNREACHED), _UNCLEAR),
    "answer lost, once": Row(Fault(_LOST, Dns.DROP_AFTER), _ONE_QUESTION, _each(_DONE)),
    "answer lost, for ever": Row(Fault(_LOST, Dns.DROP_AFTER, None), _told(_unread, *_UNREACHED), _each(_DONE)),
    "answer lost, then the zone out of reach": Row(
        Fault(_DROPPED, Dns.DROP_BEFORE, None, after=True),
        _NOT_WRITTEN_YET,
        _told(lambda headline: End(Exit.PARTIAL, "failed", headline, written=1), *_UNREACHED),
    ),
    "throttled, once": Row(
        Fault(_says("throttled", wait="1")), _each(_PLANNED, rfc2136=_NO_WAIT), _each(_DONE, rfc2136=_NO_WAIT)
    ),
    "throttled, for ever": Row(
        Fault(_says("throttled", wait="1"), times=None),
        _told(_unread, "Route 53 asks for fewer", "Cloudflare takes no more", "Azure did not list", rfc2136=_NO_WAIT),
        _told(_unwritten, "Route 53 asks for fewer", "Cloudflare takes no more", "Azure did not write", rfc2136=_NO_WAIT),
    ),
    "blocked for a day": Row(
        Fault(_says("throttled", wait="86400"), times=None),
        _told(_unread, "Route 53 asks for fewer", "Cloudflare takes no more", "Azure did not list", rfc2136=_NO_WAIT),
        _told(_unwritten, "Route 53 asks for fewer", "Cloudflare takes no more", "Azure did not write", rfc2136=_NO_WAIT),
    ),
    "500 or SERVFAIL, once": Row(Fault(_says("broken"), Dns.SERVFAIL), _ONE_QUESTION, _each(_DONE)),
    "500 or SERVFAIL, for ever": Row(Fault(_says("broken"), Dns.SERVFAIL, None), _told(_unread, *_BROKEN), _UNCLEAR),
    "500 or SERVFAIL after it was done": Row(
        Fault(_says("broken", done=True), Dns.SERVFAIL_AFTER), _ONE_QUESTION, _each(_DONE)
    ),
    "503, once": Row(Fault(_says("unavailable")), _each(_PLANNED, rfc2136=_SERVFAIL), _each(_DONE, rfc2136=_SERVFAIL)),
    "503, for ever": Row(
        Fault(_says("unavailable"), times=None),
        _told(_unread, *_BROKEN[:3], rfc2136=_SERVFAIL),
        {**_UNCLEAR, "rfc2136": _SERVFAIL},
    ),
    "answer cut in the middle": Row(Fault(_CUT, Dns.CUT_SHORT), _ONE_QUESTION, _each(_DONE)),
    "half a document, or no DNS": Row(Fault(_HALVED, Dns.GARBAGE), _ONE_QUESTION, _each(_DONE)),
    "half an answer, then silence": Row(Fault(_STALLED, Dns.SILENCE), _ONE_QUESTION, _each(_DONE), patience=0.4),
    "HTML with 200, once": Row(Fault(_page(200)), _each(_PLANNED, rfc2136=_NO_PROXY), _each(_DONE, rfc2136=_NO_PROXY)),
    "HTML with 200, for ever": Row(
        Fault(_page(200), times=None), _told(_unread, *_PROXY, rfc2136=_NO_PROXY), {**_UNCLEAR, "rfc2136": _NO_PROXY}
    ),
    "HTML with 200 after it was done": Row(
        Fault(_page(200, done=True)), _each(_PLANNED, rfc2136=_NO_PROXY), _each(_DONE, rfc2136=_NO_PROXY)
    ),
    "HTML with 502, once": Row(Fault(_page(502)), _each(_PLANNED, rfc2136=_NO_PROXY), _each(_DONE, rfc2136=_NO_PROXY)),
    "HTML with 502, for ever": Row(
        Fault(_page(502), times=None),
        _told(_unread, "Route 53 had an error", "Cloudflare cannot be reached", "Azure gave no answer", rfc2136=_NO_PROXY),
        {**_UNCLEAR, "rfc2136": _NO_PROXY},
    ),
    "credentials wrong": Row("credentials", _told(_unread, *_KEYS), _told(_refused, *_KEYS), everywhere=True),
    "credentials expired, or clocks apart": Row(
        Fault(_says("expired"), Dns.BAD_TIME, None), _told(_unread, *_KEYS), _told(_refused, *_KEYS), everywhere=True
    ),
    "permission missing on one of ten zones": Row(
        Fault(_says("forbidden"), Dns.REFUSED, None),
        _told(
            _unread,
            "Route 53 does not allow it",
            "Cloudflare does not give provider dns the records of zone d1.example",
            "Azure did not list record sets",
            "Zone d1.example. is not at provider dns",
        ),
        _told(
            _unwritten,
            "Route 53 does not allow it",
            "Cloudflare does not give provider dns the records of zone d1.example",
            "Azure did not write MX sets",
            "The provider dns did not ",
        ),
        zones=10,
    ),
    "zone gone": Row(
        "gone",
        _told(
            _unread,
            "Route 53 does not hold the zone",
            "provider dns does not hold the records of zone d1.example",
            "Azure did not list record sets",
            "Zone d1.example. is not at provider dns",
        ),
        _each(_GONE),
    ),
    "every zone gone": Row(
        "gone",
        _each(Absent("what becomes of a zone that is read does not hang on the others: the row above")),
        _each(End(Exit.STALE, _GONE.standing, _GONE.headline)),
        everywhere=True,
    ),
    "certificate that does not validate": Row(
        "distrust",
        _told(
            _unread,
            "Route 53 cannot be reached by TLS",
            "Cloudflare cannot be reached",
            "Azure gave no answer",
            rfc2136=_NO_TLS,
        ),
        _told(
            _refused,
            "Route 53 cannot be reached by TLS",
            "Cloudflare cannot be reached",
            "Azure gave no answer",
            rfc2136=_NO_TLS,
        ),
        everywhere=True,
    ),
}


def rendered() -> Iterator[str]:
    """Give the table's lines: a fault, and by phase what it comes to at each adapter; then why cells are absent."""
    reasons: dict[str, int] = {}
    wide = max(map(len, TABLE)) + 2
    yield f"{'fault':{wide}}{'':7}" + "".join(f"{adapter:26}" for adapter in ADAPTERS)
    for label, row in TABLE.items():
        for phase in PHASES:
            ends = [row.ends(phase)[adapter] for adapter in ADAPTERS]
            marks = [f" [{reasons.setdefault(end.why, len(reasons) + 1)}]" if isinstance(end, Absent) else "" for end in ends]
            cells = "".join(f"{f'{end}{mark}':26}" for end, mark in zip(ends, marks, strict=True))
            yield f"{label if phase == 'read' else '':{wide}}{phase:7}{cells}".rstrip()
    yield from (f"[{number}] {why}" for why, number in reasons.items())


if __name__ == "__main__":
    print("\n".join(rendered()))  # noqa: T201 - this prints
