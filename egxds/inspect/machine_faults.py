"""What an Envoy says of its machine, and not of what it was sent: a table. Pure.

The same resource is taken once the machine is another: a port is free, a file is there. So nothing is gone back on for
it, and it is tried again (`egxds.sessions.pending`). Whoever asks for an address or a socket asks the machine, and
nobody who made the resource could have known; a file that is missing may be one that a hook has thought up.

The words are those of Envoy 1.40 and of the C library; a message in which none of them stands is about the content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MachineFault:
    """One fact of a machine.

    Attributes:
        words: what stands in the message of an Envoy, as a regular expression.
        is_of_socket: whether it is about an address, or a socket for it.
    """

    words: str
    is_of_socket: bool


NO_SUCH_ADDRESS = "Cannot assign requested address"
"""Of a Listener with an address that its machine does not have (EADDRNOTAVAIL)."""

MACHINE_FAULTS: tuple[MachineFault, ...] = (
    MachineFault("cannot bind", is_of_socket=True),
    MachineFault("Setting socket options failed", is_of_socket=True),
    MachineFault("Address already in use", is_of_socket=True),
    MachineFault("Address family not supported", is_of_socket=True),
    MachineFault(NO_SUCH_ADDRESS, is_of_socket=True),
    MachineFault("No such device", is_of_socket=True),
    MachineFault("network namespace", is_of_socket=True),
    MachineFault("Invalid path: ", is_of_socket=False),
    MachineFault(r"file \S+ does not exist", is_of_socket=False),
    MachineFault("paths must refer to an existing path", is_of_socket=False),
    MachineFault("[Uu]nable to read file", is_of_socket=False),
    MachineFault("Failed to open log-file", is_of_socket=False),
    MachineFault("No such file or directory", is_of_socket=False),
    MachineFault("Permission denied", is_of_socket=False),
    MachineFault("Too many open files", is_of_socket=False),
    MachineFault("No space left on device", is_of_socket=False),
    MachineFault("Cannot allocate memory", is_of_socket=False),
)

_OF_MACHINE = re.compile("|".join(fault.words for fault in MACHINE_FAULTS))
_OF_SOCKET = re.compile("|".join(fault.words for fault in MACHINE_FAULTS if fault.is_of_socket))


def is_of_machine(message: str) -> bool:
    """Tell whether an Envoy speaks of its machine."""
    return _OF_MACHINE.search(message) is not None


def is_of_socket(message: str) -> bool:
    """Tell whether an Envoy speaks of an address that its machine does not let it have."""
    return _OF_SOCKET.search(message) is not None
