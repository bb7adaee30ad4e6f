"""Connections that end soon after the machine at their other end."""

import os
import socket
import sys

# Seconds without an answer until the system closes a connection.
SILENCE = 45

_PROBE = 5  # seconds between two questions of the system
_FOLDER = "/dev/fd"  # a file for each open one of this process


def shorten():
    """Closes each connection of this process that gets no answer.

    The system sends small packets over idle connections, and closes those
    whose machine has been silent for `SILENCE` seconds. Without this, a
    machine that has lost its power looks like one that computes. The system of
    the other machine answers, so a process may compute as long as it likes.
    """
    if not os.path.isdir(_FOLDER):
        return  # not on Linux or macOS
    for name in os.listdir(_FOLDER):
        try:
            connection = socket.socket(fileno=int(name))
        except OSError:  # a file, or closed since
            continue
        try:
            if connection.type == socket.SOCK_STREAM and connection.family in (
                socket.AF_INET,
                socket.AF_INET6,
            ):
                _shorten(connection)
        finally:
            connection.detach()  # Its owner closes it.


def _shorten(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    idle = "TCP_KEEPALIVE" if sys.platform == "darwin" else "TCP_KEEPIDLE"
    for option, value in (
        (idle, _PROBE),
        ("TCP_KEEPINTVL", _PROBE),
        ("TCP_KEEPCNT", SILENCE // _PROBE - 1),
        # ms, for what was sent and not received.
        ("TCP_USER_TIMEOUT", 1000 * SILENCE),
    ):
        if hasattr(socket, option):
            number = getattr(socket, option)
            connection.setsockopt(socket.IPPROTO_TCP, number, value)
