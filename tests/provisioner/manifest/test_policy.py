from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from plans.approval import Numbers
from plans.policy import Risk
from provisioner.manifest import ManifestInvalid
from provisioner.manifest.model import Approvers, Manifest, Policy
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
"""


def every_key(folder: Path, digest: str = "") -> Policy:
    return Policy(
        timedelta(hours=2),
        Numbers(1, {Risk.REMOVE_DS: 2, Risk.RAISE_TTL: 0}),
        Approvers(folder / "keys" / "allowed_signers", Path("/etc/revoked")),
        separate=True,
        expires=timedelta(hours=8),
        carry=timedelta(days=7),
        unattended=frozenset({Risk.RAISE_TTL, Risk.LOWER_TTL}),
        digest=digest,
    )


def test_the_manifest_says_it_or_the_defaults_hold(read: Callable[..., Manifest], tmp_path: Path) -> None:
    section = "".join(f"  {line}\n" for line in EVERY_KEY.splitlines())
    assert read(f"version: 1\npolicy:\n{section}").policy == every_key(tmp_path)
    absent = Policy(timedelta(hours=1), Numbers(0), None, separate=False, expires=timedelta(hours=24), carry=timedelta(days=30))
    assert read("version: 1\n").policy == read("version: 1\npolicy: {}\n").policy == absent


def test_a_file_of_its_own_says_the_same_and_is_known_by_the_digest_of_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(EVERY_KEY)
    assert load_policy(file) == every_key(tmp_path, sha256(EVERY_KEY.encode()).hexdigest())
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


def test_what_can_lose_mail_is_never_done_without_a_person() -> None:
    said = "first-tlsa add-ds remove-ds sign unsign swap-mx remove-mx replace-mx"
    assert set(said.split()) == ATTENDED
