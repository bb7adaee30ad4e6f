"""Options of where a run is kept, and how often it writes."""

import math

from layerlock.config import facts
from layerlock.config.option import OptionError, option
from layerlock.config.section import Section, section
from layerlock.config.tracing import check_trace, trace_option
from layerlock.config.training import multiple


def _log_every(config):
    """1 % of steps, at most 50"""
    every = max(1, min(50, config.training.steps // 100))
    return multiple(every, config.training.border)


def _monitor_every(config):
    """5 % of steps, at most 1000"""
    every = max(1, min(1000, config.training.steps // 20))
    return multiple(every, config.training.border)


def _held_out_every(config):
    """10 % of steps, at most 1000, and at least 6400 clips"""
    clips = config.training.batch_size * config.training.accumulation
    share = min(1000, config.training.steps // 10)
    every = max(1, share, 6400 // clips)
    return math.ceil(every / config.run.log_every) * config.run.log_every


def _checkpoint_every(config):
    """20 % of steps, at most 1000"""
    every = max(1, min(1000, config.training.steps // 5))
    # Held-out losses are logged at checkpoints.
    return math.ceil(every / config.run.log_every) * config.run.log_every


def _track(config):
    """tensorboard where tensorboardX is installed"""
    return facts.trackers_of_default()


@section
class RunConfig(Section):
    """The run directory, logs and checkpoints."""

    title = "Run"

    run_dir: str | None = option(
        None, "Folder of the run; not set: runs/ and the time.", may_change=True
    )
    resume: bool = option(
        False,
        "Go on with the run in run_dir, with the options that it began with; "
        "auto: if there is one, and start it otherwise.",
        word="auto",
        may_change=True,
    )
    requeue: bool = option(
        False,
        "SLURM: after SIGUSR1, put the job back into the queue once the run is "
        "saved. With it, resume is auto.",
        may_change=True,
    )
    plan: bool = option(
        False,
        "Show the options, the cost and the memory of the run, and train "
        "nothing.",
        may_change=True,
    )
    log_every: int = option(
        rule=_log_every,
        low=1,
        help="Optimizer steps between lines of metrics.jsonl.",
    )
    checkpoint_every: int = option(
        rule=_checkpoint_every,
        low=1,
        help="Optimizer steps between checkpoints, a multiple of log_every.",
    )
    keep_checkpoints: int = option(
        3, "Newest checkpoints that are kept.", low=1, may_change=True
    )
    track: tuple = option(
        rule=_track,
        choices=facts.names("track"),
        may_change=True,
        help="Experiment trackers that get the numbers of metrics.jsonl, "
        "freezes and the report; empty for none.",
    )
    compilation_cache: str = option(
        "~/.cache/layerlock",
        "JAX and PyTorch: folder of compiled programs, which later runs need "
        "not compile again; empty for none. JAX_COMPILATION_CACHE_DIR and "
        "TORCHINDUCTOR_CACHE_DIR go first.",
        may_change=True,
    )
    trace: str | None = trace_option(may_change=True)
    monitor_every: int = option(
        rule=_monitor_every,
        low=1,
        help="Optimizer steps between comparisons of layers with their earlier "
        "state.",
    )
    held_out_every: int = option(
        rule=_held_out_every,
        low=0,
        may_change=True,
        help="Optimizer steps between predictions of the second half of fixed "
        "clips from features of the first, logged as held_out_prediction. A "
        "multiple of log_every; 0 for none.",
    )
    probe_every: int | None = option(
        None,
        "Optimizer steps between nearest-neighbour probes of the features, "
        "logged as probe_top1. A multiple of log_every; not set: no probes.",
        low=1,
    )
    probe_data: str | None = option(
        None,
        "Class sub-folders of videos for probe_every; not set: the motion of "
        "procedural scenes.",
    )
    on_collapse: str = option(
        "warn",
        "What to do when the features collapse.",
        choices=("warn", "stop"),
    )

    def check_together(self, config):
        if self.requeue and self.run_dir is None:
            raise OptionError("`requeue` needs the `run_dir` to go on with.")
        if config.devices.devices is not None and not self.plan:
            raise OptionError(
                "`devices` is for `plan`: a run takes the devices that there "
                f"are. Received: devices={config.devices.devices}. Leave it "
                "out, or pass `plan` too."
            )
        if config.devices.memory_gigabytes is not None and not self.plan:
            raise OptionError(
                "`memory_gigabytes` is for `plan`: a run takes the memory that "
                "there is. Received: memory_gigabytes="
                f"{config.devices.memory_gigabytes:g}. Leave it out, or pass "
                "`plan` too."
            )
        facts.check_trackers(self.track)
        training = config.training
        check_trace(
            self.trace,
            training.steps * training.accumulation,
            training.steps_per_execution,
        )
        if self.checkpoint_every % self.log_every:
            raise OptionError(
                "`checkpoint_every` must be a multiple of `log_every`. "
                f"Received: {self.checkpoint_every} and {self.log_every}."
            )
        self._check_executions(config)
        if self.probe_data is not None and self.probe_every is None:
            raise OptionError("`probe_data` is for `probe_every`. Pass both.")
        for name in ("held_out_every", "probe_every"):
            every = getattr(self, name)
            if every is not None and every % self.log_every:
                raise OptionError(
                    f"`{name}` must be a multiple of `log_every`. Received: "
                    f"{every} and {self.log_every}."
                )

    def _check_executions(self, config):
        """Raises if something happens in the middle of an execution."""
        training = config.training
        if training.steps_per_execution == 1:
            return
        if config.encoder.mixed_precision == "float16":
            raise OptionError(
                "With `mixed_precision=float16` optimizer steps may be "
                "skipped, so that it is not known where an execution of "
                "several steps ends. Received: steps_per_execution="
                f"{training.steps_per_execution}. Use 1, or bfloat16."
            )
        steps = {
            "steps": training.steps,
            "log_every": self.log_every,
            "monitor_every": self.monitor_every,
            "checkpoint_every": self.checkpoint_every,
            "probe_every": self.probe_every or training.border,
            "held_out_every": self.held_out_every or training.border,
        }
        freezing = getattr(config, "freezing", None)  # a study has no section
        schedule = freezing and freezing.build(config)
        if schedule is not None and not schedule.is_adaptive:
            events = schedule.events(training.steps)
            steps |= {f"a freeze at step {step}": step for step, _ in events}
        wrong = [name for name in steps if steps[name] % training.border]
        if wrong:
            raise OptionError(
                "An execution must end where something happens. With "
                f"`steps_per_execution={training.steps_per_execution}` and "
                f"`accumulation={training.accumulation}`, all of these must "
                f"be multiples of {training.border} optimizer steps: "
                f"{', '.join(f'{name} ({steps[name]})' for name in wrong)}."
            )
