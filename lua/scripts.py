"""Joins the gate's fragments into one script.

One chunk, because a call of a fragment would cost more than what it decides; its fragments share their locals, so the order
below is their only coupling. The script's SHA-1 is computed here, so nothing needs to be loaded before it is missing.
"""

import re
from hashlib import sha1
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent

_NUMBERS = re.compile(r"^local ([A-Z_]+(?:, [A-Z_]+)*) = (\d+(?:, \d+)*)(?= *(?:--.*)?$)", re.MULTILINE)
_WORDS = re.compile(r"""'[^'\n]*'|"[^"\n]*"|--[^\n]*|[A-Za-z_]\w*""")

FRAGMENTS = (
    "names", "guard", "columns", "slips", "check", "read", "stamps", "state", "holds", "again", "held", "move",
    "verbs/invalid", "verbs/reserve", "verbs/extend", "verbs/commit", "verbs/release", "verbs/receive", "verbs/ship",
    "verbs/adjust", "verbs/set_reorder", "verbs/count", "verbs/sweep", "verbs/order", "verbs/settle", "verbs/transfer",
    "verbs/arrive",
    "decide", "write",
)  # fmt: skip
"""The parts of the gate in the order in which they are joined: each sees the locals of those before it, but for those of a verb,
which are its own (a chunk may have 200)."""


class Script(NamedTuple):
    """A script's text and the SHA-1 that the server knows it by."""

    text: str
    sha: str


def assemble() -> Script:
    """The gate. `#!lua` makes the server refuse keys of another slot before anything is written."""
    return _script("#!lua\n" + _with_numbers("".join(map(_part, FRAGMENTS))))


def _with_numbers(text: str) -> str:
    """The script with numbers in the place of their names.

    As locals they would be captured by each function that uses them, which Lua does at every call of the script by walking a list of
    all that is captured so far: more than a third of what a call for a single record cost.
    """
    numbers: dict[str, str] = {}
    for names, values in _NUMBERS.findall(text):
        for name, value in zip(names.split(", "), values.split(", "), strict=True):
            if numbers.setdefault(name, value) != value:
                raise ValueError(f"{name} is {numbers[name]} in one fragment and {value} in another")
    text = _NUMBERS.sub("--", text)
    return _WORDS.sub(lambda word: numbers.get(word[0], word[0]), text)


def _part(name: str) -> str:
    text = f"-- {name}.lua\n{(FOLDER / 'gate' / f'{name}.lua').read_text()}"
    return f"do\n{text}end\n" if name.startswith("verbs/") else text


def load(name: str) -> Script:
    """A script that is one file of this folder."""
    return _script((FOLDER / f"{name}.lua").read_text())


def _script(text: str) -> Script:
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


GATE = assemble()
BIRTH = load("birth")
