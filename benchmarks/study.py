"""Ways to pre-train, at several lengths and seeds, judged on the same clips."""

import hashlib
import json
import shlex
import shutil
import threading

import study_rows
from grid import Grid
from job_parts import read
from study_methods import METHODS, SUPERVISED, TEACHER_SHARE, shares

from layerlock.runs import writing

SETTINGS_SEED = 0


class Study:
    """The runs of a study, and what is known of them.

    What is complete in its folder is not repeated.

    Args:
        folder: path.
        clips: `study_clips.Scenes` or `RealClips`.
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
    ):
        self.clips, self.preset, self.lengths = clips, preset, lengths
        self.seeds, self.split, self.quick = seeds, split, quick
        self.methods, self.batch_size = methods, batch_size
        shared = f"--preset={preset} --batch_size={batch_size} {common}"
        self.common = f"{shared} {clips.flags}"
        # The place of the clips does not matter, and may change.
        self.identity = f"{shared} {clips.name} {clips.clip_flags}"
        self.runs = Grid(folder, jobs, self.common, here=quick)
        self.folder = self.runs.folder
        self.questions = clips.questions(split)
        self.floors = {
            "random encoder": f"random:{preset}",
            "raw pixels": f"pixels:{preset}",
        }
        self._writing = threading.Lock()

    @property
    def main(self):
        """The question whose answers are compared."""
        return self.questions[0]

    # What is done.

    def prepare(self):
        """Finds the schedule of convergence, then chooses settings."""
        if any("{schedule}" in method.flags for method in self.methods):
            self._study_convergence()
        if self.undecided():
            self._choose_settings()

    def work(self):
        """Trains and asks what is missing, seed by seed."""
        for seed in range(self.seeds):
            tasks = [(self._floor, (name, seed)) for name in self.floors]
            tasks.append((self._supervised, (seed,)))
            tasks += [
                (self._method, (method, steps, seed))
                for method in self.active()
                for steps in self.steps_of(method)
            ]
            self.runs.side_by_side(lambda do, args: do(*args), tasks)

    def active(self) -> list:
        """The methods; not the one whose schedule was not found."""
        return [
            method
            for method in self.methods
            if "{schedule}" not in method.flags or self._schedule()
        ]

    def steps_of(self, method) -> tuple:
        """The lengths that a method is trained for."""
        return self.lengths if method.has_curve else self.lengths[-1:]

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
        path = self.train(method, steps, seed)
        for question in self.asked(method.name, steps):
            self.runs.judge(question, path)
        with self._writing:
            study_rows.write(self)

    def _floor(self, name, seed):
        encoder = self.floors[name]
        path = self.runs.encoder_path(encoder, seed)
        for question in self.asked(name):
            self.runs.judge(question, path, encoder, seed)

    def _supervised(self, seed):
        steps = self.lengths[-1]
        for question in self.asked(SUPERVISED):
            if question.readout == "attentive":
                out = self.supervised_path(question, seed)
                self.finetune(
                    f"random:{self.preset}", question, steps, seed, out
                )

    def finetune(self, encoder, question, steps, seed, out) -> dict:
        """Trains an encoder end to end with labels; returns what was found.

        Args:
            encoder: str, as for `recipes/finetune.py --encoder`.
            question: `Question`.
            steps: int.
            seed: int.
            out: path of the results.
        """
        found = out / "finetune.json"
        if not found.exists():
            shutil.rmtree(out, ignore_errors=True)  # cut off while writing
            self.runs.run(
                f"recipes/finetune.py --encoder={encoder} "
                f"{question.task_flags} --layer_decay=1 --learning_rate=1e-3 "
                f"--steps={steps} --batch_size={self.batch_size} "
                f"--seed={seed} --out={out.resolve()}",
                out.parent / f"{out.name}.log",
            )
        return json.loads(found.read_text())

    def supervised_path(self, question, seed):
        """The folder of an end-to-end training from random weights."""
        name = f"{question.name}-{self.lengths[-1]}-{seed}"
        return self.folder / "finetune" / name

    # Runs.

    def train(self, method, steps, seed, setting=None):
        """Trains a method to its end; returns the folder of its run."""
        flags, paths = self.runs_of(method, steps, seed, setting)
        for (run_flags, run_steps), path in zip(flags, paths, strict=True):
            self.runs.train_at(
                path,
                run_flags.replace("{teacher}", str(paths[0].resolve())),
                run_steps,
                seed,
            )
        return paths[-1]

    def runs_of(self, method, steps, seed, setting=None):
        """Flags and steps of each run of a method, and their folders."""
        if setting is None:
            setting = self.settings().get(method.name)
        factor, own = setting or method.candidates()[0]
        rate = ""
        own = f"{method.flags} {own}".strip()
        own = own.replace("{quarter}", str(max(1, self.batch_size // 4)))
        if factor != 1.0:
            rate = f" --learning_rate={factor * self._default_rate(own):.3g}"
        student = own.replace("{schedule}", self._schedule(steps)) + rate
        runs = [(student, steps)]
        if method.teacher is not None:
            first = max(2, round(TEACHER_SHARE * steps))
            runs = [
                (f"{method.teacher}{rate}", first),
                (student, steps - first),
            ]
        flags = [(shares(text, length), length) for text, length in runs]
        digest = hashlib.sha256(
            json.dumps([self.identity, flags]).encode()
        ).hexdigest()[:8]
        names = [f"{method.slug}-{steps}-{seed}-{digest}"]
        if method.teacher is not None:
            names.insert(0, f"{names[0]}-teacher")
        return flags, [self.folder / "pretrain" / name for name in names]

    def _default_rate(self, flags) -> float:
        """The learning rate of flags, which depends on their batch alone."""
        batch = [w for w in flags.split() if w.startswith("--batch_size")]
        words = [*shlex.split(self.common), *batch, "--schedule=never"]
        return read(words)[0].training.learning_rate

    # Settings.

    def settings(self) -> dict:
        """The chosen factor of the learning rate and flags of each method."""
        return {
            name: tuple(setting)
            for name, setting in self._choice()["chosen"].items()
        }

    def undecided(self) -> list:
        """The methods whose settings are not chosen yet."""
        known = self.settings()
        return [m for m in self.active() if m.name not in known]

    def _choice(self) -> dict:
        path = self.folder / "settings.json"
        if path.exists():
            return json.loads(path.read_text())
        return {"tried": [], "chosen": {}}

    def _choose_settings(self):
        """Tries the settings of each method on one seed, and keeps the best.

        Test speakers are not read.
        """
        [question, *_] = self.clips.questions("selection")
        steps = self.lengths[-2:][0]
        tried = {m: m.candidates() for m in self.undecided()}
        if self.quick:
            first = self.methods[0]
            tried = {m: c[: 2 if m is first else 1] for m, c in tried.items()}
        pairs = [
            (method, setting)
            for method, settings in tried.items()
            if len(settings) > 1
            for setting in settings
        ]

        def ask(method, setting):
            path = self.train(method, steps, SETTINGS_SEED, setting)
            return self.runs.judge(question, path)

        answers = self.runs.side_by_side(ask, pairs)
        answers = dict(zip(pairs, answers, strict=True))
        known = self._choice()
        chosen = {
            method.name: max(
                settings, key=lambda s, m=method: answers.get((m, s), 0.0)
            )
            for method, settings in tried.items()
        }
        writing.write_json(
            self.folder / "settings.json",
            {
                "question": question.column,
                "split": "selection",
                "steps": steps,
                "seed": SETTINGS_SEED,
                "tried": known["tried"]
                + [
                    [method.name, *setting, answer]
                    for (method, setting), answer in answers.items()
                ],
                "chosen": known["chosen"] | chosen,
            },
        )

    def _study_convergence(self):
        """Finds when layers may freeze, in a study of a shorter run."""
        place = self.folder / "schedule.json"
        if place.exists():
            return
        path = self.folder / "convergence"
        steps = self.lengths[min(1, len(self.lengths) - 1)]
        each = sorted({max(1, steps * share // 100) for share in (20, 40, 60)})
        self.runs.run(
            f"recipes/convergence.py {self.common} --steps={steps} "
            f"--layers=2,4 --freeze_at={','.join(map(str, each))} "
            f"--run_dir={path.resolve()}",
            self.folder / "convergence.log",
        )
        found = json.loads((path / "convergence.json").read_text())
        writing.write_json(place, {"steps": steps, "events": found["safe"]})

    def _schedule(self, steps: int = 1000) -> str:
        """Flags of the schedule that was found; empty where none was."""
        place = self.folder / "schedule.json"
        found = json.loads(place.read_text()) if place.exists() else {}
        events = [
            (max(1, round(step / found["steps"] * steps)), layers)
            for step, layers in found.get("events", ())
        ]
        if not events:
            return ""
        text = str(events).replace(" ", "")
        return f"--schedule=piecewise --schedule_args=events={text}"
