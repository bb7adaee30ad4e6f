import html
import re

import numpy as np
import pytest

from layerlock.report import canvas

pytest.importorskip("matplotlib")


def test_a_drawing_has_the_colours_of_the_page():
    with canvas.draw("one", "One") as drawing:
        drawing.axes.plot([0, 1], [0, 1], color=canvas.ROLES["ice"])

    assert "var(--ice)" in drawing.svg
    assert canvas.ROLES["ice"] not in drawing.svg


def test_a_drawing_names_no_address():
    with canvas.draw("one", "One") as drawing:
        drawing.axes.plot([0, 1], [0, 1])

    assert "http" not in drawing.svg


def test_two_drawings_share_no_id():
    ids = []
    for name in ("one", "two"):
        with canvas.draw(name, name) as drawing:
            drawing.axes.plot([0, 1], [0, 1])
        ids.append({part.split('"')[0] for part in drawing.svg.split(' id="')})

    assert not ids[0] & ids[1] - {"<svg viewBox="}


HOSTILE = '"><script>alert(1)</script> id="a" \\1 #010101 -->'


def texts(svg):
    return [
        html.unescape(text)
        for text in re.findall("<text[^>]*>([^<]*)</text>", svg)
    ]


def test_a_title_is_escaped():
    with canvas.draw("one", HOSTILE) as drawing:
        pass

    assert "<script" not in drawing.svg
    assert f'aria-label="{html.escape(HOSTILE)}"' in drawing.svg


def test_a_name_is_escaped():
    with canvas.draw('"><script>', "One") as drawing:
        drawing.axes.plot([0, 1], [0, 1])

    assert "<script" not in drawing.svg


def test_texts_are_escaped_and_otherwise_unchanged():
    with canvas.draw("one", "One") as drawing:
        drawing.axes.set_xticks([0.5], [HOSTILE])
        drawing.axes.text(0, 0, HOSTILE)
        drawing.axes.set_ylabel(HOSTILE)

    assert "<script" not in drawing.svg
    assert texts(drawing.svg).count(HOSTILE) == 3


def test_drawing_leaves_the_users_settings_alone():
    import matplotlib

    before = matplotlib.rcParams["axes.grid"]
    with matplotlib.rc_context({"lines.linewidth": 9}):
        with canvas.draw("one", "One"):
            pass
        assert matplotlib.rcParams["lines.linewidth"] == 9

    assert matplotlib.rcParams["axes.grid"] == before


def test_thinning_keeps_every_peak_that_can_be_seen():
    steps, values = np.arange(100_000), np.zeros(100_000)
    values[12_345], values[54_321] = 9, -9

    thin_steps, thin_values = canvas.thin(steps, values)

    assert len(thin_steps) <= canvas.MAX_POINTS
    assert thin_values.max() == 9
    assert thin_values.min() == -9
    assert (np.diff(thin_steps) > 0).all()


def test_thinning_survives_missing_values():
    steps, values = np.arange(5000), np.full(5000, np.nan)

    assert np.isnan(canvas.thin(steps, values)[1]).all()


@pytest.mark.parametrize("values", [[0.1, 30], [2, 5]])
def test_a_logarithmic_axis_has_plain_numbers(values):
    with canvas.draw("one", "One") as drawing:
        drawing.axes.plot([0, 1], values)
        canvas.log_axis(drawing.axes)

    assert "mathdefault" not in drawing.svg
