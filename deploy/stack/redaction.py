"""Passwords out of everything that is printed or logged."""

import re

_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^:/\s@]*):\S*@", re.IGNORECASE)
_KEYWORD = re.compile(r"\b((?:ssl)?password\s*=\s*)(?:'[^']*'|[^\s&]+)", re.IGNORECASE)


def redact(text: str) -> str:
    """The text with the password of each URL and of each `password=...` replaced by `***`.

    A password that holds `@` or `/` unescaped goes whole; where two URLs touch, so does the second user.
    """
    return _KEYWORD.sub(r"\1***", _URL.sub(r"\1:***@", text))
