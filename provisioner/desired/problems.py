"""The problems of a tenant that a run tells apart from others."""

from __future__ import annotations

from plans.problem import Problem


class ConsentMissing(Problem):
    """An administrator of a tenant has not consented to the application, or not to all that it needs.

    `tenant` is the manifest's label; `url` is the page on which the administrator consents, so that a run can gather the
    pages of all such tenants (https://learn.microsoft.com/entra/identity-platform/v2-admin-consent).
    """

    def __init__(self, headline: str, detail: str, mend: str, *, tenant: str, url: str) -> None:
        super().__init__(headline, detail, mend)
        self.tenant = tenant
        self.url = url
