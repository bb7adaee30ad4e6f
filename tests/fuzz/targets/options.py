"""Flags, keywords and the arguments of plug-ins."""

from absl import flags as absl_flags

from layerlock import commands, plugins
from layerlock.cli import flags
from layerlock.config import facts
from tests.fuzz import hostile
from tests.fuzz.targets.target import Target

BUILT = ("schedule", "mask", "objective", "readout")


class Flags(Target):
    """Command lines of every job, down to the plan of a pre-training run."""

    name = "flags"
    refusals = (absl_flags.Error,)

    def draw(self, random):
        job = commands.find(random.choice(commands.NAMES))
        options = job.config_class.options()
        arguments = [
            argument(random, options)
            for _ in range(random.choice((1, 1, 1, 2, 3, 5)))
        ]

        def attack():
            config = flags.parse(job.config_class, arguments).resolve()
            again = flags.parse(job.config_class, config.arguments())
            if again.given != config.given:
                raise AssertionError("the flags do not repeat themselves")
            if job.name == "pretrain":
                job.plan(config.but(plan=True))

        return attack


def argument(random, options) -> str:
    """A flag, valid or not."""
    name = random.choice(list(options))
    kind = random.randrange(10)
    if kind == 0:
        return hostile.text(random)
    if kind == 1:
        return f"--{hostile.text(random)}={hostile.text(random)}"
    if kind == 2:
        return f"--{random.choice(('no', ''))}{name}"
    return f"--{name}={value(random, options[name])}"


def value(random, option) -> str:
    kind = random.randrange(5)
    if kind < 2:
        return hostile.text(random)
    if option.choices is not None and kind == 2:
        return random.choice(list(option.choices()))
    if option.kind is dict:
        return plugin_arguments(random, ["seed", "ratio", "events", "steps"])
    return hostile.written(hostile.number(random))


def plugin_arguments(random, names) -> str:
    """A text `name=value,...`."""
    items = []
    for _ in range(random.randint(1, 3)):
        name = random.choice([*names * 3, hostile.text(random)])
        kind = random.choice((0, 1, 1, 1, 2, 2, 3))
        if kind == 0:
            given = hostile.text(random)
        elif kind == 1:
            given = hostile.written(hostile.number(random))
        elif kind == 2:
            pair = [random.choice((*hostile.TAME, -1, 2**40)) for _ in "ab"]
            given = random.choice((str(pair), str([pair]), f"(({pair}),)"))
        else:
            given = random.choice(("None", "True", "{}", "[]", "()", "b'a'"))
        items.append(f"{name}={given}")
    return ",".join(items)


class Keywords(Target):
    """Options by keyword, with values of any type."""

    name = "keywords"

    def draw(self, random):
        job = commands.find(random.choice(commands.NAMES))
        names = list(job.config_class.options())
        options = {
            random.choice(names): keyword(random)
            for _ in range(random.choice((1, 1, 2, 4)))
        }

        def attack():
            config = job.config_class.of(**options).resolve()
            config.arguments()
            config.recorded  # noqa: B018

        return attack


def keyword(random):
    kind = random.randrange(6)
    if kind == 0:
        return random.choice(
            (b"a", object(), int, 1j, {1, 2}, range(3), ValueError, ...)
        )
    if kind == 1:
        return tuple(hostile.value(random, 1) for _ in range(3))
    return hostile.value(random)


class Plugins(Target):
    """Arguments of plug-ins as text, and the plug-ins built from them."""

    name = "plug-in arguments"
    share = 2.0

    def draw(self, random):
        kind = random.choice(BUILT)
        classes = facts.plugin_classes(kind)
        plugin = classes[random.choice(list(classes))]
        names = plugins.argument_names(plugin) or ["a"]
        if random.random() < 0.1:
            text = hostile.text(random)
        else:
            text = plugin_arguments(random, names)

        def attack():
            arguments = plugins.parse_arguments(text, plugin)
            built = plugin(**arguments)
            if kind == "schedule":
                built.next_event(0)
                built.frozen_layers(1000)
            if kind == "mask":
                built.counts((4, 4, 4))

        return attack
