import io

import pytest

from layerlock.runs.progress import Pace, Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def terminal(monkeypatch):
    for name in ("NO_COLOR", "TTY_COMPATIBLE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "160")
    return Terminal()


def test_away_from_a_terminal_every_update_is_one_plain_line():
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream, clock)

    progress.start(1000)
    clock.seconds = 90.0  # most of it compiling
    progress.update(50, 0.9, 1, 1, 300.0)
    clock.seconds = 100.0
    progress.update(100, 0.5, 2, 2, 300.0)
    progress.finish()

    assert stream.getvalue() == (
        "step 50/1,000  5%  loss 0.9  frozen 1  target layer 1  "
        "300 clips/s  left unknown\n"
        "step 100/1,000  10%  loss 0.5  frozen 2  target layer 2  "
        "300 clips/s  left 3 min\n"
    )


def test_the_first_target_is_pixels():
    stream = io.StringIO()
    progress = Progress(stream)

    progress.start(10)
    progress.update(1, 0.5, 0, None, None)

    assert "target pixels" in stream.getvalue()


def test_advancing_writes_nothing():
    stream = io.StringIO()
    progress = Progress(stream)
    progress.start(10)

    for step in range(10):
        progress.advance(step)

    assert stream.getvalue() == ""


def test_a_loss_that_is_not_a_number_is_shown():
    stream = io.StringIO()
    progress = Progress(stream)

    progress.start(10)
    progress.update(1, float("nan"))

    assert "loss nan" in stream.getvalue()


def test_a_message_is_a_line_of_its_own():
    stream = io.StringIO()
    progress = Progress(stream)
    progress.start(10)

    progress.message("Layer 1 is frozen.")

    assert stream.getvalue() == "Layer 1 is frozen.\n"


def test_a_terminal_shows_a_bar_with_the_facts(terminal):
    with Progress(terminal) as progress:
        progress.start(100)
        progress.update(40, 0.25, 3, 3, 120.0)

    shown = terminal.getvalue()
    assert "step 40/100" in shown
    assert "loss 0.25" in shown
    assert "frozen 3" in shown


def test_80_columns_show_the_target(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with Progress(terminal) as progress:
        progress.start(total_steps=1000)
        progress.update(500, 0.4321, 2, 2, 310.0)
    assert "target layer 2" in terminal.getvalue()


def test_a_message_on_a_terminal_shows_brackets_as_they_are(terminal):
    with Progress(terminal) as progress:
        progress.start(100)
        progress.message("Kept [bold] and [/].")

    assert "Kept [bold] and [/]." in terminal.getvalue()


def test_finishing_twice_is_harmless(terminal):
    progress = Progress(terminal)
    progress.start(10)

    progress.finish()
    progress.finish()


def test_finishing_without_a_start_is_harmless():
    Progress(io.StringIO()).finish()


def test_a_resumed_run_does_not_count_the_steps_of_before():
    clock = Clock()
    progress = Progress(io.StringIO(), clock)

    progress.start(1000, first_step=900)
    clock.seconds = 90.0
    progress.update(950)
    clock.seconds = 100.0
    progress.update(960)

    assert progress.time_left() == "left 40 s"


def test_the_stall_of_a_freeze_does_not_count_for_the_time_left():
    clock = Clock()
    progress = Progress(io.StringIO(), clock)

    progress.start(1000)
    for step, frozen, seconds in (
        (10, 0, 50),
        (20, 0, 60),
        (30, 1, 160),  # 99 of them compiling
        (40, 1, 170),
    ):
        clock.seconds = seconds
        progress.update(step, 0.5, frozen)

    assert progress.time_left() == "left 16 min"


def test_without_a_pace_the_time_left_is_unknown():
    progress = Progress(io.StringIO())

    progress.start(1000)

    assert progress.time_left() == "left unknown"


def test_compilation_does_not_count_for_the_pace():
    pace = Pace()

    for step, seconds in ((0, 0.0), (10, 100.0), (20, 101.0), (30, 102.0)):
        pace.observe(step, seconds)

    assert pace.seconds_per_step == pytest.approx(0.1)


def test_the_pace_follows_a_change():
    pace = Pace()
    pace.observe(0, 0.0)
    for window in range(1, 5):
        pace.observe(10 * window, 10.0 * window)

    for window in range(1, 30):
        pace.observe(40 + 10 * window, 40.0 + 5.0 * window)

    assert pace.seconds_per_step == pytest.approx(0.5, rel=1e-3)
