"""Names of the variables of a checkpoint in parts."""


def named_variables(model) -> dict:
    """The variables that a checkpoint has, by names that no process changes.

    Names of Keras have counters: those of a process's second model differ.

    Args:
        model: compiled.
    """
    left_out = {id(v) for v in getattr(model, "unsaved_variables", ())}
    variables = [v for v in model.variables if id(v) not in left_out]
    variables += model.optimizer.variables
    return {f"{n:05d}_{v.name}": v for n, v in enumerate(variables)}


def names_of(model, layer) -> list[str]:
    """The names of the variables of a layer among those of its model.

    Args:
        model: compiled.
        layer: one of the model.
    """
    names = {id(v): name for name, v in named_variables(model).items()}
    return [names[id(variable)] for variable in layer.variables]
