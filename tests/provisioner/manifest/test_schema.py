"""The schema for editors says the same as the reader, as far as a schema can."""

import json
import operator
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from plans.problem import Problem
from provisioner.manifest import Adapters
from provisioner.manifest.mistakes import Mistakes
from provisioner.manifest.nodes import Node, parse
from provisioner.manifest.parts import CREDENTIALS
from provisioner.manifest.schema import schema

DATA = Path(__file__).parents[2] / "data" / "manifest"
QUICKSTART = Path(__file__).parents[3] / "examples" / "quickstart" / "provisioner.yaml"
STARTER = files("provisioner.manifest") / "starter.yaml"
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": int | float, "boolean": bool}
TOLD_TO_PEOPLE = {"$schema", "$defs", "title", "description", "examples", "default", "discriminator"}
BOUNDS = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}
OF_OTHER_TYPES = {
    *BOUNDS,
    "minLength",
    "minItems",
    "minProperties",
    "maxProperties",
    "pattern",
}
OF_ENTRIES = {"properties", "additionalProperties", "required"}


class Installed:
    """The adapters of a healthy installation."""

    def __init__(self, adapters: Adapters) -> None:
        self.load = adapters.load

    def available(self) -> tuple[str, ...]:
        return ("zonefile", "many", "registrar")


@pytest.fixture
def made(adapters: Adapters) -> dict[str, Any]:
    return schema(Installed(adapters))


def test_it_is_plain_json_of_the_draft_that_it_names(made: dict[str, Any]) -> None:
    assert json.loads(json.dumps(made)) == made
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_it_knows_the_keys_of_the_manifest_and_no_others(made: dict[str, Any]) -> None:
    keys = (
        "version state include credentials partners tenants providers domains mail_hosts defaults graph resolver policy webhook"
    )

    assert set(made["properties"]) == set(keys.split())
    assert made["required"] == ["version"]
    assert made["additionalProperties"] is False


def test_every_type_of_credential_and_of_provider_is_a_choice(made: dict[str, Any]) -> None:
    credentials = made["properties"]["credentials"]["additionalProperties"]["oneOf"]
    providers = made["properties"]["providers"]["additionalProperties"]["oneOf"]

    def types(choices: list[dict[str, str]]) -> set[str]:
        return {made["$defs"][choice["$ref"].removeprefix("#/$defs/")]["properties"]["type"]["const"] for choice in choices}

    assert types(credentials) == set(CREDENTIALS)
    assert types(providers) == {"zonefile", "many", "registrar"}


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


def test_a_duration_is_shown_as_it_is_written(made: dict[str, Any]) -> None:
    options = made["$defs"]["ManyOptions"]["properties"]

    assert (options["propagation"]["type"], options["propagation"]["default"]) == ("string", "5m")
    assert (options["max_zone_ttl"]["type"], "default" in options["max_zone_ttl"]) == ("string", False)


def test_an_adapter_that_cannot_be_loaded_is_told(adapters: Adapters) -> None:
    with pytest.raises(Problem, match="broken"):
        schema(adapters)


def test_the_adapters_of_this_installation_are_in_it_unless_others_are_given(data: Path) -> None:
    assert data.is_dir()
    assert "ZoneFileOptions" in schema()["$defs"]


def plain(node: Node) -> Any:
    match node.value:
        case dict() as entries:
            return {key: plain(entry) for key, entry in entries.items()}
        case list() as items:
            return [plain(item) for item in items]
        case scalar:
            return scalar


def written(text: str, file: str = "m.yaml") -> Any:
    node = parse(text, Path(file), Mistakes())
    assert node
    return plain(node)


def offences(value: Any, rule: Mapping[str, Any], root: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Say what in a value goes against a JSON Schema, by the keywords that the manifest's schema uses and no others."""
    if isinstance(value, dict):
        yield from offences_of_entries(value, rule, root, path)
    for keyword, operand in rule.items():
        match keyword:
            case "$ref":
                yield from offences(value, root["$defs"][operand.removeprefix("#/$defs/")], root, path)
            case "anyOf" | "oneOf":
                fitting = [choice for choice in operand if not list(offences(value, choice, root, path))]
                if not fitting or (keyword == "oneOf" and len(fitting) > 1):
                    yield f"{path}: {len(fitting)} of {keyword}"
            case "items":
                for item in value if isinstance(value, list) else ():
                    yield from offences(item, operand, root, f"{path}[]")
            case _ if keyword not in TOLD_TO_PEOPLE | OF_ENTRIES and not fulfils(value, keyword, operand):
                yield f"{path}: {keyword}"


def offences_of_entries(value: dict[str, Any], rule: Mapping[str, Any], root: Mapping[str, Any], path: str) -> Iterator[str]:
    named, others = rule.get("properties", {}), rule.get("additionalProperties", True)
    yield from (f"{path}.{key}: required" for key in rule.get("required", ()) if key not in value)
    for key, entry in value.items():
        inner = named.get(key, others)
        if inner is False:
            yield f"{path}.{key}: unknown"
        elif inner is not True:
            yield from offences(entry, inner, root, f"{path}.{key}")


def fulfils(value: Any, keyword: str, operand: Any) -> bool:
    met: bool
    match keyword, value:
        case "type", _:
            met = isinstance(value, TYPES[operand]) and (operand == "boolean") == isinstance(value, bool)
        case "const", _:
            met = value == operand and type(value) is type(operand)
        case "enum", _:
            met = value in operand
        case ("minLength", str()) | ("minItems", list()) | ("minProperties", dict()):
            met = len(value) >= operand
        case "maxProperties", dict():
            met = len(value) <= operand
        case "pattern", str():
            met = re.search(operand, value) is not None
        case bound, int() if bound in BOUNDS:
            met = BOUNDS[bound](value, operand)
        case _:
            met = keyword in OF_OTHER_TYPES or pytest.fail(f"no check knows the keyword {keyword}")
    return met


@pytest.mark.parametrize("file", sorted(path.name for path in (DATA / "good").iterdir() if path.is_file()))
def test_good_examples_fulfil_it(file: str, made: dict[str, Any]) -> None:
    text = (DATA / "good" / file).read_text(encoding="utf-8")

    assert list(offences(written(text, file), made, made)) == []


def test_the_quickstart_and_the_manifest_to_start_from_fulfil_it() -> None:
    installed = schema()
    starter = STARTER.read_text(encoding="utf-8")
    without_signs = re.sub(r"^(\w+): \{\}\n#", r"\1:\n#", starter, flags=re.MULTILINE).replace("\n#  ", "\n  ")
    assert len(written(without_signs)["tenants"]) == 2
    assert {} not in written(without_signs).values()

    for text in (QUICKSTART.read_text(encoding="utf-8"), starter, without_signs):
        assert list(offences(written(text), installed, installed)) == []


@pytest.mark.parametrize(
    ("file", "offence"),
    [
        ("version-true", ".version: const"),
        ("version-missing", ".version: required"),
        ("unknown-key-typed-wrong", ".doamins: unknown"),
        ("domain-settings-mistyped", ".domains.contoso.com.dane: type"),
        ("domain-settings-mistyped", ".domains.contoso.com.smtp_probe: enum"),
        ("domain-dates", ".domains.contoso.com.signed_since: type"),
        ("domain-dates", ".domains.fabrikam.com.signed_since: pattern"),
        ("domain-mx", ".domains.numbers.example.mx[].preference: maximum"),
        ("domain-takeover", ".domains.contoso.com.takeover.until: required"),
        ("mail-hosts", ".mail_hosts.mx1.contoso.com.certificate.env: unknown"),
        ("policy", ".policy.soak: type"),
        ("policy-blast-radius", ".policy.waves: minimum"),
        ("policy-blast-radius", ".policy.ceilings.share: pattern"),
        ("policy-blast-radius", ".policy.freeze[].from: pattern"),
        ("policy-blast-radius", ".policy.freeze[].until: required"),
        ("policy-blast-radius", ".policy.acknowledge.fabrikam.com: 0 of anyOf"),
        ("domain-verify", ".domains.contoso.com.verify: enum"),
        ("domain-exchange-number", ".domains.contoso.com.exchange: type"),
        ("domain-exchange-empty", ".domains.contoso.com.exchange: minLength"),
        ("defaults-verify", ".defaults.verify: enum"),
        ("secret-literal", ".credentials.ci: 0 of oneOf"),
        ("secret-env-is-no-name", ".credentials.ci: 0 of oneOf"),
        ("provider-missing-option", ".providers.files: 0 of oneOf"),
        ("provider-durations", ".providers.others: 0 of oneOf"),
        ("partner-missing-keys", ".partners.csp.discover: required"),
        ("partner-unknown-list", ".partners.csp.discover: enum"),
        ("partner-unknown-key", ".partners.csp.domains: unknown"),
        ("include-number-in-list", ".include[]: type"),
    ],
)
def test_what_it_can_say_it_refuses_as_the_reader_does(file: str, offence: str, made: dict[str, Any]) -> None:
    text = (DATA / "bad" / f"{file}.yaml").read_text(encoding="utf-8")

    assert offence in list(offences(written(text), made, made))
