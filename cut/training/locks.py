"""Locks on open files that end with the process, however it ends."""

import errno
import sys
from typing import IO

_TAKEN = (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)  # by another process; on Windows the latter two


def try_lock(stream: IO, wait: bool = False) -> bool | None:
    """Take an exclusive lock that lasts as long as the stream is open here or in a forked process.

    Args:
        stream: an open file.
        wait: until another process gives it back.

    Returns:
        Whether it was taken; None where the file system knows no locks, as some of networks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(stream.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        return False if error.errno in _TAKEN else None
    return True
