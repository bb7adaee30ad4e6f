"""Connections to a machine that has gone are closed in less than a minute."""

import os
import socket
import sys

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("of PyTorch", allow_module_level=True)

from layerlock.backends.torch.distribution import keepalive

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="of Linux")


@pytest.fixture
def connection():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as one:
            yield one


def test_a_silent_machine_is_noticed_within_a_minute(connection):
    keepalive.shorten()

    def option(name):
        number = getattr(socket, name)
        return connection.getsockopt(socket.IPPROTO_TCP, number)

    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    idle, between = option("TCP_KEEPIDLE"), option("TCP_KEEPINTVL")
    assert idle + between * option("TCP_KEEPCNT") == keepalive.SILENCE < 60
    assert option("TCP_USER_TIMEOUT") == 1000 * keepalive.SILENCE


def test_what_is_open_stays_open(connection, tmp_path):
    one, other = socket.socketpair()
    with one, other, open(tmp_path / "file", "w") as file:
        before = set(os.listdir("/dev/fd"))
        keepalive.shorten()

        assert set(os.listdir("/dev/fd")) == before
        one.sendall(b"x")
        assert other.recv(1) == b"x"
        file.write("x")
        connection.sendall(b"x")
