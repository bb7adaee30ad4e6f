"""A sweep that was stopped goes on where it was."""

from tests.faults import calls, record

FAULTS = [
    calls.Fault(number, "disk full", "write", "a b.txt") for number in range(4)
]


def test_a_stopped_sweep_goes_on_with_what_has_no_result(tmp_path):
    first = record.Record(tmp_path / "results")
    first.add(FAULTS[2], ["lost"])
    first.add(FAULTS[0], [])

    second = record.Record(tmp_path / "results")

    assert second.missing(FAULTS) == [FAULTS[1], FAULTS[3]]
    assert second.results(FAULTS) == [(FAULTS[0], []), (FAULTS[2], ["lost"])]


def test_half_a_line_is_run_again(tmp_path):
    first = record.Record(tmp_path / "results")
    first.add(FAULTS[0], [])
    first.add(FAULTS[1], [])
    content = first.path.read_bytes()
    first.path.write_bytes(content[:-4])

    second = record.Record(first.path)
    second.add(FAULTS[3], [])

    assert record.Record(first.path).missing(FAULTS) == [FAULTS[1], FAULTS[2]]
