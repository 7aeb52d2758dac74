"""What the detector is shown, and what it is to answer."""

import numpy as np
import torch

from camera import as_camera
from classes import STRIDE, UNIT_PX
from pictures import NOTHING, OTHER, Shown, Vessel, cut, shares

# Sides of a square, pixels: the robot shows whole pictures, and what the network takes into account at a place is as wide.
SIDE = 192
# The share of squares that are about a vessel. A robot's picture is mostly background, and what is never seen as such is found in it.
ABOUT_A_VESSEL = 0.6
# Heights that the vessel a square is about is shown at, pixels: the robot shows all of a picture, once as 320 and once as 640 pixels.
TALL = (15.0, 170.0)
# Squares of a room, as the robot has it.
SCALES = (0.45, 1.6)
# The share of squares that are put together of close-ups, where there are some, and how many along and down.
CLOSE_UPS, ALONG, DOWN = 0.25, 3, 2
# Of a vessel that the square's edge cuts off, the share that it still is one of. Of less it may or may not be told, and of less than the last it is not one.
IS_ONE, IS_NONE = 0.35, 0.12
# Of vessels narrower than this nothing is asked, pixels.
LEAST_PX = 5


class Squares:
    """What the detector is shown."""

    def __init__(self, shown):
        self.pictures = [picture for picture in shown if not picture.is_close_up]
        self.close_ups = [picture for picture in shown if picture.is_close_up]

    def batch(self, random, count, as_robot=False):
        """What a robot could see alone, or close-ups put together, too."""
        samples = [square(self.any(random, 0.0 if as_robot else CLOSE_UPS), random) for _ in range(count)]
        return [torch.from_numpy(np.stack(column)) for column in zip(*samples)]

    def any(self, random, close_ups):
        if self.close_ups and (not self.pictures or random.random() < close_ups):
            return together([self.close_ups[random.integers(len(self.close_ups))] for _ in range(ALONG * DOWN)])
        return self.pictures[random.integers(len(self.pictures))]


def together(tiles):
    """Close-ups side by side as one picture; each hides what would lie beyond its edge."""
    high, wide = (max(tile.owner.shape[axis] for tile in tiles) for axis in (0, 1))
    pixels = np.zeros((DOWN * high, ALONG * wide, 3), np.uint8)
    owner = np.full(pixels.shape[:2], NOTHING, np.uint8)
    parts = np.zeros(pixels.shape[:2], np.uint8)
    vessels = []
    for index, tile in enumerate(tiles):
        rows, columns = tile.owner.shape
        x, y = index % ALONG * wide, index // ALONG * high
        at = np.s_[y:y + rows, x:x + columns]
        pixels[at], parts[at] = tile.pixels, tile.parts
        owner[at] = np.where(tile.owner < OTHER, tile.owner + len(vessels), tile.owner)
        for one in tile.vessels:
            box = (one.box[0] + x, one.box[1] + y, one.box[2] + x, one.box[3] + y)
            vessels.append(Vessel(box, one.type, one.phases, one.fill, one.visible, one.area))
    return Shown(pixels, owner, parts, vessels, pixels)


def place(shown, random):
    """Where a square lies (left, top) and its scale. It lies within the picture where that is large enough: its edge is the picture's, as for a robot."""
    height, width = shown.owner.shape
    pick = shown.vessels[random.integers(len(shown.vessels))] if shown.vessels and random.random() < ABOUT_A_VESSEL else None
    if pick is not None:
        tall = max(pick.box[3] - pick.box[1], 0.7 * (pick.box[2] - pick.box[0]))
        scale = np.clip(np.exp(random.uniform(*np.log(TALL))) / tall, SCALES[0], 2.5)
        middle = [(pick.box[i] + pick.box[i + 2]) / 2 + random.uniform(-0.35, 0.35) * SIDE / scale for i in (0, 1)]
    else:
        scale = np.exp(random.uniform(*np.log(SCALES)))
        middle = [random.uniform(0, width), random.uniform(0, height)]
    side = SIDE / scale
    return [at - side / 2 if side > limit else min(max(at - side / 2, 0.0), limit - side)
            for at, limit in zip(middle, (width, height))], scale


def square(shown, random):
    """A square of a picture, and what is to be answered: middles, where that is asked, boxes, types, where those are asked, parts."""
    (x0, y0), scale = place(shown, random)
    flip = random.random() < 0.5
    pixels, owner, parts = cut(shown, (x0, y0, x0 + SIDE / scale, y0 + SIDE / scale), (SIDE, SIDE), flip, shown.smooth if random.random() < 0.4 else shown.pixels)
    cells = SIDE // STRIDE
    heat = np.zeros((cells, cells), np.float32)
    boxes = np.zeros((4, cells, cells), np.float32)
    types = np.full((cells, cells), -1, np.int64)
    weight = np.zeros((cells, cells), np.float32)
    # Where something may or may not be told: what is hidden or too small.
    asked = np.ones((cells, cells), np.float32)
    grid = (np.arange(cells, dtype=np.float32) + 0.5) * STRIDE
    there = np.bincount(owner.ravel(), minlength=256) / scale ** 2
    for index in sorted(range(len(shown.vessels)), key=lambda index: -shown.vessels[index].area):
        vessel, seen = shown.vessels[index], there[index]
        share = min(seen / vessel.area, 1.0) * vessel.visible
        if seen == 0 or share < IS_NONE:
            continue
        left, top, right, bottom = [(vessel.box[i] - (x0, y0)[i % 2]) * scale for i in range(4)]
        if flip:
            left, right = SIDE - right, SIDE - left
        left, top, right, bottom = max(left, 0.0), max(top, 0.0), min(right, SIDE), min(bottom, SIDE)
        w, h = right - left, bottom - top
        if min(w, h) < LEAST_PX or share < IS_ONE:
            asked[int(top / STRIDE):int(bottom / STRIDE) + 1, int(left / STRIDE):int(right / STRIDE) + 1] = 0.0
            continue
        cx, cy = (left + right) / 2, (top + bottom) / 2
        # A peak as wide as a sixth of the vessel.
        sx, sy = max(w / 6, STRIDE * 0.6), max(h / 6, STRIDE * 0.6)
        peak = np.exp(-((grid - cx) ** 2) / (2 * sx * sx))[None, :] * np.exp(-((grid - cy) ** 2) / (2 * sy * sy))[:, None]
        peak[min(int(cy / STRIDE), cells - 1), min(int(cx / STRIDE), cells - 1)] = 1.0
        np.maximum(heat, peak, out=heat)
        core = peak > 0.5
        boxes[:, core] = np.stack(np.broadcast_arrays(
            (grid - left)[None, :], (grid - top)[:, None], (right - grid)[None, :], (bottom - grid)[:, None]))[:, core] / UNIT_PX
        types[core] = vessel.type
        weight[core] = 1.0
    asked[shares(owner == OTHER, STRIDE) > 0.3] = 0.0
    asked[heat > 0.99] = 1.0
    masks = np.stack([shares(mask, STRIDE) for mask in (owner != NOTHING, parts & 1, parts >> 1 & 1)])
    return as_camera(pixels, random), heat, asked, boxes, types, weight, masks
