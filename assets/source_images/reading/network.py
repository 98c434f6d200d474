"""How a process cuts itself, and all that it starts, off from every network.

In this order, whatever the system allows: a network namespace with nothing in it (root); a filter of system calls that
lets no socket be made but local ones (any user of Linux); else Python alone refuses to connect.
"""

import ctypes
import errno
import platform
import socket
import struct
import sys

CLONE_NEWNET = 0x40000000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EACCES, 0x80000000
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # of the classic Berkeley packet filter
ARCHITECTURES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}  # its audit number; that of socket(2)
IO_URING_SETUP = 425  # through a ring, sockets are made without a system call
X32 = 0x40000000  # another table of system calls on x86_64


def cut_off() -> str:
    """Returns what holds: `namespace`, `filter` or `python`. Called while the process has one thread."""
    for name, way in (("namespace", _leave), ("filter", _filter)):
        try:
            way()
        except (OSError, AttributeError, KeyError):  # not allowed here, or no Linux
            continue
        return name
    sys.addaudithook(_refuse)
    return "python"


def _leave() -> None:
    """Into a network namespace of its own; of users it would need one too without the right to it, and lose files."""
    _call("unshare", CLONE_NEWNET)


def _filter() -> None:
    """System calls that make a socket fail with EACCES, but for local sockets; so do those that make a ring."""
    audit, make_socket = ARCHITECTURES[platform.machine()]
    steps = [
        (LOAD, 0, 0, 4),  # the architecture
        (EQUAL, 1, 0, audit),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0),  # the number of the call
        (AT_LEAST, 5, 0, X32),
        (EQUAL, 4, 0, IO_URING_SETUP),
        (EQUAL, 0, 2, make_socket),
        (LOAD, 0, 0, 16),  # its first argument: the family
        (EQUAL, 0, 1, socket.AF_UNIX),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    program = b"".join(struct.pack("HBBI", *step) for step in steps)
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(steps), ctypes.addressof(code))
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.create_string_buffer(header, len(header)), 0, 0)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"):
        raise PermissionError(errno.EACCES, "a process that reads files connects to nothing")


def _call(name: str, *arguments: object) -> None:
    """A function of the C library that answers with -1 where it fails."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    if function(*(ctypes.c_ulong(it) if isinstance(it, int) else it for it in arguments)) != 0:
        raise OSError(ctypes.get_errno(), f"{name} is refused")
