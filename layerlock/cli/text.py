"""Help pages: of all jobs, of one job, and the reference of options."""

import inspect
import textwrap

from layerlock import commands, plugins
from layerlock.config import facts
from layerlock.jobs.job import Job

_WIDTH = 80


def overview() -> str:
    """The jobs, each in a line."""
    lines = [
        "usage: layerlock JOB --option=value ...",
        "",
        "KERAS_BACKEND=jax, torch or tensorflow chooses the framework.",
        "",
        "Jobs:",
    ]
    for name in commands.NAMES:
        lines.append(f"  {name:12} {summary(commands.find(name))}")
    lines += ["", "layerlock JOB --help lists the options of a job."]
    return "\n".join(lines)


def summary(job: Job) -> str:
    """The first sentence of a job's docstring."""
    return job.description.split("\n", 1)[0]


def help_page(job: Job, doc: str = "") -> str:
    """What `--help` prints.

    Args:
        job: the job.
        doc: str, what stands above the options. Defaults to the job's
            docstring.
    """
    text = inspect.cleandoc(doc or job.description.split("\n    Args:")[0])
    lines = [text, ""]
    for section in job.config_class.sections().values():
        lines.append(f"{section.title}:")
        for option in section.options().values():
            lines.append(f"  --{option.flag} ({_type(option)})")
            for sentence in (option.help, *_details(option)):
                lines += textwrap.wrap(
                    sentence,
                    _WIDTH,
                    initial_indent=" " * 6,
                    subsequent_indent=" " * 6,
                    break_on_hyphens=False,
                )
        lines.append("")
    return "\n".join(lines).rstrip()


def _type(option) -> str:
    if option.choices is not None:
        separator = "," if option.kind is tuple else "|"
        return separator.join(option.choices())
    names = {
        bool: "flag",
        int: "integer",
        float: "number",
        str: "text",
        tuple: "list",
        dict: "name=value,...",
    }
    return names[option.kind]


def _details(option):
    """Sentences: range, default, whether a resume may change it, plug-ins."""
    if option.range_text:
        yield f"Range: {option.range_text}."
    yield f"Default: {option.default_text}."
    if option.may_change:
        yield "A resumed run may change it."
    kind = option.name.removesuffix("_args")
    if option.kind is dict and kind in facts.PLUGINS:
        for name, plugin in facts.plugin_classes(kind).items():
            yield f"{name}: {plugins.describe_arguments(plugin)}."


def reference() -> str:
    """The page of all options, in Markdown."""
    lines = [
        "# Options",
        "",
        "Every option is a flag of the command, `--steps=60`, and a keyword of "
        "the function, `steps=60`. A keyword that ends in an underscore has a "
        "flag without it: `from_` is `--from`. The options are defined in "
        "`layerlock/config/`.",
        "",
    ]
    for name in commands.NAMES:
        job = commands.find(name)
        lines += [f"## {name}", "", summary(job), ""]
        for section in job.config_class.sections().values():
            lines += _table(section)
    return "\n".join(lines).rstrip() + "\n"


def _table(section):
    rows = [
        f"### {section.title}",
        "",
        "| option | values | default | |",
        "|---|---|---|---|",
    ]
    for option in section.options().values():
        details = [option.help]
        if option.range_text:
            details.append(f"Range: {option.range_text}.")
        if option.may_change:
            details.append("A resumed run may change it.")
        kind = option.name.removesuffix("_args")
        if option.kind is dict and kind in facts.PLUGINS:
            details += [
                f"{name}: `{plugins.describe_arguments(plugin)}`."
                for name, plugin in facts.plugin_classes(kind).items()
            ]
        cells = (
            f"`{option.name}`",
            _type(option).replace("|", ", "),
            option.default_text,
            " ".join(details),
        )
        row = " | ".join(cell.replace("|", "\\|") for cell in cells)
        rows.append(f"| {row} |")
    return [*rows, ""]
