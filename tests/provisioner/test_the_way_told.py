"""The whole way from a legacy host to DANE, as a person reads it: what `plan`, `apply` and `status` print, with every wait."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from plans.codec import decode_entry
from plans.desired import Dnssec
from plans.duration import duration
from plans.facts import HostFacts, Secured, Security
from plans.progress import progress
from plans.values import name, rrset
from provisioner.planfile import PlanFile
from provisioner.report.apply_text import result_lines, summary_lines
from provisioner.report.exit_code import of_apply
from provisioner.report.lines import Line, plain
from provisioner.report.moment import told
from provisioner.report.plan_text import plan_lines
from provisioner.report.status_text import Status, status_lines
from provisioner.state import State
from tests.provisioner.cli.golden import assert_golden
from tests.provisioner.walking import planned, walk
from tests.provisioner.witnesses import CURRENT_TLSA, KSK, ScriptedSigner
from tests.provisioner.worlds import CONTOSO, OLD, World, asking

HOST, LEGACY = name("contoso-example.o-v1.mx.microsoft"), name("contoso-example.mail.protection.outlook.com")


class Way:
    """A world in which somebody types commands, and what they read."""

    def __init__(self, world: World, state: State) -> None:
        self._world, self._state = world, state
        self._read: list[str] = []
        self._until: datetime | None = None

    @property
    def text(self) -> str:
        """All that was read so far."""
        return "\n".join(self._read).replace(f"{self._world.folder}/", "") + "\n"

    def plan(self, out: str) -> PlanFile:
        plan = planned(self._world, self._state)
        self._tell(f"$ provisioner plan --out {out}", plan_lines(plan, f"provisioner apply {out}"))
        return plan

    def apply(self, plan: PlanFile, file: str) -> None:
        results = walk(self._world, self._state, plan)
        lines = [line for result in results for line in result_lines(result)]
        self._tell(f"$ provisioner apply {file}", [*lines, *summary_lines(results)])
        self._read.append(f"[exit {of_apply(results).value}]")
        self._until = max((one.waits.until for one in results if one.waits and one.waits.until), default=None)

    def wait(self) -> bool:
        """Let the time come until which an apply said that it waits; False: it waits for somebody."""
        if self._until is None:
            return False
        self._read.append(f"\n--- {duration(round((self._until - self._world.clock).total_seconds()))} later ---")
        self._world.clock = self._until
        return True

    def status(self) -> None:
        statuses = []
        for found in self._state.rollouts(only_open=True):
            stored, rollout = found.rollout, decode_entry(found.rollout.line).rollout
            assert rollout
            how_far = progress(rollout, stored.opened, self._state.events(stored.id))
            statuses.append(Status(stored, rollout, how_far, found.last.at))
        self._tell("$ provisioner status", status_lines(statuses, self._state.pins(), self._world.clock))

    def person(self, does: str) -> None:
        """Tell what a person does elsewhere, which takes a minute."""
        self._read.append(f"\n--- {does} ---")
        self._world.clock += timedelta(minutes=1)

    def _tell(self, command: str, lines: Iterable[Line]) -> None:
        self._read += ["", f"{told(self._world.clock)} {command}", *map(plain, lines)]


def test_the_whole_way(tmp_path: Path) -> None:
    """The provider signs the zone; a person brings the DS to the registrar, and runs the two cmdlets."""
    world = World.served(tmp_path)
    world.listed = (CONTOSO,)
    world.provider.put(CONTOSO, OLD)
    world.provider.signs = ScriptedSigner(world.witness.keys)
    world.ask_for(LEGACY)
    world.shape = asking(dnssec=Dnssec.MANAGE, dane=True)
    world.witness.hosts[HOST] = lambda facts: _with_tlsa(facts, published=False)
    with State.open(world.fleet().manifest.state, world.now) as state:
        way = Way(world, state)
        with way.plan("sign.plan") as plan:
            way.apply(plan, "sign.plan")
        way.status()
        with way.plan("ds.plan") as plan:
            way.apply(plan, "ds.plan")
        way.status()
        assert way.wait()
        with way.plan("rest.plan") as plan:
            way.apply(plan, "rest.plan")
            way.person("the DS is entered at the registrar")
            world.witness.ds[CONTOSO] = rrset(CONTOSO, "DS", 3600, KSK.ds)
            way.apply(plan, "rest.plan")
            way.person("Enable-DnssecForVerifiedDomain, provisioner pin")
            state.pin(state.begin_run("pin", "0"), CONTOSO, HOST)
            way.apply(plan, "rest.plan")
        with way.plan("mx.plan") as plan:
            way.apply(plan, "mx.plan")
            way.status()
            while way.wait():
                way.apply(plan, "mx.plan")
            way.person("Enable-SmtpDaneInbound")
            world.witness.hosts[HOST] = lambda facts: _with_tlsa(facts, published=True)
            way.apply(plan, "mx.plan")
        way.status()
        with way.plan("none.plan") as plan:
            assert not plan.totals.steps
    assert_golden("the_way.txt", way.text)


def _with_tlsa(facts: HostFacts, *, published: bool) -> HostFacts:
    held = rrset(f"_25._tcp.{HOST}", "TLSA", 600, [CURRENT_TLSA]) if published else None
    return replace(facts, tlsa=Secured(held, Security.SECURE))
