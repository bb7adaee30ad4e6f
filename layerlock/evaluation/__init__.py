"""Tasks, probes and scores for the features of frozen encoders."""

from layerlock import plugins
from layerlock.evaluation.finetuning import finetune as finetune
from layerlock.evaluation.probing import (
    Result as Result,
    check as check,
    probe as probe,
)
from layerlock.evaluation.task import Examples as Examples, Task as Task


def get(spec, **arguments) -> Task:
    """Returns a task from an instance or a name such as `"scenes_motion"`.

    Args:
        spec: a `Task`, or the name of one.
        **arguments: of its constructor, such as `frames`, `size` and `seed`.
    """
    if isinstance(spec, Task):
        return spec
    task = plugins.find(f"{__name__}.tasks", spec, Task)
    accepted = plugins.argument_names(task)
    for name in arguments:
        if name not in accepted:
            raise ValueError(
                f"Task {spec!r} has no argument {name!r}. "
                f"Expected some of {accepted}."
            )
    return task(**arguments)
