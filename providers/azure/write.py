"""Writing one record set under its ETag, and finding out what became of it where the answer does not say.

https://learn.microsoft.com/azure/dns/dns-zones-records
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from plans.plan import Change
from plans.values import Key
from providers.azure.read import ZoneReader
from providers.azure.records import StoredSet, body_of
from providers.contract import Conflict, Outcome, ProviderError, Status, Throttled, Unavailable

_MADE = {HTTPStatus.OK, HTTPStatus.CREATED}


@dataclass(frozen=True, slots=True)
class SetWriter:
    """Writes sets of the reader's zone."""

    reader: ZoneReader

    def write(self, change: Change, stored: StoredSet | None) -> Outcome:
        """Make a change of a set that stands as `stored`. Raises `ProviderError` where nothing was written."""
        try:
            # An ETag changes with the metadata too: where the records are still the same, the guard is renewed once.
            made = self._made(change, stored) or self._made(change, self._as_before(change))
        except Throttled:
            raise
        except Unavailable as error:
            return self._settle(change, error.detail)
        return Outcome(Status.WRITTEN) if made else Outcome(Status.CONFLICT, "the set's ETag changes all the time")

    def _settle(self, change: Change, unclear: str) -> Outcome:
        """Find out what became of a write whose answer was lost.

        It is made again only where reading shows that the set stands as before: under the same guard, so that of two attempts
        that arrive in the end only one is made.
        """
        patience = self.reader.arm.patience
        try:
            for attempt in range(1, patience.attempts):
                stored = self._again(change.key)
                live = stored.live if stored else None
                if live == change.after:
                    return Outcome(Status.WRITTEN, f"seen by reading, for the answer was lost: {unclear}")
                if live != change.before:
                    return Outcome(Status.UNKNOWN, f"somebody else changed the set meanwhile; {unclear}")
                patience.sleep(patience.pause(attempt))
                try:
                    if self._made(change, stored):
                        return Outcome(Status.WRITTEN)
                except Throttled:
                    raise
                except Unavailable as error:
                    unclear = error.detail
        except ProviderError as error:
            return Outcome(Status.UNKNOWN, f"{unclear}; then {error.detail}")
        return Outcome(Status.UNKNOWN, unclear)

    def _made(self, change: Change, stored: StoredSet | None) -> bool:
        """Send the change once; False where the guard did not hold. Raises `Unavailable` where it may have been made."""
        guard = {"If-Match": stored.etag} if stored else {"If-None-Match": "*"}
        target, doing = self.reader.target(change.key), f"write {change.key.type} sets"
        if change.after is None:
            answer = self.reader.arm.once("DELETE", target, doing, guard)
        else:
            answer = self.reader.arm.once("PUT", target, doing, guard, body_of(change.after, stored.metadata if stored else {}))
        # 204 to a DELETE says that there was no set.
        if answer.status in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.NO_CONTENT}:
            return False
        if answer.status not in _MADE:
            raise self.reader.arm.failure(answer, doing)
        return True

    def _as_before(self, change: Change) -> StoredSet | None:
        """Read the set again. Raises `Conflict` unless it holds what it held before."""
        conflict = Conflict(f"{change.key} was not written", "the set changed since it was read", "make a new plan")
        try:
            stored = self._again(change.key)
        except ProviderError as error:
            raise conflict from error
        if (stored.live if stored else None) != change.before:
            raise conflict
        return stored

    def _again(self, key: Key) -> StoredSet | None:
        """Read one set; it is absent only in a zone that is there."""
        stored = self.reader.one(key)
        if stored is None:
            self.reader.require_zone()
        return stored
