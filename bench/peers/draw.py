"""Draws what run.py measured: a row a peer, a dot a size, on a logarithmic scale."""
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator  # noqa: E402

# From light to dark, so that they differ in grey and for the colour-blind too; shapes as well.
SHADES = ["#9ecae1", "#4f9bd0", "#1f6cb0", "#08306b"]
WAFER_SHADES = ["#fdbe85", "#f4913e", "#d95f0e", "#8c3a04"]
SHAPES = ["o", "s", "D", "^"]
TITLES = {"seal": "Seal: from variables to cookie", "open": "Open: from cookie to variables"}


def duration(ns, _position=None):
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:g} {unit}"
    return f"{ns:g} ns"


def times(ratio):
    return f"{ratio:.0f}" if ratio >= 9.95 else f"{ratio:.1f}" if ratio >= 0.95 else f"{ratio:.2f}"


def draw_panel(axes, rows, operation, peers, sizes):
    found = {(row["peer"], row["size"]): row for row in rows if row["operation"] == operation}
    for place, peer in enumerate(peers):
        values = [found[peer, size]["ns"] for size in sizes]
        shades = WAFER_SHADES if peer == "Wafer" else SHADES
        axes.plot(values, [place] * len(sizes), color="#c8c8c8", linewidth=2, zorder=1)
        for value, shade, shape in zip(values, shades, SHAPES):
            axes.scatter(value, place, color=shade, marker=shape, s=52, zorder=2)
        if peer != "Wafer":
            ratios = [found[peer, size]["ratio"] for size in sizes]
            text = f"{times(min(ratios))} to {times(max(ratios))} ×"
            axes.annotate(text, (max(values), place), xytext=(9, 0), textcoords="offset points",
                          va="center", fontsize=8.5, color="#555555")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(10, (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(duration))
    axes.xaxis.set_minor_formatter("")
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(TITLES[operation], loc="left", fontsize=11)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def draw(rows, path):
    """Writes path.svg and path.png."""
    sizes = sorted({row["size"] for row in rows})
    order = {row["peer"]: row["ns"] for row in rows
             if row["operation"] == "open" and row["size"] == sizes[1]}
    peers = sorted(order, key=order.get, reverse=True)
    drawn = [row["ns"] for row in rows if row["operation"] in TITLES]
    height = 1.9 + 0.45 * len(peers)
    figure, panels = plt.subplots(1, 2, sharex=True, sharey=True, figsize=(12, height))
    for axes, operation in zip(panels, TITLES):
        draw_panel(axes, rows, operation, peers, sizes)
    panels[0].set_xlim(min(drawn) / 1.4, max(drawn) * 4)
    panels[0].set_yticks(range(len(peers)), peers, fontsize=10)
    panels[0].get_yticklabels()[peers.index("Wafer")].set_fontweight("bold")
    panels[0].set_ylim(-0.6, len(peers) - 0.4)
    for shade, shape, size in zip(SHADES, SHAPES, sizes):
        panels[0].scatter([], [], color=shade, marker=shape, s=52, label=f"{size} bytes")
    figure.legend(loc="lower center", ncol=len(sizes), frameon=False, fontsize=10)
    figure.suptitle("What a session in a cookie costs with Wafer and with what else there is",
                    x=0.012, y=1 - 0.15 / height, ha="left", va="top", fontsize=13,
                    fontweight="bold")
    figure.text(0.012, 1 - 0.48 / height,
                "CPU time on one processor, all in one run; less is better. A mark for each size of"
                " the variables; ×: beside Wafer's at the same size, least to most.",
                va="top", fontsize=9.5, color="#333333")
    figure.tight_layout(rect=(0, 0.3 / height, 1, 1 - 0.4 / height))
    figure.savefig(path + ".svg")
    figure.savefig(path + ".png", dpi=130)
