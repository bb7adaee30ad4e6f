"""How a method of a study becomes runs: their flags, steps and folders."""

import functools
import hashlib
import json
import shlex

import study_schedule
import study_settings
from job_parts import read
from study_methods import TEACHER_SHARE, shares


class StudyRuns:
    """The part of a `Study` that trains.

    It reads `batch_size`, `common`, `folder`, `identity` and `runs` of the
    study.
    """

    @functools.cached_property
    def freezes(self) -> int:
        """Layers that freeze one after another in a run of LayerLock."""
        return read(shlex.split(self.common))[0].freezing.max_frozen_layers

    def train(self, method, steps, seed, setting=None):
        """Trains a method to its end; returns the folder of its run."""
        flags, paths = self.runs_of(method, steps, seed, setting)
        for (run_flags, run_steps), path in zip(flags, paths, strict=True):
            self.runs.train_at(
                path,
                run_flags.replace(
                    "{teacher}", shlex.quote(str(paths[0].resolve()))
                ),
                run_steps,
                seed,
            )
        return paths[-1]

    def runs_of(self, method, steps, seed, setting=None):
        """Flags and steps of each run of a method, and their folders."""
        if setting is None:
            setting = study_settings.of(self, method)
        factor, own = setting
        rate = ""
        own = f"{method.flags} {own}".strip()
        own = own.replace("{quarter}", str(max(1, self.batch_size // 4)))
        if factor != 1.0 or "--batch_size" in own:
            rate = f" --learning_rate={factor * self._default_rate:.3g}"
        schedule = study_schedule.flags(self.folder, steps)
        student = own.replace("{schedule}", schedule) + rate
        runs = [(student, steps)]
        if method.teacher is not None:
            first = max(2, round(TEACHER_SHARE * steps))
            runs = [
                (f"{method.teacher}{rate}", first),
                (student, steps - first),
            ]
        flags = [
            (shares(text, length, self.freezes), length)
            for text, length in runs
        ]
        digest = hashlib.sha256(
            json.dumps([self.identity, flags]).encode()
        ).hexdigest()[:8]
        names = [f"{method.slug}-{steps}-{seed}-{digest}"]
        if method.teacher is not None:
            names.insert(0, f"{names[0]}-teacher")
        return flags, [self.folder / "pretrain" / name for name in names]

    @functools.cached_property
    def _default_rate(self) -> float:
        """The learning rate of a batch of the study.

        A method that hides each of fewer clips several times takes it too: its
        steps are about as many masked clips.
        """
        words = [*shlex.split(self.common), "--schedule=never"]
        return read(words)[0].training.learning_rate
