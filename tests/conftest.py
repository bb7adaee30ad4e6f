"""What every test shares: the backend, the devices, seeds and real clips."""

import gc
import os
import pathlib
import tempfile

import pytest

_ROOM = pathlib.Path(__file__).parents[1] / "layerlock" / "backends"
BACKENDS = sorted(p.parent.name for p in _ROOM.glob("*/__init__.py"))
_finished = 0  # tests


def pytest_addoption(parser):
    parser.addoption(
        "--gpu", action="store_true", help="run the tests marked gpu, on a GPU"
    )


def pytest_configure(config):
    # TensorFlow's graphs are millions of objects, which Python would visit
    # again and again in search of garbage, in any thread, and once more at the
    # end. See `pytest_runtest_logfinish`.
    gc.disable()
    config.add_cleanup(gc.freeze)
    if os.environ.get("KERAS_BACKEND") not in BACKENDS:
        raise pytest.UsageError(
            f"Set KERAS_BACKEND to one of {BACKENDS}. Received: "
            f"KERAS_BACKEND={os.environ.get('KERAS_BACKEND')!r}."
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Tests run each program a few times only: optimising it costs more, and
    # the older way to emit code takes half of the time.
    os.environ.setdefault(
        "XLA_FLAGS",
        "--xla_backend_optimization_level=0 "
        "--xla_llvm_disable_expensive_passes=true "
        "--xla_cpu_use_fusion_emitters=false",
    )
    # As `environment.avoid_onednn` does; tests may import TensorFlow first.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    # Many tests build the same model; recipes that resume do, too.
    cache = tempfile.TemporaryDirectory(prefix="layerlock-jax-")
    config.add_cleanup(cache.cleanup)
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", cache.name)
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    if not config.getoption("--gpu"):
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"


def pytest_runtest_logfinish(nodeid, location):
    """Collects garbage now and then, while nothing else is going on.

    What is new since the last time: what has survived once is visited rarely.
    """
    global _finished
    _finished += 1
    if _finished % 500 == 0:
        gc.collect()
    elif _finished % 25 == 0:
        gc.collect(1)


def pytest_collection_modifyitems(config, items):
    if config.getoption("--gpu"):
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="needs --gpu and a GPU"))


@pytest.fixture(autouse=True)
def fixed_seed():
    """Makes Python, NumPy and the backend draw the same in every run."""
    import keras

    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session(free_memory=False)  # collecting is slow


@pytest.fixture(scope="session")
def clips_folder():
    """The folder of real clips that LAYERLOCK_CLIPS names."""
    folder = os.environ.get("LAYERLOCK_CLIPS")
    if not folder:
        pytest.skip("LAYERLOCK_CLIPS does not name a folder of clips")
    return pathlib.Path(folder)
