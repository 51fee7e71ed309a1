"""One account at one service: how fast it is asked, and what is asked again.

The SDK's own retries are off: it would repeat a change whose answer was lost without looking what became of it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from providers.aws.errors import Lost, garbled, of_sdk, of_service
from providers.aws.options import AwsOptions
from providers.aws.service import Service
from providers.aws.session import SdkClient, sdk
from providers.contract import Context, Throttled, Unavailable
from providers.limiter import Limiter

Answer = Mapping[str, Any]
Connect = Callable[[float, float], SdkClient]
"""Makes the SDK's client; the seconds that connecting and an answer may take."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited and how often asked; times in seconds, `jitter` gives a part of one."""

    tries: int = 8
    first: float = 0.25
    longest: float = 20.0
    connect: float = 10.0
    read: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def pause(self, attempt: int) -> float:
        """Give how long to wait after an attempt, the first being 0: exponential, half of it left to chance."""
        return min(self.longest, self.first * 2.0**attempt) * (0.5 + self.jitter() / 2)


class AwsClient:
    """A service's API under one provider label. Several threads may use it at once."""

    def __init__(
        self, service: Service, label: str, options: AwsOptions, connect: Connect, context: Context, patience: Patience
    ) -> None:
        self.label = label
        self.patience = patience
        self._service = service
        self._options = options
        self._connect = connect
        self._context = context
        self._lock = threading.Lock()
        self._sdk: SdkClient | None = None

    def read(self, operation: str, **parameters: object) -> Answer:
        """Ask, again if need be. Raises `ProviderError`."""
        return self._ask(operation, parameters, repeat_lost=True)

    def write(self, operation: str, **parameters: object) -> Answer:
        """Ask for a change, again only where nothing was done. Raises `ProviderError`; `Lost`: it may have been made."""
        return self._ask(operation, parameters, repeat_lost=False)

    def _ask(self, operation: str, parameters: Mapping[str, object], *, repeat_lost: bool) -> Answer:
        account = self._options.role_arn or self._options.profile or ""
        limiter = self._context.limiters.of(self._service.id, account, self._options.limit)
        attempt = 0
        while True:
            limiter.acquire()
            self._context.meter.called(f"{self._service.id}:{operation}")
            try:
                return self._send(operation, parameters)
            except Unavailable as error:
                pause = self.patience.pause(attempt)
                attempt += 1
                if isinstance(error, Throttled):
                    self._throttle(operation, limiter, max(pause, error.retry_after or 0.0))
                if attempt >= self.patience.tries or (isinstance(error, Lost) and not repeat_lost):
                    raise
                if not isinstance(error, Throttled):
                    self.patience.sleep(pause)

    def _throttle(self, operation: str, limiter: Limiter, seconds: float) -> None:
        """Hold back the whole account: the bucket that is empty is one for all its requests."""
        self._context.meter.throttled(f"{self._service.id}:{operation}")
        limiter.block(seconds)

    def _send(self, operation: str, parameters: Mapping[str, object]) -> Answer:
        """Send one request. Raises `ProviderError`; `Lost` where it may have been carried out."""
        subjects = [str(parameters[name]) for name in self._service.subjects if name in parameters]
        where = " of ".join([f"provider {self.label}, {operation}", *subjects])
        exceptions, parsers, names = sdk("botocore.exceptions"), sdk("botocore.parsers"), sdk("botocore")
        try:
            client = self._client()
            answer: Answer = getattr(client, names.xform_name(operation))(**parameters)
        except exceptions.ClientError as error:
            raise of_service(error.response, operation, where, self._service) from None
        except parsers.ResponseParserError:
            raise garbled(where, self._service) from None
        except exceptions.BotoCoreError as error:
            raise of_sdk(error, where, self._service) from None
        shape = client.meta.service_model.operation_model(operation).output_shape
        if not _complete(answer, shape) or self._service.always.get(operation) not in {None, *answer}:
            raise garbled(where, self._service)
        return answer

    def _client(self) -> SdkClient:
        with self._lock:
            if self._sdk is None:
                self._sdk = self._connect(self.patience.connect, self.patience.read)
            return self._sdk


class _Shape(Protocol):
    """What the service's model says of a value."""

    type_name: str
    member: _Shape
    members: Mapping[str, _Shape]
    required_members: Sequence[str]


def _complete(value: object, shape: _Shape) -> bool:
    """Whether an answer has all that the model says it always has: a proxy's page may well be read as one without."""
    match value:
        case list():
            return all(_complete(one, shape.member) for one in value)
        case dict():
            members = shape.members
            return all(required in value for required in shape.required_members) and all(
                _complete(one, members[member]) for member, one in value.items() if member in members
            )
        case _:
            return True
