"""Becomes a child of the stack: drops privileges, ties its life to the supervisor's, then executes the program.

Run as a script, `launch.py PARENT SIGNAL UID GID PROGRAM ARGUMENT...`: a preexec function is not safe beside threads.
Standard library only: it runs with -I -S, and after setuid nothing more may be importable.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    """Execute the program as the user, to be signalled when the parent dies. UID -1 stays who it is."""
    parent, death_signal, uid, gid = (int(word) for word in argv[:4])
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if libc:  # after setuid, which clears it. Other systems: the next start ends what was left over
        if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
    os.execv(argv[4], argv[4:])


if __name__ == "__main__":
    main(sys.argv[1:])
