"""Runs a command behind the filter of system calls that systemd would lay around it.

python3 confine.py CALLS FAMILIES COMMAND...: names of allowed calls and numbers of allowed address
families, each separated by commas. Written for the system's Python: nothing but ctypes.
"""

import ctypes
import os
import socket
import sys

ALLOW = 0x7FFF0000
ERRNO = 0x00050000
EPERM = 1
EQUAL = 4  # SCMP_CMP_EQ
UNKNOWN = -1
PR_SET_NO_NEW_PRIVS = 38


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp of seccomp_rule_add(3)."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


def confine(calls: list[str], families: list[int]) -> None:
    """Allow these calls only, and sockets of these families; anything else answers EPERM."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ERRNO | EPERM))
    for name in calls:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number != UNKNOWN and name != "socket":  # systemd knows calls of other machines too
            library.seccomp_rule_add_array(context, ALLOW, number, 0, None)
    number = library.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        wanted = Comparison(0, EQUAL, family, 0)
        library.seccomp_rule_add_array(context, ALLOW, number, 1, ctypes.byref(wanted))
    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if library.seccomp_load(context) != 0:
        sys.exit("the filter was refused")


def check() -> None:
    """The filter is there: what it must refuse is refused."""
    for family in (socket.AF_PACKET, socket.AF_VSOCK):
        try:
            socket.socket(family, socket.SOCK_STREAM).close()
        except PermissionError:
            continue
        sys.exit(f"a socket of family {family} could be made")
    try:
        os.chroot("/")
    except PermissionError:
        return
    sys.exit("chroot was allowed")


if __name__ == "__main__":
    confine(sys.argv[1].split(","), [int(one) for one in sys.argv[2].split(",")])
    check()
    os.execvp(sys.argv[3], sys.argv[3:])
