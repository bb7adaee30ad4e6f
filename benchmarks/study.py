"""Ways to pre-train, at several lengths and seeds, judged on the same clips."""

import json
import operator
import pathlib
import shlex
import statistics
import threading

import study_known
import study_rows
import study_schedule
import study_settings
from grid import Grid
from study_methods import METHODS, SUPERVISED
from study_runs import StudyRuns

from layerlock.runs import writing

CONTENTS = "contents.json"  # which clips the folder is about


class Study(StudyRuns):
    """The runs of a study, and what is known of them.

    What is complete in its folder is not repeated.

    Args:
        folder: path.
        clips: `Scenes` or `RealClips`.
        preset: str, the encoder.
        batch_size: int, clips of a step. `{quarter}` in the flags of a method
            is a quarter of it.
        common: str, flags of `recipes/pretrain.py` that all runs share, beside
            those of the clips.
        lengths: tuple of ints, steps, ascending.
        seeds: int, runs of a method and length.
        split: `"selection"` or `"final"`, the clips that answers are about.
        jobs: int, processes at a time. Defaults to `2`.
        quick: bool, probes and choices so small that they say nothing, all in
            this process. Defaults to `False`.
        methods: tuple of `Method`. Defaults to all.
        known: path of an earlier study's folder, whose rows are not repeated.
            Defaults to `None`.
    """

    def __init__(
        self,
        folder,
        clips,
        preset,
        batch_size,
        common,
        lengths,
        seeds,
        split,
        jobs=2,
        quick=False,
        methods=METHODS,
        known=None,
    ):
        self.clips, self.preset, self.lengths = clips, preset, lengths
        self.seeds, self.split, self.quick = seeds, split, quick
        self.methods, self.batch_size = methods, batch_size
        shared = f"--preset={preset} --batch_size={batch_size} {common}"
        # The place of the clips does not matter, and may change.
        self.identity = f"{shared} {clips.name} {clips.clip_flags}"
        self.folder = pathlib.Path(folder)
        self._check_folder()  # before links are made in it
        self.common = f"{shared} {clips.flags}"
        self.runs = Grid(folder, jobs, self.common, here=quick)
        self.questions = clips.questions(split)
        self.floors = {
            "random encoder": f"random:{preset}",
            "raw pixels": f"pixels:{preset}",
        }
        self.about = {
            "study": self.identity,
            "split": split,
            "clips_of": clips.name,
            "contents": clips.contents,
        }
        self.known = study_known.read(known, self)
        self.failures = []
        self._writing = threading.Lock()

    @property
    def main(self):
        """The question whose answers are compared."""
        return self.questions[0]

    # What is done.

    def prepare(self):
        """Finds the schedule of convergence, then chooses settings."""
        writing.write_json(self.folder / CONTENTS, self._mark)
        if any("{schedule}" in method.flags for method in self.methods):
            study_schedule.find(self)
        if study_settings.undecided(self):
            study_settings.choose(self)

    @property
    def _mark(self) -> dict:
        """What all results in the folder have in common."""
        return {
            "clips": self.clips.contents,
            "main_set": self.clips.main,
            "study": self.identity,
            "quick": self.quick,
        }

    def _check_folder(self):
        """Raises if the results in the folder are about something else."""
        place = self.folder / CONTENTS
        before = json.loads(place.read_text()) if place.exists() else self._mark
        unlike = [k for k, v in self._mark.items() if before.get(k) != v]
        if unlike:
            raise ValueError(
                f"{self.folder} is a study with another "
                f"{' and '.join(unlike)} than that of {self.clips.place}. "
                "Pass another --run_dir."
            )

    def work(self):
        """Trains and asks what is missing, the rows of the table first."""
        for seed in range(self.seeds):
            floors = [(self._floor, (name, seed)) for name in self.floors]
            self._do(floors + self._methods(operator.eq, seed))
        for length in (operator.lt, operator.gt):
            for seed in range(self.seeds):
                self._do(self._methods(length, seed))
        self._do([(self._supervised, (seed,)) for seed in range(self.seeds)])

    def _methods(self, length, seed) -> list:
        """Runs whose steps are equal to those of the table, or on one side."""
        return [
            (self._method, (method, steps, seed))
            for method in self.active()
            for steps in self.steps_of(method)
            if length(steps, self.lengths[-1])
        ]

    def _do(self, tasks):
        self.runs.side_by_side(self._attempt, tasks)

    def _attempt(self, do, arguments):
        """Does one task; a failure does not keep the others from being done."""
        try:
            do(*arguments)
        except RuntimeError as error:  # of a recipe
            self.failures.append(str(error))

    def active(self) -> list:
        """The methods; not the one whose schedule was not found."""
        return [
            method
            for method in self.methods
            if "{schedule}" not in method.flags
            or study_schedule.flags(self.folder)
        ]

    def steps_of(self, method) -> tuple:
        """The lengths that a method is trained for."""
        lengths = self.lengths if method.has_curve else self.lengths[-1:]
        if method.longer is None or self.quick:
            return lengths
        return (*lengths, round(method.longer * self.lengths[-1]))

    def asked(self, name, steps=None) -> list:
        """The questions to a method or a floor.

        In a quick study, all but the first method get one.

        Args:
            name: str.
            steps: int. Defaults to `None`: the longest.
        """
        if self.quick and name != self.methods[0].name:
            return self.questions[:1]
        is_longest = steps in (None, self.lengths[-1])
        return [q for q in self.questions if is_longest or q.on_curve]

    def _method(self, method, steps, seed):
        questions = self.asked(method.name, steps)
        row = study_rows.identity_of(self, method, steps, seed)
        if not self.known.answers(row, questions):
            path = self.train(method, steps, seed)
            self.ask(questions, path, seed)
        with self._writing:
            study_rows.write(self)

    def _floor(self, name, seed):
        questions = self.asked(name)
        if self.known.answers(study_rows.floor(self, name, seed), questions):
            return
        encoder = self.floors[name]
        path = self.runs.encoder_path(encoder, seed)
        self.ask(questions, path, seed, encoder)

    def ask(self, questions, path, seed, encoder=None) -> list[float]:
        """Asks questions to a run or a floor; returns means over readouts.

        Args:
            questions: list of `Question`.
            path: of the run, or of what is known of the floor.
            seed: int, of the run.
            encoder: str, the floor. Defaults to `None`: the run's.
        """
        return [
            statistics.fmean(
                self.runs.judge(one, path, encoder, seed)
                for one in question.each(seed)
            )
            for question in questions
        ]

    def _supervised(self, seed):
        steps = self.lengths[-1]
        questions = [
            question
            for question in self.asked(SUPERVISED)
            if question.readout == "attentive"
        ]
        row = study_rows.supervised(self, seed)
        if self.known.answers(row, questions):
            return
        for question in questions:
            out = self.supervised_path(question, seed)
            self.finetune(f"random:{self.preset}", question, steps, seed, out)

    def finetune(self, encoder, question, steps, seed, out) -> dict:
        """Trains an encoder end to end with labels; returns what was found.

        Args:
            encoder: str, as for `recipes/finetune.py --encoder`.
            question: `Question`.
            steps: int.
            seed: int.
            out: path of the results.
        """
        return self.runs.finetune_at(
            out,
            f"--encoder={shlex.quote(encoder)} {question.task_flags} "
            "--layer_decay=1 "
            f"--learning_rate=1e-3 --steps={steps} "
            f"--batch_size={self.batch_size} --seed={seed}",
        )

    def supervised_path(self, question, seed):
        """The folder of an end-to-end training from random weights."""
        name = f"{question.name}-{self.lengths[-1]}-{seed}"
        return self.folder / "finetune" / name
