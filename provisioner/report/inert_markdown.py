"""Foreign text in Markdown: shown as it is, taken for nothing else.

Record data, words of Microsoft's, an API's errors and file names stand in `<code>` or `<pre>` as character references, or in a
diff block in the notation of master files. There no renderer (GitHub's, GitLab's, Azure DevOps') sees markup, a link, a mention
or a command in it, and no terminal a control character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from provisioner.report.lines import printable

_LONGEST = 200
_LIVELY = re.compile(r"[^0-9A-Za-z ,.=-]|(?<=[wW]{3})\.")
"""What begins markup, a mention, a link (`www.` is enough) or a command somewhere."""
_NOTED = re.compile(r"\\[0-9]{3}|\\?[<>@`&]|\\.")
"""What is written as a number in a diff block, and escapes that are there already: they are read whole, and stay."""


def code(text: str) -> str:
    """Give a text as code within a line."""
    return f"<code>{_inert(text)}</code>"


def cut(text: str) -> str:
    """Give a text as code within a line; what is longer than any sensible one is cut, and one sees it."""
    return code(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def block(lines: Iterable[str]) -> str:
    """Give lines as a block to copy from. A browser shows the character references as what they stand for."""
    return f"<pre>{'&#10;'.join(map(_inert, lines))}</pre>\n\n"


def diff(lines: Iterable[str]) -> str:
    """Give lines that begin with `-`, `+` or a space, and hold names and values of records, as a diff block."""
    return "".join(["```diff\n", *(f"{_noted(line)}\n" for line in lines), "```\n\n"])


def _inert(text: str) -> str:
    return _LIVELY.sub(lambda found: f"&#{ord(found[0])};", printable(text))


def _noted(text: str) -> str:
    r"""Write what could be markup as `\DDD`, which means the same in a name or a value (RFC 1035 section 5.1)."""
    return _NOTED.sub(_number, printable(text))


def _number(found: re.Match[str]) -> str:
    sign = found[0][-1]
    return f"\\{ord(sign):03d}" if sign in "<>@`&" else found[0]
