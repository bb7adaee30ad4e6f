"""What `--help` says is what there is."""

from absl import flags


def test_help_names_the_arguments_of_every_plugin(common):
    values = flags.FlagValues()
    common.options.define_arguments(
        values,
        "shape",
        {"disc": Disc, "square": Square},
        example="radius=2",
    )

    said = values["shape_args"].help

    assert said == (
        "name=value,... for the shape, such as radius=2. Arguments of "
        "disc: radius=1.0; square: no arguments."
    )


class Disc:
    def __init__(self, radius=1.0):
        self.radius = radius


class Square:
    pass
