"""Finding some entries in a long ordered list: page by page, jumping over what nobody asked for.

Both lists of Route 53 (zones by name, record sets of a zone) are sorted by `text.sort_key` and can be entered at
any name. So few names cost few calls, and many names never more than reading the whole list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plans.values import Name
from providers.contract import Rejected
from providers.route53.text import parsed_name, sort_key

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """What one call gave: items, and how to ask for the next page, whose first name is `after`; None: the list ends."""

    items: tuple[tuple[Name, Item], ...]
    after: Name | None
    onward: Mapping[str, str]


Fetch = Callable[[Mapping[str, str]], Page]


class _OtherOrder(Exception):
    """The list is not sorted as we think."""


def sweep(points: Collection[Name], start: Callable[[Name], Mapping[str, str]], fetch: Fetch) -> list[tuple[Name, Item | None]]:
    """Give all items of these names, others that come along, and what the first name behind each of them is.

    A name that is only known to exist comes without an item. A list that is sorted in another way than ours is read whole,
    so that nothing is taken for absent.
    """
    try:
        return list(_jump(points, start, fetch))
    except _OtherOrder:
        return list(everything(fetch))


def everything(fetch: Fetch) -> Iterator[tuple[Name, Item]]:
    """Give the whole list."""
    request: Mapping[str, str] = {}
    while True:
        page = fetch(request)
        yield from page.items
        if page.after is None:
            return
        request = _next(page, request)


def page_of(answer: Mapping[str, Any], items: str, onward: Mapping[str, str]) -> Page:
    """Read an answer; `onward` names its members that the next request needs, by the parameter that takes them.

    Raises `Rejected`.
    """
    further = {parameter: answer[member] for parameter, member in onward.items() if member in answer}
    try:
        found = tuple((parsed_name(item["Name"]), item) for item in answer[items])
        after = parsed_name(next(iter(further.values()))) if answer["IsTruncated"] else None
    except (ValueError, StopIteration) as error:
        raise Rejected(
            "A list of Route 53 cannot be understood",
            f"{items}: {str(error) or 'it goes on and does not say where'}",
            "Mend the zone.",
        ) from None
    return Page(found, after, further)


def _jump(
    points: Collection[Name], start: Callable[[Name], Mapping[str, str]], fetch: Fetch
) -> Iterator[tuple[Name, Item | None]]:
    waiting = sorted(points, key=sort_key, reverse=True)
    reached = ""
    onward: Mapping[str, str] | None = None
    while waiting:
        if onward is None:
            reached = sort_key(waiting[-1])
        request = start(waiting[-1]) if onward is None else onward
        page = fetch(request)
        for owner, item in page.items:
            reached = _ascending(reached, owner)
            yield owner, item
        if page.after is None:
            return
        reached = _ascending(reached, page.after)
        yield page.after, None
        while waiting and sort_key(waiting[-1]) < reached:
            waiting.pop()
        onward = _next(page, request) if waiting and sort_key(waiting[-1]) == reached else None


def _ascending(reached: str, owner: Name) -> str:
    if (key := sort_key(owner)) < reached:
        raise _OtherOrder
    return key


def _next(page: Page, request: Mapping[str, str]) -> Mapping[str, str]:
    if page.onward == request:
        raise Rejected("A list of Route 53 has no end", f"it goes on at {page.after}, where it was", "Run the command again.")
    return page.onward
