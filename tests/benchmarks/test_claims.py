"""The tables of `benchmarks/claims.py`, from runs that were never trained."""

import json

import pytest

from tests.recipes import running

STEPS = 100


@pytest.fixture
def benchmark(benchmarks, tmp_path):
    """The benchmark's modules, and results in an empty folder."""
    import claims_rows
    import claims_scales
    import claims_tables
    import grid

    scale = claims_scales.NANO
    runs = grid.Grid(tmp_path, common=scale.flags)
    results = claims_tables.Results(runs, scale, STEPS, seeds=2)
    return claims_rows, results


@pytest.fixture
def scales(benchmark):
    """The benchmark's module of encoders, clips and probes."""
    import claims_scales

    return claims_scales


def answer(path, probe, value):
    out = path / "probes" / probe.name
    out.mkdir(parents=True)
    metrics = {probe.metric: {"value": value, "low": value, "high": value}}
    (out / "probe.json").write_text(json.dumps({"metrics": metrics}))


def row_of(table, name):
    [line] = [x for x in table.splitlines() if x.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_what_is_missing_is_said(benchmark, scales):
    rows, results = benchmark
    [mae, *_] = rows.GRIDS[1].rows
    motion = scales.FULL["motion"]
    answer(results.path(mae, 0), motion, 0.25)

    cells = row_of(results.table(1), "MAE")

    assert cells[1] == "`--schedule=never`"
    assert cells[3:5] == ["not run yet", "0.250 (1 of 2 seeds)"]
    assert row_of(results.table(1), "LayerLock")[3:5] == ["not run yet"] * 2


@pytest.mark.parametrize(
    "values, said",
    [
        ((0.5, 0.6), "motion better"),
        ((0.1, 0.2), "motion worse"),
        ((0.3, 0.6), "motion not apart"),
    ],
)
def test_the_worst_is_compared_with_the_best(benchmark, scales, values, said):
    rows, results = benchmark
    mae, _, layerlock, *_ = rows.GRIDS[1].rows
    motion = scales.FULL["motion"]
    pairs = zip((0.25, 0.35), values, strict=True)
    for seed, (theirs, ours) in enumerate(pairs):
        answer(results.path(mae, seed), motion, theirs)
        answer(results.path(layerlock, seed), motion, ours)

    assert row_of(results.table(1), "LayerLock")[-1] == said


def test_less_error_is_better(benchmark, scales):
    rows, results = benchmark
    mae, _, layerlock, *_ = rows.GRIDS[1].rows
    depth = scales.FULL["depth error"]
    for seed in range(2):
        answer(results.path(mae, seed), depth, 0.4)
        answer(results.path(layerlock, seed), depth, 0.3)

    assert row_of(results.table(1), "LayerLock")[-1] == "depth error better"


def test_a_row_can_be_given_the_flops_of_another(benchmark):
    rows, results = benchmark
    _, _, layerlock, same_flops, *_ = rows.GRIDS[1].rows
    assert same_flops.flops_of == layerlock.flags

    # Latent targets of the default mask cost more than freezing saves.
    assert results.steps_of(same_flops) > STEPS
    cells = [
        int(row_of(results.table(1), row.name)[2])
        for row in (layerlock, same_flops)
    ]
    assert cells[1] == pytest.approx(cells[0], rel=1 / STEPS)


def test_answers_of_another_folder_need_not_be_found_again(
    benchmark, scales, tmp_path
):
    rows, results = benchmark
    [mae, *_] = rows.GRIDS[1].rows
    motion = scales.FULL["motion"]
    answer(results.path(mae, 0), motion, 0.25)
    results.write()

    known = json.loads((tmp_path / "results.json").read_text())
    elsewhere = type(results.runs)(
        tmp_path / "elsewhere", common=scales.NANO.flags, known=known
    )
    there = type(results)(elsewhere, scales.NANO, STEPS, seeds=2)
    answer(there.path(mae, 1), motion, 0.35)

    assert there.answers(mae, motion) == [0.25, 0.35]
    assert len(elsewhere.everything()) == 2


def test_no_run_and_no_probe_is_done_twice(benchmark):
    rows, results = benchmark
    work = results.work(rows.GRIDS)

    paths = [(results.flags_of(row), results.steps_of(row)) for row in work]
    assert len(paths) == len(set(paths))
    for probes in work.values():
        names = [probe.name for probe in probes]
        assert len(names) == len(set(names))
    names = {row.name for number in rows.GRIDS for row in results.rows(number)}
    assert {row.name for row in work} <= names


def test_shares_of_a_run_become_steps(benchmark):
    rows, _ = benchmark
    row = rows.Row("", "--start_step=30% --interval=4%")
    assert row.flags_for(1000) == "--start_step=300 --interval=40"


@pytest.mark.parametrize("name", ["nano", "small"])
def test_every_row_is_a_run_that_the_recipe_accepts(benchmark, scales, name):
    rows, results = benchmark
    scale = scales.SCALES[name]
    there = type(results)(results.runs, scale, STEPS, seeds=2)
    for row in there.work(scale.grids):
        if not there.is_floor(row):
            flags = f"{scale.flags} {there.flags_of(row)} --steps=1000"
            running.resolved(*flags.split())


def test_probes_read_clips_of_the_scale(benchmark, scales):
    rows, results = benchmark
    small = type(results)(results.runs, scales.SCALES["small"], STEPS, 2)

    for probe in small.probes(1).values():
        assert "--task_args=seed=1000,frames=16,size=64 " in probe.command(
            "run", "out"
        )


def test_a_row_can_be_longer_than_the_others(benchmark):
    rows, results = benchmark
    row = rows.Row("", "--start_step=60%", length=3)

    assert results.steps_of(row) == 3 * STEPS
    assert results.flags_of(row) == "--start_step=180"
