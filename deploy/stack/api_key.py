"""The API key of a state directory: made once, kept in a file that only its owner can read."""

from typing import TYPE_CHECKING

from onhand.deploy.stack.state import StateDir, read_json, write_private

if TYPE_CHECKING:
    from onhand.sql.api_keys import NewKey


def kept_key(state: StateDir) -> "NewKey":
    """The key with all scopes that the stack of this directory has, from its first start on."""
    from onhand.sql.api_keys import SCOPES, NewKey, new_key

    path = state.root / "api_key.json"
    if not path.exists():
        write_private(path, new_key(SCOPES)._asdict())
    return NewKey(**read_json(path))
