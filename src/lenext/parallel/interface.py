"""By which network interface the other processes are reached; a machine's own name often leads to itself alone."""

from __future__ import annotations

import fcntl
import socket
import struct
from contextlib import suppress

SIOCGIFADDR = 0x8915  # Linux: the address of an interface
NAME = 16  # bytes of an interface's name, the last one zero
ADDRESS = slice(20, 24)  # where the answer has it


def interface_towards(address: str, port: int) -> str | None:
    """The name of the interface that leads to an address; None where the system does not say it."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect((address, port or 1))  # nothing is sent
        own = socket.inet_aton(line.getsockname()[0])
        for _, name in socket.if_nameindex():
            with suppress(OSError):
                asked = struct.pack("256s", name.encode()[: NAME - 1])
                if fcntl.ioctl(line.fileno(), SIOCGIFADDR, asked)[ADDRESS] == own:
                    return name
    return None
