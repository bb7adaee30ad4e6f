"""The grid `main` asks about test speakers last."""

import pytest


def test_test_speakers_wait_for_the_settings(tmp_path):
    import claims

    words = ["claims", "--grids=main", "--final", f"--run_dir={tmp_path}"]

    with pytest.raises(SystemExit, match="settings are chosen"):
        claims.main(words)
