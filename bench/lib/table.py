# SPDX-License-Identifier: Apache-2.0
"""Tables as docs/performance.md has them."""

from dataclasses import dataclass, field

from bench.lib.stats import Figure, ratios


@dataclass
class Table:
    title: str
    columns: list
    rows: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def markdown(self):
        """All but the first column to the right; wide enough to be read as it is."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]

        def text(line):
            cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
            return "| " + " | ".join(cells) + " |"

        rule = "|" + "-" * (widths[0] + 2) + "|" + "".join("-" * (width + 1) + ":|" for width in widths[1:])
        out = [f"### {self.title}", "", text(self.columns), rule, *map(text, self.rows)]
        if self.notes:
            out += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(out) + "\n"


def nanoseconds(value):
    return f"{value:.0f} ns" if value < 10_000 else f"{value / 1000:.1f} µs" if value < 10_000_000 else f"{value / 1e6:.1f} ms"


def percent(ratio):
    """1.02: "+2.0 %"."""
    return f"{(ratio - 1) * 100:+.1f} %"


def compared(title, values, goal):
    """{variant: [nanoseconds of each round]}, "bare" among them: what docksnoop's may cost is a ratio to that."""
    table = Table(title, ["beside it", "time", "against bare", "middle half", f"goal: {percent(goal)}"])
    for variant, rounds in values.items():
        time = nanoseconds(Figure(rounds).median)
        if variant == "bare":
            table.add(variant, time, "", "", "")
            continue
        ratio = ratios(values, variant, "bare")
        judged = verdict(ratio.median <= goal) if variant.startswith("docksnoop") else ""
        table.add(variant, time, percent(ratio.median), spread(ratio), judged)
    return table


def number(value):
    """12345.6: "12,346"."""
    return f"{value:,.0f}"


def share(ratio):
    """0.123: "12.3 %"."""
    return f"{ratio * 100:.1f} %"


def between(figure, unit):
    """The middle half of it, where it is compared with nothing."""
    return f"{unit(figure.low)} … {unit(figure.high)}"


def spread(figure):
    return f"{percent(figure.low)} … {percent(figure.high)}"


def verdict(met):
    return "met" if met else "missed"
