from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.manifest import ManifestInvalid, load

HEAD = (
    "version: 1\n"
    "credentials:\n"
    "  partner: {type: client-secret, client_id: abc, secret: {env: SECRET}}\n"
    "  me: {type: azure-cli}\n"
)
SUBSCRIPTION = "subscription: 00000000-0000-0000-0000-000000000001"


def read(folder: Path, options: str) -> None:
    path = folder / "provisioner.yaml"
    path.write_text(f"{HEAD}providers:\n  az: {{type: azure, {SUBSCRIPTION}, {options}}}\n")
    load(path)


@pytest.mark.parametrize("options", ["credential: partner, tenant: contoso.onmicrosoft.com", "credential: me"])
def test_a_credential_that_a_provider_names_is_taken(tmp_path: Path, options: str) -> None:
    read(tmp_path, options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("credential: partnr", "providers.az.credential: unknown credential 'partnr', did you mean 'partner'?"),
        ("credential: partner", "providers.az.tenant: is missing, and that credential does not say it."),
    ],
)
def test_a_credential_that_cannot_serve_is_a_mistake_with_its_line(tmp_path: Path, options: str, told: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        read(tmp_path, options)
    assert "provisioner.yaml:6 " in caught.value.detail
    assert told in caught.value.detail
