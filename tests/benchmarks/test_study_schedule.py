"""The schedule of a shorter run is stretched to a longer one."""

import json

from tests.recipes import running


def test_a_schedule_that_was_found_is_stretched_to_the_run(study):
    study.folder.mkdir(parents=True)
    [method] = [m for m in study.methods if "{schedule}" in m.flags]
    assert method not in study.active()  # nothing was found
    found = {"steps": 50, "events": [[20, 2], [30, 4]]}
    (study.folder / "schedule.json").write_text(json.dumps(found))

    [(flags, _)], _ = study.runs_of(method, 200, 0)

    assert method in study.active()
    assert flags.endswith("--schedule_args=events=[(80,2),(120,4)]")
    running.resolved(*f"{study.common} {flags} --steps=200".split())
