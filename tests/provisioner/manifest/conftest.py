from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from plans.problem import Problem
from plans.values import Name
from providers.contract import CONTRACT_VERSION, Adapter, Capabilities, Context, Options, Provider
from provisioner.manifest import Adapters, ManifestInvalid, load
from provisioner.manifest.model import Manifest


class ZoneFileOptions(Options):
    directory: Annotated[str, Field(min_length=1)]


class Limit(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    rate: Annotated[int, Field(ge=1, lt=1000)] = 1


class ManyOptions(Options):
    """Every kind of option that an adapter may come up with."""

    server: Path | None = None
    port: Annotated[int, Field(gt=0, le=65535)] = 53
    ratio: float = 0.5
    tries: Annotated[list[str], Field(min_length=2)] | None = None
    secure: bool = True
    mode: Literal["tcp", "udp"] = "tcp"
    limit: Limit | None = None
    limits: dict[str, Limit] | None = None
    account: Annotated[str, Field(pattern=r"^[a-z]+$")] = "a"
    zone_id: str = Field("z", alias="zone-id")

    @field_validator("ratio")
    @classmethod
    def _below_one(cls, value: float) -> float:
        if value > 1:
            msg = "is a share of one"
            raise ValueError(msg)
        return value


def no_provider(label: str, _options: object, _context: Context) -> Provider:
    raise Problem(label, "manifests are read without opening a provider", "")


class FakeRegistry:
    types: tuple[tuple[str, type[Options]], ...] = (
        ("zonefile", ZoneFileOptions),
        ("many", ManyOptions),
        ("registrar", Options),
    )

    def available(self) -> tuple[str, ...]:
        return (*dict(self.types), "broken")

    def load(self, type_: str, /) -> Adapter:
        if type_ == "broken":
            raise Problem("the adapter 'broken' cannot be used", "it does not import", "Install it again.")
        capabilities = Capabilities("none", frozenset({"DS" if type_ == "registrar" else "MX"}))
        return Adapter(CONTRACT_VERSION, dict(self.types)[type_], capabilities, no_provider)


@pytest.fixture(scope="session")
def adapters() -> Adapters:
    return FakeRegistry()


@pytest.fixture(scope="session")
def data() -> Path:
    return Path(__file__).parents[2] / "data" / "manifest"


@pytest.fixture
def read(tmp_path: Path, adapters: Adapters) -> Callable[..., Manifest]:
    """Write files into a folder, by default one manifest, and read it."""

    def write_and_load(text: str | bytes, name: str = "provisioner.yaml", **others: str | bytes) -> Manifest:
        for file, content in {name: text, **others}.items():
            target = tmp_path / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load(tmp_path / name, adapters)

    return write_and_load


@pytest.fixture
def mistakes(read: Callable[..., Manifest], tmp_path: Path) -> Callable[..., list[str]]:
    """Read a manifest that has mistakes, and give them without the folder's path."""

    def told(text: str | bytes, name: str = "provisioner.yaml", **others: str | bytes) -> list[str]:
        with pytest.raises(ManifestInvalid) as caught:
            read(text, name, **others)
        return [str(mistake).replace(f"{tmp_path}/", "") for mistake in caught.value.mistakes]

    return told


@pytest.fixture(scope="session")
def names() -> Callable[[Manifest], list[Name]]:
    return lambda manifest: [domain.name for domain in manifest.domains]
