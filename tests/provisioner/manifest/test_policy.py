from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from plans.acknowledgement import Acknowledgement
from plans.approval import Numbers
from plans.freeze import Once, Weekly
from plans.policy import Risk
from plans.values import name
from provisioner.manifest import ManifestInvalid
from provisioner.manifest.model import Approvers, Ceilings, Manifest, Policy
from provisioner.manifest.policy import ATTENDED
from provisioner.manifest.policy_file import load_policy

EVERY_KEY = """\
approvals: {default: 1, remove-ds: 2, raise-ttl: 0}
approvers: {file: keys/allowed_signers, revoked: /etc/revoked}
separate: true
expires: 8h
carry: 7d
unattended: [raise-ttl, lower-ttl]
soak: 2h
waves: 0
max_failures: 2
ceilings: {count: 100, share: 10%}
freeze:
- {from: 2026-12-24T18:00+01:00, until: 2027-01-02, reason: holidays}
- {days: [fri, sat], from: "18:00", until: "24:00"}
acknowledge:
  Contoso.com: {code: foreign-mx, reason: moves in March, until: 2027-03-31}
  fabrikam.com.: [{code: alias-at-name, reason: by design, until: 2027-01-01}]
"""


def every_key(folder: Path, file: Path, first: int, digest: str = "") -> Policy:
    """Give what the lines mean, of which the first is that line of the file."""
    return Policy(
        timedelta(hours=2),
        Numbers(1, {Risk.REMOVE_DS: 2, Risk.RAISE_TTL: 0}),
        Approvers(folder / "keys" / "allowed_signers", Path("/etc/revoked")),
        separate=True,
        expires=timedelta(hours=8),
        carry=timedelta(days=7),
        unattended=frozenset({Risk.RAISE_TTL, Risk.LOWER_TTL}),
        digest=digest,
        waves=0,
        max_failures=2,
        ceilings=Ceilings(100, 10),
        freezes=(
            Once(datetime(2026, 12, 24, 17, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC), "holidays", f"{file}:{first + 11}"),
            Weekly(frozenset({4, 5}), timedelta(hours=18), timedelta(days=1), "", f"{file}:{first + 12}"),
        ),
        acknowledged=(
            Acknowledgement(name("contoso.com"), "foreign-mx", "moves in March", day(2027, 3, 31), f"{file}:{first + 14}"),
            Acknowledgement(name("fabrikam.com"), "alias-at-name", "by design", day(2027, 1, 1), f"{file}:{first + 15}"),
        ),
    )


def day(*of: int) -> datetime:
    return datetime(*of, tzinfo=UTC)  # type: ignore[misc, arg-type]  # year, month and day


def test_the_manifest_says_it_or_the_defaults_hold(read: Callable[..., Manifest], tmp_path: Path) -> None:
    section = "".join(f"  {line}\n" for line in EVERY_KEY.splitlines())
    assert read(f"version: 1\npolicy:\n{section}").policy == every_key(tmp_path, tmp_path / "provisioner.yaml", 3)
    absent = Policy(
        timedelta(hours=1),
        Numbers(0),
        None,
        separate=False,
        expires=timedelta(hours=24),
        carry=timedelta(days=30),
        waves=3,
        max_failures=5,
    )
    assert read("version: 1\n").policy == read("version: 1\npolicy: {}\n").policy == absent


def test_a_file_of_its_own_says_the_same_and_is_known_by_the_digest_of_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(EVERY_KEY)
    assert load_policy(file) == every_key(tmp_path, file, 1, sha256(EVERY_KEY.encode()).hexdigest())
    file.write_text("# nobody is asked\n{}\n")
    assert load_policy(file).approvals == Numbers()
    assert load_policy(file).digest == sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("soak: 1 hour\n", "policy.yaml:1  soak: expected the time for which old MX hosts stay"),
        ("unattended: [swap-mx]\n", "policy.yaml:1  unattended[0]: 'swap-mx' is never done without a person. Remove it."),
        ("policy: {soak: 1h}\n", "policy.yaml:1  policy: unknown key"),
        ("", "policy.yaml:1  the file is empty"),
        ("[1]\n", "policy.yaml:1  expected a mapping, found a list."),
        ("\udcff", "is not UTF-8"),
        (None, "policy.yaml  the file cannot be read"),
    ],
)
def test_its_mistakes_are_told_with_their_lines(tmp_path: Path, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / "policy.yaml").write_text(text, errors="surrogateescape")
    with contextlib.chdir(tmp_path), pytest.raises(ManifestInvalid) as caught:
        load_policy(Path("policy.yaml"))
    assert told in caught.value.detail
    assert caught.value.headline == "The policy policy.yaml has 1 mistake"
    assert caught.value.mend.endswith("`provisioner plan --policy policy.yaml`.")


def test_a_rule_names_its_file_and_line_or_that_it_is_the_default(read: Callable[..., Manifest], tmp_path: Path) -> None:
    policy = read("version: 1\npolicy:\n  soak: 1h\n  waves: 2\n").policy
    assert policy.rule("waves") == f"policy.waves in {tmp_path}/provisioner.yaml:4"
    assert policy.rule("max_failures") == "policy.max_failures, by default"
    (tmp_path / "policy.yaml").write_text("max_failures: 1\n")
    with contextlib.chdir(tmp_path):
        assert load_policy(Path("policy.yaml")).rule("max_failures") == "policy.max_failures in policy.yaml:1"


def test_what_can_lose_mail_is_never_done_without_a_person() -> None:
    said = "first-tlsa add-ds remove-ds sign unsign swap-mx remove-mx replace-mx"
    assert set(said.split()) == ATTENDED
