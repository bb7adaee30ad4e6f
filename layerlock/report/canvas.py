"""Draws with matplotlib into inline SVG in the colours of the page."""

import contextlib
import html
import io
import re
import warnings

import numpy as np

from layerlock.runs import wording

# Each role is drawn in a colour that stands for a variable of the style
# sheet, so that one drawing serves the light and the dark page.
ROLES = {
    "ink": "#010101",
    "muted": "#020202",
    "grid": "#030303",
    "event": "#040404",
    "ice": "#050505",
    "frost": "#060606",
    "ember": "#070707",
    "alarm": "#080808",
    "surface": "#090909",
}
MAX_POINTS = 1200  # of a curve; a screen resolves no more

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "layerlock",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": ROLES["ink"],
    "text.parse_math": False,
    "axes.edgecolor": ROLES["grid"],
    "axes.labelcolor": ROLES["muted"],
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.labelsize": 9,
    "axes.unicode_minus": True,
    "grid.color": ROLES["grid"],
    "grid.linewidth": 0.8,
    "xtick.color": ROLES["grid"],
    "xtick.labelcolor": ROLES["muted"],
    "ytick.color": ROLES["grid"],
    "ytick.labelcolor": ROLES["muted"],
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}
SMALL = (5.0, 2.5)  # inches; half of the page
WIDE = (10.2, 3.2)  # the whole width
LOW = (10.2, 2.0)


class Canvas:
    """One drawing; `svg` holds the result after the `with` block of `draw`."""

    def __init__(self, figure, axes):
        self.figure = figure
        self.axes = axes
        self.svg = ""


@contextlib.contextmanager
def draw(name: str, title: str, size=SMALL):
    """Opens a canvas, and turns its drawing into SVG.

    Args:
        name: unique in the page; the prefix of the drawing's ids.
        title: for screen readers.
        size: width and height in inches.
    """
    matplotlib = require_matplotlib()
    # Starts from the defaults: colours of a user's own style would not follow
    # the page.
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = matplotlib.figure.Figure(figsize=size, layout="constrained")
        canvas = Canvas(figure, figure.add_subplot())
        yield canvas
        canvas.svg = _svg(figure, name, title)


def require_matplotlib():
    """matplotlib, or an error that says how to install it."""
    try:
        import matplotlib
        import matplotlib.figure
        import matplotlib.ticker
    except ImportError as error:
        raise ImportError(
            "The report draws with matplotlib, which is not installed. "
            'To install it: pip install "layerlock[report]"'
        ) from error
    return matplotlib


def step_axis(axes, steps, events=()):
    """Shows optimizer steps below, and freeze events as grey lines."""
    matplotlib = require_matplotlib()
    axes.set_xlim(*step_limits(steps))
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: short(value))
    event_lines(axes, [event.step for event in events])


def event_lines(axes, steps):
    """Grey lines where layers froze."""
    for step in steps:
        axes.axvline(step, color=ROLES["event"], linewidth=0.8, zorder=1)


def step_limits(steps) -> tuple[float, float]:
    """The ends of an axis over `steps`: all of the run so far."""
    return 0.0, max(float(steps[-1]), 1.0)


def unit_axis(axes, values, unit: str):
    """Labels the y axis with one prefix for all its numbers."""
    finite = np.abs(values[np.isfinite(values)])
    power = wording.prefix_power(finite.max()) if len(finite) else 0
    axes.yaxis.set_major_formatter(
        lambda value, _: f"{value / 1000**power:.4g}"
    )
    axes.set_ylabel(wording.PREFIXES[power] + unit)


def log_axis(axes):
    """Makes the y axis logarithmic, with plain numbers at its powers of 10."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if np.diff(np.log10(axes.get_ylim())) >= 1:
        axes.yaxis.set_minor_formatter("")
    else:
        axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}")


def curve(axes, steps, values, role: str = "ice", **style):
    """Draws a line, or a dot if there is only one point."""
    steps, values = thin(steps, values)
    if np.isfinite(values).sum() == 1:
        style |= {"marker": "o", "markersize": 5, "clip_on": False}
    axes.plot(steps, values, color=ROLES[role], **style)


def band(axes, bands: dict, name: str, first=0, last=np.inf):
    """Shades the range of runs with other seeds, if it is known.

    Args:
        axes: of the drawing.
        bands: dict from a key to its `reference.Band`.
        name: the key that is drawn.
        first: step after which the range is drawn. Defaults to `0`.
        last: step up to which it is drawn. Defaults to the end.
    """
    if name not in bands:
        return
    left, right = axes.get_xlim()
    found = bands[name]
    drawn = (found.steps > first) & (found.steps <= last)
    axes.fill_between(
        found.steps[drawn],
        found.low[drawn],
        found.high[drawn],
        color=ROLES["event"],
        alpha=0.8,
        linewidth=0,
        zorder=0.5,
    )
    axes.set_xlim(left, right)  # a run that goes on is not yet so far


def stairs(axes, steps, values, role: str = "ice"):
    """Draws a staircase: each value holds since the previous step."""
    steps, values = from_the_start(steps, values)
    steps, values = thin(steps, values)
    axes.plot(steps, values, color=ROLES[role], drawstyle="steps-pre")


def from_the_start(steps, values):
    """Adds step 0, with the first value."""
    return np.append(0, steps), np.append(values[:1], values)


def rectangle(left, top, width, height, role="ice", alpha=1.0):
    """A filled rectangle in the colour of a role."""
    from matplotlib.patches import Rectangle

    return Rectangle(
        (left, top),
        width,
        height,
        facecolor=ROLES[role],
        edgecolor="none",
        alpha=float(alpha),
    )


def thin(steps, values):
    """At most `MAX_POINTS` points, keeping the peaks in both directions."""
    if len(steps) <= MAX_POINTS:
        return steps, values
    indices = []
    for group in np.array_split(np.arange(len(steps)), MAX_POINTS // 2):
        part = values[group]
        if np.isnan(part).all():
            indices.append(group[:1])
        else:
            ends = [np.nanargmin(part), np.nanargmax(part)]
            indices.append(group[np.unique(ends)])
    indices = np.concatenate(indices)
    return steps[indices], values[indices]


def short(value: float) -> str:
    """A tick such as `20k`."""
    power = wording.prefix_power(value)
    return f"{value / 1000**power:.4g}{wording.PREFIXES[power]}"


def _svg(figure, name: str, title: str) -> str:
    content = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with warnings.catch_warnings():
        # Of matplotlib's font, whereas the browser has others.
        warnings.filterwarnings("ignore", r"Glyph .* missing from")
        figure.savefig(content, format="svg", metadata=nothing)
    svg = content.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    size = re.search(r'viewBox="([^"]*)"', svg).group(1)
    # Only tags change: matplotlib has escaped the texts between them.
    svg = re.sub(r"<[^>]*>", lambda tag: _tag(tag.group(), name), svg)
    opening = (
        f'<svg viewBox="{size}" role="img" aria-label="{html.escape(title)}">'
    )
    return opening + svg[svg.index(">") + 1 :]


def _tag(tag: str, name: str) -> str:
    """A tag of matplotlib's SVG as it must be inside of an HTML page."""
    # HTML knows the name spaces, and ids must be unique in the page.
    tag = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", tag)
    tag = tag.replace("xlink:href", "href")
    prefix = html.escape(name) + "-"
    for opening in (' id="', ' href="#', "url(#"):
        tag = tag.replace(opening, opening + prefix)
    tag = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", tag)
    for role, colour in ROLES.items():
        tag = tag.replace(colour, f"var(--{role})")
    return tag
