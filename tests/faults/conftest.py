"""One process that forks for every job of these tests."""

import sys

import keras
import pytest

from tests.faults import workshop


def pytest_collection_modifyitems(items):
    reason = None
    if keras.backend.backend() != "torch":
        reason = "one backend is enough"
    elif sys.platform != "linux":
        reason = "needs forks and /proc"
    for item in items:
        if reason and "/faults/" in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workshop")
    shim = workshop.build_shim(folder) if workshop.COMPILER else None
    with workshop.Workshop(folder, shim) as shop:
        yield shop


@pytest.fixture(scope="session")
def encoder(shop):
    path = shop.folder / "encoder"
    assert shop.run("encoder", path).status == 0
    return path
