"""Shapes differ in their outline alone, not in their size or colours."""

import numpy as np
import pytest

from layerlock.data import outlines

CLASSES = range(len(outlines.CLASS_NAMES))
AXIS = np.linspace(-1, 1, 801)
U, V = np.meshgrid(AXIS, AXIS)
STEP = AXIS[1] - AXIS[0]


@pytest.mark.parametrize("shape_class", CLASSES)
def test_all_outlines_have_one_area_and_a_common_centre(shape_class):
    radius = 0.5
    inside = outlines.inside(shape_class, U, V, radius) > 0

    assert inside.sum() * STEP**2 == pytest.approx(np.pi * radius**2, rel=0.01)
    assert U[inside].mean() == pytest.approx(0, abs=0.01)
    assert V[inside].mean() == pytest.approx(0, abs=0.01)
    assert np.hypot(U[inside], V[inside]).max() <= outlines.REACH * radius


def test_outlines_differ():
    drawn = [outlines.inside(c, U, V, 0.5) > 0 for c in CLASSES[::2]]
    for number, one in enumerate(drawn):
        for other in drawn[:number]:
            assert (one != other).mean() > 0.01


def test_textures_differ_in_the_axis_of_one_wave():
    striped, checked = (
        outlines.texture_waves(c, U, V, (4.0, 5.0), (0.3, 0.7)) for c in (0, 1)
    )
    assert np.array_equal(striped[0], checked[0])
    assert np.allclose(striped[1], checked[1].T)
    for wave in (*striped, *checked):
        assert wave.min() == pytest.approx(-1, abs=0.01)
        assert wave.max() == pytest.approx(1, abs=0.01)
