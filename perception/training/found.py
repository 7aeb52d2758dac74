"""Things out of the detector's maps, as perception/src/vessel/found.rs does: tests/tests/twins.rs holds both to the same answers."""

import numpy as np

from classes import PARTS, STRIDE

# Shares of overlap from which on two boxes are one thing; of a smaller box within a larger one, where both are of one kind.
SAME, WITHIN = 0.5, 0.8


def area(box):
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def both(a, b):
    return area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def overlap(a, b):
    either = area(a) + area(b) - both(a, b)
    return both(a, b) / either if either > 0 else 0.0


def peaks_of(middle, least):
    """Rows and columns where no neighbour is higher; of equals the first counts."""
    rows, columns = middle.shape
    wide = np.pad(middle, 1, constant_values=-np.inf)
    peak = middle >= least
    for y in range(3):
        for x in range(3):
            other = wide[y:y + rows, x:x + columns]
            if (y, x) < (1, 1):
                peak &= middle > other
            elif (y, x) > (1, 1):
                peak &= middle >= other
    return np.argwhere(peak)


def find(size, maps, least):
    """Box, score and shares of types of each thing in a picture (width, height), the surest first, from the maps at one or more scales."""
    peaks = []
    for told, scale in maps:
        for y, x in peaks_of(told[0].astype(np.float64), least):
            cx, cy = (x + 0.5) * STRIDE, (y + 0.5) * STRIDE
            left, top, right, bottom = told[1:5, y, x].astype(np.float64)
            box = np.array([cx - left, cy - top, cx + right, cy + bottom]) / scale
            box = np.clip(box, 0, [*size, *size])
            if area(box) >= 4:
                peaks.append((box, float(told[0, y, x]), told[5:-len(PARTS), y, x]))
    kept = []
    for peak in sorted(peaks, key=lambda peak: -peak[1]):
        same = lambda other: overlap(other[0], peak[0]) > SAME or (
            other[2].argmax() == peak[2].argmax() and both(other[0], peak[0]) > WITHIN * min(area(other[0]), area(peak[0])))
        if not any(same(other) for other in kept):
            kept.append(peak)
    return kept
