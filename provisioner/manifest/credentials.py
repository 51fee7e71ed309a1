"""From credentials as they are written to the ways of logging in."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from provisioner.manifest.model import (
    AzureCli,
    AzurePipelines,
    BearerToken,
    Certificate,
    ClientSecret,
    DefaultChain,
    ManagedIdentity,
    Method,
    Secret,
    WorkloadIdentity,
)
from provisioner.manifest.nodes import Node
from provisioner.manifest.parts import (
    AnyCredentialPart,
    AzureCliPart,
    AzurePipelinesPart,
    CertificatePart,
    ClientSecretPart,
    DefaultPart,
    ManagedIdentityPart,
    SecretPart,
    TokenPart,
    WorkloadIdentityPart,
)


def method(part: AnyCredentialPart, node: Node) -> Method:
    """Give the way of logging in; paths count from the folder of the file in which they stand."""
    made: Method
    match part:
        case ClientSecretPart():
            made = ClientSecret(part.client_id, secret(part.secret, node, "secret"))
        case CertificatePart():
            password = secret(part.password, node, "password") if part.password else None
            made = Certificate(part.client_id, secret(part.certificate, node, "certificate"), password)
        case WorkloadIdentityPart():
            made = WorkloadIdentity(part.client_id, _path(part.token_file, node))
        case AzurePipelinesPart():
            token = secret(part.system_access_token, node, "system_access_token")
            made = AzurePipelines(part.client_id, part.service_connection_id, token)
        case TokenPart():
            made = BearerToken(secret(part.token, node, "token"))
        case DefaultPart():
            made = DefaultChain()
        case AzureCliPart():
            made = AzureCli()
        case ManagedIdentityPart():
            made = ManagedIdentity(part.client_id)
        case _:
            assert_never(part)
    return made


def secret(part: SecretPart, node: Node, key: str) -> Secret:
    """Give where a secret that stands under a key is to be had."""
    return Secret(node.child(key).where, part.env, _path(part.file, node))


def _path(text: str | None, node: Node) -> Path | None:
    return None if text is None else node.where.file.parent / text
