"""Devices that do not suit a distribution are refused."""

import pytest

from layerlock.backends import mesh


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fsdp", (4, 2), 8, 1), "Received: 1 devices"),
        (("fsdp", (4, 2), 8, 4), "make its product 4"),
        (("data", None, 6, 4), "cannot be split over 4"),
        (("model", (2, 2), 5, 4), "cannot be split over 2"),
    ],
)
def test_what_does_not_fit_is_named(arguments, sentence):
    assert sentence in mesh.refuse(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        (None, None, 3, 1),
        ("data", None, 3, 1),
        ("fsdp", (1, 1), 3, 1),
        ("none", None, 3, 1),
        ("data", None, 8, 4),
        ("model", None, 3, 4),
        ("fsdp", (2, 2), 6, 4),
        ("fsdp", None, None, 4),
    ],
)
def test_what_fits_is_not_refused(arguments):
    assert mesh.refuse(*arguments) is None


def rows(mesh_of_processes):
    """The rows of each process of a batch with two rows in each part."""
    found = {}
    for part, processes in enumerate(mesh_of_processes):
        for process in processes:
            own = found.setdefault(process, set())
            own.add((2 * part, 2 * part + 2))
    return found


@pytest.mark.parametrize(
    "mesh_of_processes",
    [
        [[0], [0], [1], [1]],
        [[1], [1], [0], [0]],
        [[0, 0], [0, 0], [1, 1], [1, 1]],
        [[0, 0], [1, 1]],
        [[0, 1], [2, 3]],  # two processes read the same rows
        [[0, 0, 1, 1]],
        [[0, 1], [0, 1]],
    ],
)
def test_processes_may_read_blocks_of_rows(mesh_of_processes):
    assert mesh.refuse_rows(rows(mesh_of_processes)) is None


@pytest.mark.parametrize(
    ("mesh_of_processes", "sentence"),
    [
        ([[0], [1], [0], [1]], "process 0: 0 to 1, 4 to 5; process 1: 2 to 3"),
        ([[0, 0], [0, 1], [1, 1]], "process 0: 0 to 3; process 1: 2 to 5"),
        ([[0], [0], [0], [1]], "process 0: 0 to 5; process 1: 6 to 7"),
        ([[0, 1], [0, 0]], "process 0: 0 to 3; process 1: 0 to 1"),
        ([[n // 2] for n in range(11)], "process 3: 12 to 15; .... Use"),
    ],
)
def test_processes_that_read_other_rows_are_named(mesh_of_processes, sentence):
    reason = mesh.refuse_rows(rows(mesh_of_processes))

    assert sentence in reason
    assert "`mesh` whose last number" in reason
