"""A move to the assigned host of which a person does nothing but sign it: a timer runs `reconcile`, and mail always arrives."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta

from provisioner.exits import Exit
from tests.lab.dane import names
from tests.lab.dane.timer import Timer
from tests.lab.dane.world import Lab, Ran

PENDING = ".provisioner/pending.jsonl"
SIGNED = "policy: {soak: 1s, approvals: {default: 1}, approvers: {file: allowed_signers}}"
OLD, NEW = f"{names.LEGACY}.", f"{names.NEW}."
WAY = [
    [f"{names.TTL} 0 {OLD}"],
    [f"30 0 {OLD}"],
    [f"30 0 {OLD}", f"30 10 {NEW}"],
    [f"30 0 {NEW}", f"30 20 {OLD}"],
    [f"30 0 {NEW}"],
    [f"{names.TTL} 0 {NEW}"],
]
"""What the customer's MX is, one after the other."""
RUNS = 16
"""So many bring it to its end; most do one step, or see that one is everywhere."""


def demand_signatures(lab: Lab, keygen: str) -> None:
    """Let the manifest ask for the signature of somebody whose key there is."""
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", lab.folder / "key"], check=True)
    (lab.folder / "allowed_signers").write_text(f"somebody {(lab.folder / 'key.pub').read_text()}")
    manifest = lab.folder / "provisioner.yaml"
    written = manifest.read_text()
    manifest.write_text(written.replace("policy: {soak: 1s}", SIGNED))
    assert SIGNED in manifest.read_text()


def test_a_timer_walks_all_of_it(lab: Lab, program: Callable[[str], str]) -> None:
    lab.assign()
    lab.write("dnssec: keep")
    demand_signatures(lab, program("ssh-keygen"))
    lab.mail()
    with Timer(lab).running() as timer:
        seen = [lab.mx()]

        def run() -> Ran:
            """See a run end well, that at most one step was done, and that a mail arrives."""
            ran = timer.run()
            assert ran.code == Exit.DONE, ran
            if lab.mx() != seen[-1]:
                seen.append(lab.mx())
                lab.settled(names.DOMAIN, "MX")
            lab.mail()
            return ran

        assert "1 needs a person." in run().said
        assert seen == WAY[:1]
        assert lab.call("approve", PENDING, "--key", "key").code == Exit.DONE
        for _ in range(RUNS):
            quiet = not run().said
            assert seen == WAY[: len(seen)]
            if quiet and seen == WAY:
                break
            if quiet:  # what was written last is everywhere, and time has to pass
                timer.later(timedelta(minutes=2))
    assert seen == WAY
    assert "finished" in lab.call("status", "--all").said
    assert not (lab.folder / PENDING).exists()
    assert lab.call("plan", "--detailed-exitcode").code == Exit.DONE
    assert lab.call("history", "--verify").code == Exit.DONE
