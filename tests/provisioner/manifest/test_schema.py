"""The schema for editors says the same as the reader, as far as a schema can."""

import json
from pathlib import Path
from typing import Any

import pytest

from plans.problem import Problem
from provisioner.manifest import Adapters
from provisioner.manifest.parts import CREDENTIALS
from provisioner.manifest.schema import schema


class Installed:
    """The adapters of a healthy installation."""

    def __init__(self, adapters: Adapters) -> None:
        self.load = adapters.load

    def available(self) -> tuple[str, ...]:
        return ("zonefile", "many")


@pytest.fixture
def made(adapters: Adapters) -> dict[str, Any]:
    return schema(Installed(adapters))


def test_it_is_plain_json_of_the_draft_that_it_names(made: dict[str, Any]) -> None:
    assert json.loads(json.dumps(made)) == made
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_it_knows_the_keys_of_the_manifest_and_no_others(made: dict[str, Any]) -> None:
    keys = {"version", "state", "include", "credentials", "tenants", "providers", "domains", "defaults", "graph"}

    assert set(made["properties"]) == keys
    assert made["required"] == ["version"]
    assert made["additionalProperties"] is False


def test_every_type_of_credential_and_of_provider_is_a_choice(made: dict[str, Any]) -> None:
    credentials = made["properties"]["credentials"]["additionalProperties"]["oneOf"]
    providers = made["properties"]["providers"]["additionalProperties"]["oneOf"]

    def types(choices: list[dict[str, str]]) -> set[str]:
        return {made["$defs"][choice["$ref"].removeprefix("#/$defs/")]["properties"]["type"]["const"] for choice in choices}

    assert types(credentials) == set(CREDENTIALS)
    assert types(providers) == {"zonefile", "many"}


def test_every_reference_in_it_leads_somewhere(made: dict[str, Any]) -> None:
    text = json.dumps(made)
    references = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}

    assert references == set(made["$defs"])


def test_a_key_is_left_out_rather_than_empty(made: dict[str, Any]) -> None:
    assert '"null"' not in json.dumps(made)
    assert "null" not in json.dumps(made["$defs"]["DomainPart"])


def test_a_secret_is_a_reference_with_exactly_one_key(made: dict[str, Any]) -> None:
    secret = made["$defs"]["SecretPart"]

    assert set(secret["properties"]) == {"env", "file"}
    assert (secret["minProperties"], secret["maxProperties"], secret["additionalProperties"]) == (1, 1, False)


def test_an_adapter_that_cannot_be_loaded_is_told(adapters: Adapters) -> None:
    with pytest.raises(Problem, match="broken"):
        schema(adapters)


def test_the_adapters_of_this_installation_are_in_it_unless_others_are_given(data: Path) -> None:
    assert data.is_dir()
    assert "ZoneFileOptions" in schema()["$defs"]
