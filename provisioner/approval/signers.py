"""Whose a signature is: OpenSSH's `allowed_signers` says, and `ssh-keygen` reads it (ssh-keygen(1), ALLOWED SIGNERS)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from plans.approval import Approval, Refused, Signed
from provisioner.approval.keygen import NAMESPACE, ProgramFailed, Ran, held, message, run
from provisioner.manifest.model import Approvers

Verdict = Signed | Refused
Verify = Callable[[Approvers, Approval, datetime], Verdict]
"""What `verify` does."""


def verify(approvers: Approvers, approval: Approval, at: datetime) -> Verdict:
    """Say whose a signature is, by who was allowed at a time. A key that is revoked now was never allowed.

    The `expires` of the approval, which is not signed, is not looked at.
    """
    try:
        with held(approval.signature) as signature:
            return _verify(approvers, approval, signature, at)
    except ProgramFailed as error:
        return Refused(f"it cannot be verified: {error}")


def _verify(approvers: Approvers, approval: Approval, signature: Path, at: datetime) -> Verdict:
    """Verify one signature. Raises `ProgramFailed`."""
    signed = message(approval.plan)
    sound = _keygen("check-novalidate", "-n", NAMESPACE, "-s", str(signature), given=signed)
    if sound.code != 0:
        return Refused("the signature is none for this plan")
    key = _key(sound)
    signers = str(approvers.file.absolute())
    if not approvers.file.is_file():
        return Refused(f"there is no file {approvers.file} that says whose {key} is")
    when = ("-O", f"verify-time={at.astimezone():%Y%m%d%H%M%S}")  # in the zone of this machine, as the file is read too
    found = _keygen("find-principals", "-f", signers, "-s", str(signature), *when)
    principals = [name for name in found.out.splitlines() if name and not name.startswith("!")]
    if found.code != 0 or not principals:
        return Refused(f"{key} is not allowed in {approvers.file}: {_complaint(found, signers)}")
    common = ("-f", signers, "-n", NAMESPACE, "-s", str(signature), *when)
    allowed: list[str] = []
    for principal in principals:
        verified = _keygen("verify", "-I", principal, *common, given=signed)
        if verified.code != 0:
            return Refused(f"{key} is not allowed for {principal} in {approvers.file}: {_complaint(verified, signers)}")
        allowed.append(principal)
    if approvers.revoked:
        revoked = str(approvers.revoked.absolute())
        if _keygen("verify", "-I", allowed[0], *common, "-r", revoked, given=signed).code != 0:
            what = "is revoked in" if approvers.revoked.is_file() else "may be revoked: there is no file"
            return Refused(f"{key} {what} {approvers.revoked}")
    return Signed(frozenset(allowed))


def describe(approval: Approval) -> str:
    """Name the type and the fingerprint of the key with which an approval was signed."""
    try:
        with held(approval.signature) as signature:
            check = ("check-novalidate", "-n", NAMESPACE, "-s", str(signature))
            return _key(_keygen(*check, given=message(approval.plan)))
    except ProgramFailed:
        return "an unknown key"


def _keygen(*arguments: str, given: str = "") -> Ran:
    return run(("ssh-keygen", "-Y", *arguments), given)


def _key(verified: Ran) -> str:
    """Name a key as `Good "…" signature with ED25519 key SHA256:…` does."""
    kind, _, fingerprint = verified.out.strip().rpartition(" key ")
    return f"the {kind.rpartition(' ')[2]} key {fingerprint}" if fingerprint else "the key"


def _complaint(ran: Ran, signers: str) -> str:
    """Say what the program found wrong, with the line of the file where it names one."""
    return ran.reason.replace(f"{signers}:", "line ").rstrip(".") or "no line has it"
