"""Tables and a figure are made of the rows there are."""

from tests.benchmarks import untrained


def test_tables_and_figure_are_made_of_what_there_is(study):
    import study_tables

    by_name = {method.name: method for method in study.methods}
    for seed in range(2):
        for steps in study.lengths:
            for name, score in (("MAE", 0.3), ("LayerLock", 0.4)):
                noise = seed / 1e4 if name == "MAE" else 0.0
                value = score + steps / 1e3 + noise
                untrained.complete(study, by_name[name], steps, seed, value)

    text = study_tables.write(study)

    assert "| LayerLock | 0.600 ± 0.000 |" in text
    assert "equal steps (200 steps): LayerLock is better than MAE" in text
    assert "| LayerLock | MAE | better, +0.100 (" in text
    assert "| `loss` | 16 |" in text
    assert (study.folder / "curves.png").stat().st_size > 10_000
