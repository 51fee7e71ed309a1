"""Settings with the places at which they were written, and what of them cannot stand beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from plans.desired import Dnssec
from provisioner.manifest.mistakes import KeyPath, Mistakes
from provisioner.manifest.model import Location, Settings
from provisioner.manifest.nodes import Node
from provisioner.manifest.parts import SettingsPart


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings as one mapping says them: a domain, its tenant's defaults or the manifest's own."""

    settings: Settings
    node: Node
    path: KeyPath

    @classmethod
    def of(cls, part: SettingsPart, node: Node, path: KeyPath) -> Layer:
        """Take the settings out of what stands there."""
        settings = Settings(part.provider, part.strategy, part.verify, part.staged, part.dnssec, part.dane, part.smtp_probe)
        return cls(settings, node, path)

    def where(self, key: str) -> Location:
        """Give the line of a key, or the mapping's own."""
        return self.node.child(key).where


def merged(layers: Sequence[Layer]) -> Settings:
    """Give what holds; what stands in an earlier layer goes before."""
    return reduce(Settings.before, (layer.settings for layer in layers))


def saying_dane(layers: Sequence[Layer]) -> Layer | None:
    """Give the layer by which `dane: true` holds. None: it does not."""
    says = next((layer for layer in layers if layer.settings.dane is not None), None)
    return says if says and says.settings.dane else None


def check_dane(layers: Sequence[Layer], mistakes: Mistakes, *, whole: bool) -> None:
    """Check that `dane: true` has its `dnssec: manage`. `whole`: no layer follows, and so what none says is `dnssec: keep`."""
    dane = saying_dane(layers)
    dnssec = next((layer for layer in layers if layer.settings.dnssec is not None), None)
    if dane is None or (dnssec.settings.dnssec is Dnssec.MANAGE if dnssec else not whole):
        return
    mend = "Write `dnssec: manage`, or `dane: false`."
    if dane is dnssec:
        text = f"needs `dnssec: manage`, and `dnssec: {dnssec.settings.dnssec}` stands beside it"
        mistakes.add(dane.where("dane"), (*dane.path, "dane"), text, mend)
        return
    other = f"`dnssec: {dnssec.settings.dnssec}` stands at {dnssec.where('dnssec')}" if dnssec else "no `dnssec` is set"
    text = f"`dane: true` stands at {dane.where('dane')} and needs `dnssec: manage`, but {other}"
    mistakes.add(layers[0].node.where, (*layers[0].path, "dane"), text, mend)
