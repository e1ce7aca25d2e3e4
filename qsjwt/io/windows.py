"""What only Windows asks for: names that are no files, access lists, pipes, and the rules of ``cmd``."""

import errno
import os
import re
import sys
from collections.abc import Sequence
from pathlib import PureWindowsPath
from typing import Final

_PRIVATE: Final = "D:P(A;;FA;;;OW)(A;;FA;;;SY)(A;;FA;;;BA)"
"""Security descriptor (SDDL): the owner, the system and administrators, and nothing of the folder's."""

_GENERIC_READ_WRITE: Final = 0xC0000000
_CREATE_NEW: Final = 1
_DEVICES: Final = r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])"
"""Names of devices (Microsoft Learn, Naming Files, Paths, and Namespaces); superscript digits count."""

MAX_NAME_CHARACTERS: Final = 255
"""Of the name of a file, without its folder."""

_NULL_DEVICE: Final = "nul"

COMMANDS_OF_CMD: Final = (
    *("assoc", "break", "call", "cd", "chdir", "copy", "date", "del", "dir", "echo", "erase", "for", "ftype", "if"),
    *("md", "mkdir", "mklink", "move", "path", "rd", "ren", "rename", "rmdir", "set", "start", "time", "type", "ver"),
    *("verify", "vol"),
)
"""What is no program but a command of ``cmd.exe`` itself (Microsoft Learn, Windows commands)."""

_SCRIPT_ENDINGS: Final = (".bat", ".cmd")


def is_windows() -> bool:
    """Tell whether the rules of Windows hold."""
    return os.name == "nt"


def is_reserved(path: str) -> bool:
    """Tell whether Windows keeps *path* to itself: ``COM1``, ``aux.txt``, ``folder\\con``; not for ``NUL`` alone.

    What is written to such a name ends up on a device, or nowhere. ``NUL`` is there for just that, as ``/dev/null`` is.
    """
    name = PureWindowsPath(path).name
    # What comes behind the first full stop or colon does not count, nor do spaces before it.
    return name.lower() != _NULL_DEVICE and bool(
        re.fullmatch(_DEVICES, re.split("[.:]", name)[0].rstrip(), re.IGNORECASE)
    )


def names_stream(path: str) -> bool:
    """Tell whether *path* is that of a stream within a file, which folders do not show: ``token:jwt``."""
    return ":" in PureWindowsPath(path).name


def create_private(path: str) -> int:
    """Return the descriptor of the new file *path*, which its owner alone may read, apart from administrators.

    The access list is there before the file is: Windows has no permission bits that ``os.open`` could set.

    :raises OSError: FileExistsError if it is there, or whatever else keeps it from being made.
    """
    if sys.platform != "win32":
        raise NotImplementedError
    import ctypes
    import msvcrt
    from ctypes import wintypes

    class SecurityAttributes(ctypes.Structure):
        _fields_ = (("size", wintypes.DWORD), ("descriptor", wintypes.LPVOID), ("inherit", wintypes.BOOL))

    advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    convert = advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW
    convert.argtypes = (wintypes.LPCWSTR, wintypes.DWORD, ctypes.POINTER(wintypes.LPVOID), wintypes.LPVOID)
    kernel32.CreateFileW.restype = wintypes.HANDLE
    kernel32.CreateFileW.argtypes = (
        *(wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, ctypes.POINTER(SecurityAttributes)),
        *(wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE),
    )
    kernel32.LocalFree.argtypes = (wintypes.LPVOID,)
    descriptor = wintypes.LPVOID()
    if not convert(_PRIVATE, 1, ctypes.byref(descriptor), None):
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        attributes = SecurityAttributes(ctypes.sizeof(SecurityAttributes), descriptor, False)
        handle = kernel32.CreateFileW(path, _GENERIC_READ_WRITE, 0, ctypes.byref(attributes), _CREATE_NEW, 0x80, None)
        if handle == wintypes.HANDLE(-1).value:
            cause = ctypes.WinError(ctypes.get_last_error())
            raise type(cause)(cause.errno, cause.strerror, path)
    finally:
        kernel32.LocalFree(descriptor)
    return msvcrt.open_osfhandle(handle, os.O_RDWR | os.O_BINARY)


def is_reader_gone(cause: OSError) -> bool:
    """Tell whether *cause*, which writing to a pipe raised, is what POSIX calls EPIPE: nobody reads any more."""
    return is_windows() and cause.errno in (errno.EINVAL, errno.EPIPE)


def is_pipe_empty(descriptor: int) -> bool:
    """Tell whether the next read of a pipe has to wait; False for what is no pipe."""
    if sys.platform != "win32":
        raise NotImplementedError
    import ctypes
    import msvcrt
    from ctypes import wintypes

    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    available = wintypes.DWORD()
    peek = kernel32.PeekNamedPipe
    peek.argtypes = (wintypes.HANDLE, *[wintypes.LPVOID] * 3, ctypes.POINTER(wintypes.DWORD), wintypes.LPVOID)
    handle = msvcrt.get_osfhandle(descriptor)
    return bool(peek(handle, None, 0, None, ctypes.byref(available), None)) and available.value == 0


def command_line(command: Sequence[str]) -> str | list[str]:
    """Return what starts *command*: itself, or the command line of ``cmd.exe`` that runs a ``.bat`` or ``.cmd`` file.

    Such a file gets its arguments from ``cmd``, whose rules differ from those of other programs: within quotes
    ``%NAME%`` is still replaced, and a quote ends them unless it is doubled. So each argument is quoted, with quotes
    doubled, and a percent sign is followed by a variable that is empty, which leaves the sign and nothing else.

    :raises ValueError: if an argument has a line end, which ``cmd`` cannot be given.
    """
    import shutil  # 6 million instructions, for compressors

    program, *arguments = command
    program = shutil.which(program) or program
    if not program.lower().endswith(_SCRIPT_ENDINGS):
        return list(command)
    if any(re.search(r"[\r\n\0]", word) for word in arguments):
        raise ValueError("an argument of a .bat or .cmd file has a line end")
    quoted = " ".join(_quoted(word) for word in (program, *arguments))
    shell = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "cmd.exe")
    # Extensions on, which the empty variable needs; delayed expansion off, which would replace !NAME!; no AutoRun.
    return f'"{shell}" /e:ON /v:OFF /d /s /c "{quoted}"'


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""').replace("%", "%%cd:~,%") + '"'
