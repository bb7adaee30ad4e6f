"""The number of threads is the process's: one caller sets it at a time."""

import concurrent.futures
import time

import threadpoolctl

from layerlock.core.monitoring.single_thread import single_thread


def threads() -> set:
    found = threadpoolctl.threadpool_info()
    return {x["num_threads"] for x in found if x["user_api"] == "blas"}


def test_linear_algebra_has_one_thread_inside():
    before = threads()
    with single_thread():
        assert threads() == {1}

    assert threads() == before


def test_callers_of_two_threads_take_turns():
    inside, most = [], []

    def work(_):
        with single_thread():
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))

    assert most == [1] * 8
