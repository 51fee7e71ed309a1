"""Reading whole collections of Microsoft Graph: one conversation, page by page, at one host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from plans.problem import Problem
from plans.values import Name
from provisioner.desired.answer import Reading, read_object, records_of
from provisioner.desired.asking import Asker, Sleep
from provisioner.desired.clouds import Endpoint, scope
from provisioner.desired.credential import Login
from provisioner.desired.refusals import Refusals
from provisioner.desired.wire import NoReply, Outcome, Reply, Wire
from provisioner.private_loop import PrivateLoop

TIMEOUT = 60.0
"""Seconds for one exchange."""
PATIENCE = 600.0
"""Seconds that one reading waits in all for a service that is busy."""

_NEXT = "@odata.nextLink"


@dataclass(frozen=True, slots=True)
class Talk:
    """An open conversation; nothing is under way between two calls of `loop.run`."""

    loop: PrivateLoop
    asker: Asker


@dataclass(frozen=True, slots=True)
class Pages:
    """One tenant's collections at an endpoint, and what is said where they are refused or unreadable.

    `sleep` is what waits, `timeout` is in seconds.
    """

    endpoint: Endpoint
    login: Login
    refusals: Refusals
    reading: Reading
    sleep: Sleep
    timeout: float

    @contextmanager
    def conversation(self) -> Iterator[Talk]:
        """Connect for as long as the block lasts. Raises `Problem`."""
        with PrivateLoop() as loop:
            wire = loop.run(Wire.open(self.endpoint, self.login, scope(self.reading.cloud), self.timeout))
            try:
                yield Talk(loop, Asker(wire, self.endpoint.base, self.reading, self.refusals.patience, self.sleep))
            finally:
                loop.run(wire.close())

    async def all(self, asker: Asker, url: str, outcome: Outcome | None = None, domain: Name | None = None) -> list[object]:
        """Gather a collection's values; `outcome` is what came for its first page where that was asked already.

        Raises:
            Problem: a page is refused or unreadable, or is said to be at another host.

        """
        return [value async for page in self.each(asker, url, outcome, domain) for value in page]

    async def each(
        self, asker: Asker, url: str, outcome: Outcome | None = None, domain: Name | None = None
    ) -> AsyncIterator[Sequence[object]]:
        """Give the same page by page."""
        seen = {url}
        while True:
            outcome = outcome or await asker.get(url)
            if isinstance(outcome, NoReply) or not outcome.ok:
                raise self.refused(outcome, url, domain)
            page = read_object(outcome.body, self.reading, domain)
            yield records_of(page, self.reading, domain)
            if page.get(_NEXT) is None:
                return
            url, outcome = self._next(page[_NEXT], seen, domain), None
            seen.add(url)

    def refused(self, outcome: Outcome, url: str, domain: Name | None = None) -> Problem:
        """Say what an outcome other than 200 means; a token that is not taken is dropped."""
        problem = self.refusals.problem(outcome, url, domain.rstrip(".") if domain else "")
        if isinstance(outcome, Reply) and outcome.status == HTTPStatus.UNAUTHORIZED:
            self.login.forget()  # the next one may be taken
        return problem

    def _next(self, link: object, seen: set[str], domain: Name | None) -> str:
        if not isinstance(link, str) or not self.endpoint.owns(link):
            raise self.reading.problem(f"the next page is not at {self.endpoint.root}, so it is not asked for", _NEXT, domain)
        if link in seen:
            raise self.reading.problem("the pages lead round in a circle", _NEXT, domain)
        return link
