"""What a process that reads a stranger's file gives up before it opens it: for good, on Linux alone."""

import ctypes
import os
import platform
import resource
import signal
import struct

from service.knowledge.parsing.limits import ParseLimits

PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001  # with EPERM
_LOAD, _EQUALS, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_X32 = 0x40000000
OPEN_FILES = 64

# Of each architecture: its name for the kernel; ptrace, socket, io_uring_setup; execve, execveat.
_CALLS = {
    "x86_64": (0xC000003E, (101, 41, 425), (59, 322)),
    "aarch64": (0xC00000B7, (117, 198, 425), (221, 281)),
}


def confine(limits: ParseLimits, *, size: int) -> None:
    """Bounds memory, CPU and time of this process for reading ``size`` bytes, and takes from it the network,
    files to write, and (unless images are read by a program) other programs. Over its time it is killed.

    Where the kernel knows no seccomp, the bounds alone remain.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limits.wall_seconds)
    space = _address_space() + limits.memory_for(size)
    # A picture is large however small its file, and so is a program that reads it: see ``widen``.
    most_space = _address_space() + limits.memory_bytes if limits.ocr_command else space
    # At the lower of two CPU limits the process is told why it ends.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (space, most_space))
    for kind, most in (
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        resource.setrlimit(kind, (most, most))
    # Whoever waits for an answer of the service is more urgent.
    os.nice(5)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _refuse_calls(libc, programs=bool(limits.ocr_command))


def widen() -> None:
    """Gives this process, and the programs that it starts, all the memory that reading a file may take: for
    pictures, where a program reads them."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _address_space() -> int:
    with open("/proc/self/statm") as numbers:
        return int(numbers.read().split()[0]) * resource.getpagesize()


def _refuse_calls(libc: ctypes.CDLL, *, programs: bool) -> None:
    known = _CALLS.get(platform.machine())
    if known is None:
        return
    architecture, always, executing = known
    refused = always if programs else always + executing
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUALS, 1, 0, architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, len(refused), 0, _X32),
        *((_EQUALS, len(refused) - position, 0, call) for position, call in enumerate(refused, 1)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    # Jumps count from the next step; the refused ones all end at the last.
    steps = [
        (code, target + 1 if code in (_EQUALS, _AT_LEAST) and value != architecture else target, other, value)
        for code, target, other, value in steps
    ]
    program = b"".join(struct.pack("=HBBI", *step) for step in steps)
    kept = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    filter = Program(len(steps), ctypes.addressof(kept))
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(filter), 0, 0)
