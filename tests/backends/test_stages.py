import weakref

import keras

from layerlock.backends import stages


class Program:
    """What a compiler returns."""

    def __init__(self, name):
        self.name = name

    def __call__(self, *arguments):
        return self.name, arguments


def test_a_program_lasts_until_it_is_forgotten():
    model = keras.Sequential([keras.layers.Dense(1)])
    names = iter("abc")
    function = stages.StageFunction(model, lambda: Program(next(names)))

    found = [function(1, 2), function(3)]
    stages.reset(model)
    found += [function(4), function()]

    assert found == [("a", (1, 2)), ("a", (3,)), ("b", (4,)), ("b", ())]


def test_functions_of_inner_models_are_forgotten_too():
    inner = keras.Sequential([keras.layers.Dense(1)])
    outer = keras.Sequential([keras.Sequential([inner])])
    names = iter("ab")
    function = stages.StageFunction(inner, lambda: Program(next(names)))
    assert function()[0] == "a"

    stages.reset(outer)

    assert function()[0] == "b"


def test_a_program_is_free_before_the_next_one_is_wanted():
    model = keras.Sequential([keras.layers.Dense(1)])
    programs = [Program("b"), Program("a")]
    left = weakref.ref(programs[-1])
    function = stages.StageFunction(model, programs.pop)
    assert function()[0] == "a"

    stages.reset(model)

    assert left() is None
    assert function()[0] == "b"


def test_a_model_does_not_keep_its_functions():
    model = keras.Sequential([keras.layers.Dense(1)])
    function = weakref.ref(stages.StageFunction(model, lambda: Program("a")))

    assert function() is None
    stages.reset(model)
