"""How Graph is asked: twenty questions a batch, and patience with a service that is busy.

https://learn.microsoft.com/graph/json-batching, https://learn.microsoft.com/graph/throttling
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from random import SystemRandom
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from provisioner.desired.answer import Reading, read_object
from provisioner.desired.wire import NoReply, Outcome, Reply, Wire

BATCH = 20
"""Graph takes no more requests in one batch."""
IN_FLIGHT = 8
"""Batches asked at a time."""

_REPEATS_BUSY = 8
_REPEATS_SILENT = 3
_LONGEST_BACKOFF = 60.0

Sleep = Callable[[float], Awaitable[None]]
_Ask = Callable[[Sequence[str]], Awaitable[Mapping[str, Outcome]]]


class _SubResponse(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    id: str
    status: Annotated[int, Field(ge=100, le=599)]
    headers: dict[str, str] = {}
    body: object = None


_SUB_RESPONSES = TypeAdapter(list[_SubResponse])


class Asker:
    """Asks through one wire. All waiting together is at most `patience` seconds; `sleep` is what waits."""

    def __init__(self, wire: Wire, base: str, reading: Reading, patience: float, sleep: Sleep) -> None:
        self._wire = wire
        self._base = base
        self._reading = reading
        self._left = patience
        self._sleep = sleep

    async def get(self, url: str) -> Outcome:
        """Ask for one URL."""
        return (await self._until_settled([url], self._one))[url]

    async def batch(self, paths: Sequence[str]) -> Mapping[str, Outcome]:
        """Ask for many paths below the version path; each gets its own outcome, or shares its batch's."""
        return await self._until_settled(paths, self._batches)

    async def _until_settled(self, questions: Sequence[str], ask: _Ask) -> Mapping[str, Outcome]:
        settled: dict[str, Outcome] = {}
        pending = questions
        repeat = 0
        while True:
            outcomes = await ask(pending)
            settled.update(outcomes)
            pending = [question for question in pending if _worth_repeating(outcomes[question], repeat)]
            if not pending:
                return settled
            pause = max(_pause(outcomes[question], repeat) for question in pending)
            if pause > self._left:
                return settled
            self._left -= pause
            await self._sleep(pause)
            repeat += 1

    async def _one(self, questions: Sequence[str]) -> Mapping[str, Outcome]:
        return {url: await self._wire.send(url) for url in questions}

    async def _batches(self, paths: Sequence[str]) -> Mapping[str, Outcome]:
        slots = asyncio.Semaphore(IN_FLIGHT)

        async def post(part: Sequence[str]) -> Mapping[str, Outcome]:
            async with slots:
                return await self._post(part)

        parts = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
        answered = await asyncio.gather(*(post(part) for part in parts))
        return {path: outcome for outcomes in answered for path, outcome in outcomes.items()}

    async def _post(self, paths: Sequence[str]) -> Mapping[str, Outcome]:
        requests = [{"id": str(number), "method": "GET", "url": path} for number, path in enumerate(paths)]
        outcome = await self._wire.send(f"{self._base}/$batch", json.dumps({"requests": requests}).encode())
        if isinstance(outcome, NoReply) or not outcome.ok:
            return dict.fromkeys(paths, outcome)
        responses = self._responses(outcome.body)
        if len({response.id for response in responses}) != len(responses):
            raise self._reading.problem("two answers have one id", "$batch, responses")
        by_id = {response.id: response for response in responses}
        missing = [path for number, path in enumerate(paths) if str(number) not in by_id]
        if missing or len(by_id) != len(paths):
            raise self._reading.problem(
                f"{len(paths)} requests got {len(by_id)} answers that are not theirs", "$batch, responses"
            )
        return {
            path: Reply(answer.status, {key.lower(): value for key, value in answer.headers.items()}, answer.body, shared=False)
            for path, answer in zip(paths, (by_id[str(number)] for number in range(len(paths))), strict=True)
        }

    def _responses(self, body: object) -> list[_SubResponse]:
        document = read_object(body, self._reading)
        try:
            return _SUB_RESPONSES.validate_python(document.get("responses"))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join(str(step) for step in ("responses", *first["loc"]))
            raise self._reading.problem(first["msg"], f"$batch, {place}") from None


def retry_after(reply: Reply) -> float | None:
    """Give the seconds for which the service asks to be left alone (RFC 9110 §10.2.3); None: it does not say.

    A date counts from the answer's own `Date`, so that nobody's clock matters.
    """
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text) or None
    try:
        pause = (parsedate_to_datetime(text) - parsedate_to_datetime(reply.headers.get("date", ""))).total_seconds()
    except (ValueError, TypeError):
        return None
    return pause if pause > 0 else None


def _worth_repeating(outcome: Outcome, repeat: int) -> bool:
    return outcome.again and repeat < (_REPEATS_SILENT if isinstance(outcome, NoReply) else _REPEATS_BUSY)


def _pause(outcome: Outcome, repeat: int) -> float:
    asked = retry_after(outcome) if isinstance(outcome, Reply) else None
    if asked is not None:
        return asked
    backoff = min(2.0**repeat, _LONGEST_BACKOFF)
    return backoff / 2 + SystemRandom().uniform(0, backoff / 2)
