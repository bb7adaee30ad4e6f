"""Jobs that do not end are ended."""

from tests.faults import scenarios, workshop


def test_a_job_that_hangs_says_where(shop, encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(workshop, "SECONDS", 0.3)

    ended = shop.run(
        "pretrain",
        f"--run_dir={tmp_path / 'run'}",
        f"--init_from={encoder}",
        *scenarios.FLAGS,
    )

    assert ended.status is None
    assert "most recent call first" in ended.said
    assert "in pretrain" in ended.said
