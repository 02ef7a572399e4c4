"""The picture: a panel for each tree and latency, a line for each kind of sync, a dot for each tool."""

from pathlib import Path

import matplotlib as mpl
from benchmarks.sync.goals import MANY, NAMES, rows, verdict
from benchmarks.sync.page import cells
from benchmarks.sync.results import Results, Row
from benchmarks.sync.scenarios import Cell, scenarios
from benchmarks.sync.trees import SHAPES, Shape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

COLOURS = {
    "ours": "#0f6cbd",
    "warm": "#62abf5",
    "azcopy": "#d83b01",
    "rclone": "#8764b8",
    MANY: "#b4a0d8",
    "sdk": "#498205",
    "ceiling": "#b0b0b0",
}
MARKS = {"ours": "o", "warm": "o", "azcopy": "s", "rclone": "D", MANY: "d", "sdk": "^", "ceiling": "|"}
GREY = "#616161"


def draw(results: Results, path: Path) -> None:
    """Draw everything that was measured."""
    mpl.rcParams.update({"svg.hashsalt": "sync", "font.family": "DejaVu Sans", "font.size": 9})
    measured = cells(results)
    latencies = sorted({latency for _, latency in measured})
    shapes = [shape for shape in SHAPES.values() if any(shape == one for one, _ in measured)]
    figure = Figure(figsize=(4.2 * len(latencies) + 1.4, 2.2 * len(shapes) + 1.6), facecolor="white")
    panels = figure.subplots(len(shapes), len(latencies), squeeze=False, sharex="row", sharey="row")
    for line, shape in enumerate(shapes):
        for column, latency in enumerate(latencies):
            _panel(panels[line][column], results, shape, latency)
            if line == 0:
                panels[line][column].set_title(f"{latency} ms a request", fontsize=10, pad=10)
        panels[line][0].set_ylabel(shape.words.replace(" in ", "\nin "), fontsize=10, labelpad=10)
    _surround(figure, results)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)


def _panel(axes: Axes, results: Results, shape: Shape, latency: int) -> None:
    steps = scenarios(shape)
    if (shape, latency) not in cells(results):
        axes.set_visible(False)
        return
    for height, scenario in enumerate(reversed(steps)):
        axes.axhline(height, color="#f0f0f0", linewidth=13, zorder=0)
        for row in rows(results, Cell(shape, latency, scenario), reversed(NAMES)):
            _dot(axes, row, height)
        found = verdict(results, Cell(shape, latency, scenario), "ours")
        if found is not None:
            axes.annotate(
                f"{found.ratio:.1f}×", (1.02, height), xycoords=("axes fraction", "data"), va="center",
                color=COLOURS["ours"], fontweight="bold", annotation_clip=False,
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(-0.6, len(steps) - 0.4)
    axes.set_yticks(range(len(steps)), [scenario.name for scenario in reversed(steps)])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} s")
    axes.grid(axis="x", color="#e0e0e0", linewidth=0.6)
    axes.tick_params(which="both", length=0, colors=GREY)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def _dot(axes: Axes, row: Row, height: float) -> None:
    colour, is_line = COLOURS[row.arm], row.arm == "ceiling"
    edge, size = (colour, 12) if is_line else ("white", 7)
    axes.plot([row.fastest, row.slowest], [height, height], color=colour, linewidth=1.6, alpha=0.55)
    axes.plot(row.seconds, height, MARKS[row.arm], color=colour, markersize=size, markeredgecolor=edge)


def _surround(figure: Figure, results: Results) -> None:
    """Set the title above and the legend below; distances in inches, whatever the number of panels."""
    height = float(figure.get_figheight())
    arms = [arm for arm in NAMES if any(sample.arm == arm for sample in results.samples)]
    handles = [
        Line2D([], [], color=COLOURS[arm], marker=MARKS[arm], linestyle="", markersize=8, label=NAMES[arm])
        for arm in arms
    ]
    title = "Seconds to bring a folder to an Azure Files share (further left is faster)"
    figure.text(0.02, 1 - 0.25 / height, title, fontsize=12, va="center")
    note = (
        "Bold: aitk-inference sync against the fastest of AzCopy, rclone (32 at once) and the SDK. "
        "Mark: median; line: min to max."
    )
    figure.text(0.02, 0.15 / height, note, color=GREY, va="center")
    figure.legend(
        handles=handles, loc="center left", ncols=len(arms), frameon=False,
        bbox_to_anchor=(0.01, 0.42 / height), handletextpad=0.2, columnspacing=1.6,
    )  # fmt: skip
    figure.tight_layout(rect=(0, 0.55 / height, 1, 1 - 0.4 / height), w_pad=2.5)
