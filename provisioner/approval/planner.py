"""Who makes a plan, as the pipeline that makes it says."""

from __future__ import annotations

from collections.abc import Mapping

_VARIABLES = ("GITHUB_ACTOR", "BUILD_REQUESTEDFOREMAIL", "BUILD_REQUESTEDFOR", "GITLAB_USER_LOGIN", "GITLAB_USER_EMAIL")
"""GitHub Actions, Azure Pipelines, GitLab CI: the first that is set tells."""


def named(said: str | None, environment: Mapping[str, str]) -> str:
    """Give who makes a plan: as somebody said, else as the pipeline does; empty: nobody says. It is taken as it is said."""
    names = (said or "", *(environment.get(variable, "") for variable in _VARIABLES))
    return next((name.strip() for name in names if name.strip()), "")
