"""Progress of a run: a bar on a terminal, plain lines elsewhere."""

import sys
import time

import rich.console
import rich.progress
import rich.text

from layerlock.data.names import encodable
from layerlock.runs import wording


class Progress:
    """Shows loss, frozen layers, target, clips per second and time left.

    On a terminal a background thread redraws one bar; elsewhere (a log file, a
    batch queue) each `update` prints one line. `advance` only stores the step,
    so it is cheap enough for every batch.

    Args:
        stream: where to write. Defaults to standard error.
        clock: returns seconds. Defaults to `time.monotonic`.

    Example:

    ```python
    with Progress() as progress:
        progress.start(total_steps=1000, first_step=0)
        progress.advance(1)  # every batch
        progress.update(10, 0.42, 1, None, 310.0)  # every log step
        progress.message("Layer 1 is frozen.")
    ```
    """

    def __init__(self, stream=None, clock=time.monotonic):
        self.stream = sys.stderr if stream is None else stream
        self.clock = clock
        self.step = 0
        self.total_steps = 0
        self.status = ""
        self._pace = Pace()
        self._frozen_layers = None
        self._bar = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.finish()

    def start(self, total_steps: int, first_step: int = 0):
        """Starts at `first_step`, which is above 0 in a resumed run."""
        self.finish()
        self.step, self.total_steps = first_step, total_steps
        self.status = ""
        self._pace = Pace()
        self._pace.observe(first_step, self.clock())
        self._bar = _terminal_bar(self)

    def advance(self, step: int):
        """Moves the bar to `step`."""
        self.step = step

    def update(
        self,
        step: int,
        loss: float | None = None,
        frozen_layers: int = 0,
        target_layer=None,
        clips_per_second: float | None = None,
    ):
        """Shows the numbers of a log step."""
        self.step = step
        freezes = self._frozen_layers not in (None, frozen_layers)
        self._frozen_layers = frozen_layers
        self._pace.observe(step, self.clock(), may_compile=freezes)
        facts = [
            f"loss {wording.number(loss)}",
            f"frozen {frozen_layers}",
            f"target {wording.target(target_layer)}",
        ]
        if clips_per_second is not None:
            facts.append(f"{wording.number(clips_per_second)} clips/s")
        self.status = "  ".join(facts)
        if self._bar is None:
            self._print(
                f"{self.step_text()}  {self.status}  {self.time_left()}"
            )

    def message(self, text: str):
        """Prints a line, above the bar."""
        text = encodable(text)
        if self._bar is None:
            self._print(text)
        else:
            self._bar.console.print(text, markup=False, highlight=False)

    def finish(self):
        """Removes the bar, if there is one."""
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.stop()

    def step_text(self) -> str:
        """Returns the step, the number of steps and the percentage."""
        share = self.step / max(self.total_steps, 1)
        return (
            f"step {wording.count(self.step)}/"
            f"{wording.count(self.total_steps)}  {share:.0%}"
        )

    def time_left(self) -> str:
        """Returns the time left, at the pace of the last log steps."""
        seconds = self._pace.seconds_per_step
        if seconds is None or self._pace.may_hold_compilation:
            return "left unknown"
        steps = max(self.total_steps - self.step, 0)
        return f"left {wording.duration(steps * seconds)}"

    def _print(self, text: str):
        print(text, file=self.stream, flush=True)


class Pace:
    """Estimates the seconds per step, which freezing changes.

    A moving average over the windows between observations. The first window
    is dropped at the second one, since it may contain compilation; a later one
    that does is left out.
    """

    def __init__(self, weight: float = 0.3):
        self.weight = weight
        self.seconds_per_step = None
        self._windows = 0
        self._last = None

    @property
    def may_hold_compilation(self) -> bool:
        """Whether there is only the first window so far."""
        return self._windows < 2

    def observe(self, step: int, seconds: float, may_compile: bool = False):
        """Records that `step` was reached at the time `seconds`.

        Args:
            step: int.
            seconds: float.
            may_compile: bool, whether the time since the last observation may
                contain compilation, as after a freeze. Defaults to `False`.
        """
        last, self._last = self._last, (step, seconds)
        if last is None or step <= last[0]:
            return
        if may_compile and not self.may_hold_compilation:
            return
        pace = (seconds - last[1]) / (step - last[0])
        if self._windows >= 2:
            pace += (1 - self.weight) * (self.seconds_per_step - pace)
        self.seconds_per_step = pace
        self._windows += 1


class StatusColumn(rich.progress.ProgressColumn):
    """Column with time left and status of a `Progress`."""

    def __init__(self, progress: Progress):
        super().__init__()
        self.progress = progress

    def render(self, task):
        text = f"{self.progress.time_left()}  {self.progress.status}"
        return rich.text.Text(text, no_wrap=True, overflow="ellipsis")


class ProgressBar(rich.progress.BarColumn):
    """A bar with the step of a `Progress`."""

    def __init__(self, progress: Progress, width: int):
        super().__init__(width, complete_style="cyan", finished_style="cyan")
        self.progress = progress

    def render(self, task):
        task.completed = self.progress.step
        return super().render(task)


class StepColumn(rich.progress.ProgressColumn):
    """Column with step, number of steps and percentage of a `Progress`."""

    def __init__(self, progress: Progress):
        super().__init__()
        self.progress = progress

    def render(self, task):
        text = self.progress.step_text()
        return rich.text.Text(text, style="bold", no_wrap=True)


def _terminal_bar(progress: Progress):
    """Starts a bar of rich; returns `None` without a terminal."""
    console = rich.console.Console(file=progress.stream)
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    columns = [StepColumn(progress), StatusColumn(progress)]
    if console.width >= 100:  # narrower: no room for a bar
        columns.insert(
            1, ProgressBar(progress, 24 if console.width >= 120 else 8)
        )
    bar = rich.progress.Progress(
        *columns, console=console, refresh_per_second=4
    )
    bar.add_task("train", total=progress.total_steps)
    bar.start()
    return bar
