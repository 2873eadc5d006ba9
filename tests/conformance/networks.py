"""Loopback networks for Gateways and pods."""

from __future__ import annotations

import ipaddress
import random
import socket

HTTP_PORT = 80


def low_port_refusal() -> str:
    """Say why ports below 1024 cannot be bound, as the suite asks for; nothing where they can."""
    return _refusal(str(free_address()), HTTP_PORT)


def free_network(*others: ipaddress.IPv4Network) -> ipaddress.IPv4Network:
    """Return a /24 of the loopback network, at random, in which nobody listens at port 80.

    Args:
        others: networks that are taken.
    """
    while True:
        network = ipaddress.IPv4Network((int(free_address()) & ~0xFF, 24))
        if network not in others and not _refusal(str(network[1]), HTTP_PORT):
            return network


def free_address() -> ipaddress.IPv4Address:
    """Return an address of the loopback network at random, none that others would think of."""
    return ipaddress.IPv4Address(f"127.{random.randint(16, 250)}.{random.randint(0, 255)}.{random.randint(1, 254)}")


def _refusal(address: str, port: int) -> str:
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError as err:
            return f"{address}:{port} cannot be bound: {err}"
    return ""
