"""The one form in which anything that went wrong reaches a user."""

from __future__ import annotations


class Problem(Exception):
    """A failure told in three parts.

    `headline` says what could not be done, `detail` what happened and where (file, line, key, domain; several lines are
    allowed), `mend` the next command to type or the line to change. None of them may hold a secret.
    """

    def __init__(self, headline: str, detail: str, mend: str) -> None:
        super().__init__(headline, detail, mend)
        self.headline = headline
        self.detail = detail
        self.mend = mend

    def __str__(self) -> str:
        """Give all three parts on lines of their own, for logs and tests; the command line lays them out itself."""
        return f"{self.headline}\n{self.detail}\n{self.mend}"
