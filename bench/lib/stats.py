# SPDX-License-Identifier: Apache-2.0
"""What is measured, in turns, and what is said of it."""

import statistics
from dataclasses import dataclass


@dataclass
class Figure:
    """The median of what several rounds gave, and how far they lie apart."""

    values: list

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def low(self):
        return self._quarter(0.25)

    @property
    def high(self):
        return self._quarter(0.75)

    def _quarter(self, part):
        """Of the middle half: one round in which the machine was elsewhere is no spread."""
        ordered = sorted(self.values)
        return ordered[round((len(ordered) - 1) * part)]


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def interleave(variants, rounds, measure):
    """{variant: [value of each round]}: all of them in each round, which begins with another one each time.

    A machine that becomes slower meanwhile does so for all.
    """
    found = {variant: [] for variant in variants}
    for number in range(rounds):
        for at in range(len(variants)):
            variant = variants[(at + number) % len(variants)]
            found[variant].append(measure(variant))
    return found


def ratios(found, variant, base):
    """Round by round, so that what slows down a whole round does not count."""
    return Figure([a / b for a, b in zip(found[variant], found[base])])
