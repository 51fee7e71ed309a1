"""What a listing of a zone comes to, and when one is worth its while."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plans.desired import Dnssec
from plans.rollout.phased import UNKNOWN_TTL
from plans.rollout.zone import counts_on_ttls
from plans.rollout.zone_wish import LONGEST_TTL, Parent, Surety, Wish
from tests.plans.rollout.test_zone import ABOVE, NOW, OLD, at, facts, signed, wish


@pytest.mark.parametrize(
    ("highest", "counts"),
    [(60, UNKNOWN_TTL), (UNKNOWN_TTL, UNKNOWN_TTL), (172800, 172800), (LONGEST_TTL, LONGEST_TTL), (2**31 - 1, LONGEST_TTL)],
)
def test_a_listing_counts_as_what_it_says_but_for_what_it_cannot_know(highest: int, counts: int) -> None:
    surety = Surety(propagation=60, signed_since=NOW)
    assert surety.with_listed(highest) == replace(surety, longest_ttl=counts)


@pytest.mark.parametrize(
    ("of", "does"),
    [
        (wish(facts(signed(1))), True),
        (wish(facts(signed(1), held=at(60, OLD)), parent=Parent(ABOVE, at(60, OLD))), False),
        (wish(facts(None)), False),
        (wish(replace(facts(None), parent_scans_cds=True)), True),
        (wish(facts(signed(1)), Dnssec.KEEP), False),
    ],
    ids=["a DS comes in", "it is there", "nothing is signed yet", "the parent adds it by itself", "nothing is asked"],
)
def test_the_highest_ttl_counts_where_a_ds_comes_in(of: Wish, does: bool) -> None:
    assert counts_on_ttls(of, NOW) is does
