"""Every recipe runs, and says what the paper and README say."""

import ast
import json
import re
import runpy
import shlex

import keras
import pytest

from layerlock import cli, commands
from layerlock.config import facts
from layerlock.jobs.pretraining import costs, method
from layerlock.models import VideoEncoder, presets, stored
from layerlock.runs import wording
from tests.data import synthesise
from tests.recipes import running

ROOT = running.ROOT
FOLDER = ROOT / "recipes"
RECIPES = {
    str(path.relative_to(FOLDER).with_suffix("")): path
    for path in sorted(FOLDER.rglob("*.py"))
}
PAPER = [name for name in RECIPES if name.startswith("paper/")]
COMPARISON = [name for name in RECIPES if name.startswith("comparison/")]
# They start processes, and have a test each that does: test_savings.py and
# test_convergence.py.
STUDIES = ("savings", "convergence")
PAGE = ROOT / "docs" / "recipes.md"

ONE_BACKEND = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)


def read(name):
    """The job, configuration and docstring that a recipe's call has."""
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "run", lambda job, **more: calls.append((job, more)))
        runpy.run_path(str(RECIPES[name]), run_name="__main__")
    [(job, more)] = calls
    return job, more["config"], more["doc"]


def plan(name):
    """The resolved configuration of a recipe, and what it costs."""
    config = read(name)[1].resolve()
    return config, costs.count(config, method.build(config))


def in_words(counted):
    """What docstring and page say about the cost of a run."""
    change = counted.flops / counted.unfrozen.flops - 1
    return (
        wording.scaled(counted.flops, "FLOPs"),
        f"{abs(change):.1%}".replace("%", " %"),
        wording.memory(counted.peak_memory),
    )


def one_line(text):
    return " ".join(text.split())


# What a recipe is.


@pytest.mark.parametrize("name", RECIPES)
def test_it_is_a_docstring_a_configuration_and_one_call(name):
    text = RECIPES[name].read_text()
    docstring, *imports, configuration, call = ast.parse(text).body

    assert len(text.splitlines()) <= (40 if name == "pretrain" else 60)
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(node, ast.ImportFrom) for node in imports)
    assert [target.id for target in configuration.targets] == ["CONFIG"]
    assert isinstance(call, ast.If) and len(call.body) == 1


@pytest.mark.parametrize("name", RECIPES)
def test_its_docstring_has_the_command(name):
    job, config, doc = read(name)

    assert f"KERAS_BACKEND=jax python recipes/{name}.py" in doc
    assert isinstance(config, commands.find(job).config_class)


# What it says, beside what it does.


@pytest.mark.parametrize("name", [*COMPARISON, *PAPER])
def test_its_docstring_has_the_cost_of_the_plan(name):
    _, counted = plan(name)
    doc = one_line(read(name)[2])
    flops, change, peak = in_words(counted)

    assert f"--plan: {flops} " in doc
    assert f"peak memory {peak}" in doc
    if counted.flops != counted.unfrozen.flops:
        sign = "more" if counted.flops > counted.unfrozen.flops else "less"
        assert f"({change} {sign} than without a freeze)" in doc


@pytest.mark.parametrize("name", PAPER)
def test_every_setting_names_its_source(name):
    text = RECIPES[name].read_text()
    [body] = re.findall(r"PretrainConfig\.of\(\n(.*?)\n\)\n", text, re.S)
    sources = r"# (4DS|LayerLock|V-JEPA|ours|pass --data=FOLDER)"

    for line in body.splitlines():
        setting = re.match(r'    (\w+=|    ")', line)
        opens = line.endswith("{")
        if setting and not opens and "schedule=" not in line:
            assert re.search(sources, line), line


@pytest.mark.parametrize(
    "name, millions, steps, batch_size, start_step, interval, frozen_layers",
    [  # A freeze every 10,000 steps and 32 of 48 layers: ViT-G's, published.
        ("paper/mae_h", 631.7, 480_000, 2048, None, None, 0),
        ("paper/mae_h_layerlock", 631.7, 480_000, 2048, 160_000, 10_000, 24),
        ("paper/mae_g", 1844, 480_000, 2048, None, None, 0),
        ("paper/mae_g_layerlock", 1844, 480_000, 2048, 160_000, 10_000, 32),
        ("paper/mae_e", 3807, 480_000, 2048, None, None, 0),
        ("paper/mae_e_layerlock", 3807, 480_000, 2048, 160_000, 7_500, 42),
        ("paper/vjepa_l", 303.9, 90_000, 3072, None, None, 0),
        ("paper/vjepa_l_layerlock", 303.9, 90_000, 3072, 54_000, 1_600, 18),
        ("paper/ablation", 631.7, 72_000, 2048, 24_000, 2_000, 24),
    ],
)
def test_the_papers_models_have_the_papers_sizes_and_schedules(
    name, millions, steps, batch_size, start_step, interval, frozen_layers
):
    config, counted = plan(name)
    parameters = presets.num_parameters(**facts.encoder_arguments(config))

    assert parameters / 1e6 == pytest.approx(millions, rel=1e-3)
    assert config.training.steps == steps
    assert config.training.batch_size == batch_size
    assert config.freezing.start_step == start_step
    assert config.freezing.interval == interval
    assert counted.stages[-1].frozen_layers == frozen_layers
    assert counted.sizes.num_tokens == 1568
    if config.method.objective == "mae":
        assert counted.sizes.masks == ((78, 1490),)


def test_no_recipe_of_the_paper_is_untested():
    marks = (
        test_the_papers_models_have_the_papers_sizes_and_schedules.pytestmark
    )
    rows = marks[0].args[1]
    assert [row[0] for row in rows if row[0] not in PAPER] == []
    assert {row[0] for row in rows} == set(PAPER)


@pytest.mark.parametrize(
    "name, row",
    [
        ("comparison/mae", "MAE"),
        ("comparison/mae_layerlock", "LayerLock"),
        ("comparison/vjepa", "V-JEPA"),
        (
            "comparison/vjepa_layerlock",
            "V-JEPA + LayerLock, first freeze at 60 %",
        ),
    ],
)
def test_the_comparison_is_that_of_readme(name, row, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import claims_rows
    import claims_scales

    [found] = [r for r in claims_rows.GRIDS[7].rows if r.name == row]
    steps = found.length * claims_scales.STEPS
    flags = f"{claims_scales.NANO.flags} {found.flags_for(steps)}"
    measured, _ = running.resolved(f"--steps={steps}", *shlex.split(flags))
    config, counted = plan(name)
    doc = one_line(read(name)[2])
    [cells] = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "README.md").read_text().splitlines()
        if line.startswith(f"| {row.split(',')[0]} |")
    ]

    assert comparable(config) == comparable(measured)
    assert all(score in doc for score in cells[1:4])
    assert wording.count(counted.flops / 1e9).replace(",", "") == cells[4]


def comparable(config):
    """Options, with numbers as numbers and the objective's own teacher."""
    values = config.recorded
    values["teacher"] = method.build(config).objective.teacher
    if values["momentum"]:
        values["momentum"] = [float(share) for share in values["momentum"]]
    return values


def test_the_page_lists_every_recipe_with_its_cost():
    page = PAGE.read_text()
    for name in RECIPES:
        assert f"recipes/{name}.py" in page
    for name in [*COMPARISON, *PAPER]:
        [line] = [x for x in page.splitlines() if f"recipes/{name}.py`" in x]
        flops, _, peak = in_words(plan(name)[1])
        assert f"| {flops} | {peak} |" in line


@pytest.fixture
def encoders(tmp_path, monkeypatch):
    """The encoders that recipes start from, or are taught by, as placeholders.

    The size of a ViT-L, without its weights: enough for a plan.
    """
    for name in ("imported", "salt_pixels"):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        config = presets.PRESETS["video_vit_large"]
        content = {"class_name": stored.CLASS_NAME, "config": config}
        (folder / "config.json").write_text(json.dumps(content))
        (folder / "encoder.weights.h5").touch()
    monkeypatch.chdir(tmp_path)


def test_the_cost_of_salt_is_that_of_both_runs(encoders):
    names = ("salt/pixels", "salt/student")
    docs = [one_line(read(name)[2]) for name in names]
    runs = [plan(name)[1] for name in names]

    for doc, counted in zip(docs, runs, strict=True):
        flops, _, peak = in_words(counted)
        assert f"--plan: {flops} in matrix products" in doc
        assert f"peak memory {peak} for" in doc
    assert f"{runs[1].teacher_share:.0%} of them by the teacher" in docs[1]
    both = wording.scaled(sum(counted.flops for counted in runs), "FLOPs")
    assert f"Both runs together: {both}." in docs[1]
    assert [plan(name)[0].training.steps for name in names] == [40_000, 200_000]


@pytest.mark.parametrize("name", ["adapt", "distill"])
def test_what_starts_from_an_import_can_be_planned(name, encoders):
    config, counted = plan(name)

    assert counted.flops > 0
    assert (counted.sizes.fixed_teacher is None) == (name == "adapt")
    if name == "adapt":
        assert method.build(config).objective.momentum_at(0) == 0.99925


# What it does.


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_is_planned_without_clips(name, capsys, monkeypatch):
    monkeypatch.chdir(FOLDER)  # where no clips are
    job, config, doc = read(name)

    cli.run(job, ["--plan"], config=config, doc=doc)

    assert in_words(plan(name)[1])[0] in capsys.readouterr().out


def test_the_paper_is_not_trained_without_clips(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    job, config, doc = read("paper/mae_g_layerlock")

    with pytest.raises(SystemExit, match="Unknown source of clips 'videos'"):
        cli.run(job, [], config=config, doc=doc)

    assert not list(tmp_path.rglob("config.json"))


NANO = (
    "--preset=video_vit_nano --patch_size=2,8,8 --data=scenes --frames=8 "
    "--size=32 --batch_size=2 --steps=2 --log_every=1 --track="
)
FREEZE = "--start_step=1 --interval=1 --max_frozen_layers=1"
JUDGE = (
    "--encoder=random:video_vit_nano "
    "--task_args=num_train=16,num_validation=8,num_test=8"
)
SHORT = {
    "pretrain": f"{NANO} --run_dir=out",
    "probe": f"{JUDGE} --readout_args=steps=1,learning_rates=(1e-3,) --out=out",
    "finetune": f"{JUDGE} --steps=1 --batch_size=2 --out=out",
    "prepare": "--data=in --out=out",
    "visualise": "--encoder=random:video_vit_nano --video=in/a.mp4 --out=out",
}
LIBRARIES = {  # beside those of a run
    "probe": ("sklearn",),
    "finetune": ("sklearn",),
    "prepare": ("av",),
    "visualise": ("av",),
}


def arguments(name):
    """Flags that make a recipe small: one step, and one after a freeze."""
    job, config, _ = read(name)
    flags = shlex.split(SHORT[job])
    if job == "pretrain":
        flags.append("--warmup_steps=0")
        if config.freezing.schedule != "never":
            flags += shlex.split(FREEZE)
        if "init_from" in config.given:
            brought = ("--preset", "--patch_size")
            flags = [flag for flag in flags if not flag.startswith(brought)]
    return flags


def save_encoders():
    """Writes the encoders that recipes start from, or are taught by."""
    sizes = presets.PRESETS["video_vit_nano"] | {"patch_size": (2, 8, 8)}
    for name in ("imported", "salt_pixels"):
        encoder = VideoEncoder(**sizes, name="encoder")
        encoder.save_to_preset(f"runs/{name}")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "pretrain" else ONE_BACKEND)
        for name in RECIPES
        if name not in STUDIES
    ],
)
def test_it_runs_at_nano_size(name, monkeypatch, tmp_path):
    job, config, doc = read(name)
    for library in LIBRARIES.get(job, ()):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    if {"init_from", "teacher"} & config.given.keys():
        save_encoders()
    if job in ("prepare", "visualise"):
        (tmp_path / "in").mkdir()
        synthesise.write(tmp_path / "in" / "a.mp4", count=16, fps=8)

    out = "out.mp4" if job == "visualise" else "out"
    flags = [x.replace("--out=out", f"--out={out}") for x in arguments(name)]
    cli.run(job, flags, config=config, doc=doc)

    assert (tmp_path / out).exists()
    if job == "pretrain":
        frozen = [line["frozen_layers"] for line in running.metrics("out")]
        never = config.freezing.schedule == "never"
        assert frozen == ([0, 0] if never else [0, 1])
