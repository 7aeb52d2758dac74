"""What the reader is shown, and what it is to answer."""

import numpy as np
import torch
from PIL import Image, ImageFilter

from camera import as_camera, median
from classes import CROP_HEIGHT, CROP_MARGIN, CROP_WIDTH, PARTS, PHASES
from pictures import cut, shares

# Height from which on vessels are read, pixels, as the robot does.
READ_PX = 24
# Crops are kept with room for other cuts: larger by this, at this many times the reader's size.
ROOM, KEPT = 1.35, 2
# Of what is hidden more than this, or shows less contrast (standard deviation of its 8-bit values), nobody can read the content.
CLEAR_SHARE, LEAST_CONTRAST = 0.45, 6.0
# Of what is cut off by the picture's edge this near, nobody can say how high it is filled, pixels.
AT_EDGE_PX = 1.5
# The share of a batch that is cut out of whole pictures, which is what a robot has.
PICTURES = 0.35
# The share of crops of which all but the vessel is something else.
ELSEWHERE = 0.25


class Crop:
    """A vessel with its surroundings: pixels, and for each one whether it is the vessel, its cap, its content (bits 0 to 2)."""

    def __init__(self, pixels, parts, vessel, at_edge, from_picture):
        self.pixels, self.parts, self.vessel, self.from_picture = pixels, parts, vessel, from_picture
        # What holds nothing, a residue or a solid piece alone, has no level.
        self.fill = None if at_edge else vessel.fill or None


class Crops:
    """What the reader is shown: rare contents more often than they stand there."""

    def __init__(self, shown):
        self.crops = crops(shown)
        often = {}
        for crop in self.crops:
            for phase in crop.vessel.phases:
                often[phase] = often.get(phase, 0) + 1
        picked = np.array([min(often[phase] for phase in crop.vessel.phases) for crop in self.crops]) ** -0.5
        cut_out = np.array([crop.from_picture for crop in self.crops])
        if 0 < cut_out.sum() < len(cut_out):
            picked[cut_out] *= PICTURES / picked[cut_out].sum()
            picked[~cut_out] *= (1 - PICTURES) / picked[~cut_out].sum()
        self.shares = picked / picked.sum()

    def batch(self, random, count, as_robot=False):
        """What a robot could see alone, or vessels before something else, too."""
        picked = random.choice(len(self.crops), count, p=self.shares)
        samples = [reader_sample(self.crops[index], random, () if as_robot else self.crops) for index in picked]
        return [torch.from_numpy(np.stack(column)) for column in zip(*samples)]


def crop_box(box, grow=1.0):
    """The reader's crop of a vessel: its box with a margin, as high and wide as the reader's picture is."""
    x0, y0, x1, y1 = box
    w, h = x1 - x0, y1 - y0
    wide = (1 + 2 * CROP_MARGIN) * grow * max(w, h * CROP_WIDTH / CROP_HEIGHT)
    high = wide * CROP_HEIGHT / CROP_WIDTH
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    return cx - wide / 2, cy - high / 2, cx + wide / 2, cy + high / 2


def crops(shown):
    """Every vessel of known content that a robot would read, with room around it."""
    kept = []
    for picture in shown:
        height, width = picture.owner.shape
        for index, vessel in enumerate(picture.vessels):
            left, top, right, bottom = vessel.box
            if vessel.phases is None or bottom - top < READ_PX or vessel.visible < CLEAR_SHARE:
                continue
            pixels, owner, parts = cut(picture, crop_box(vessel.box, ROOM), (CROP_WIDTH * KEPT, CROP_HEIGHT * KEPT), False, picture.pixels)
            pixels, mine = np.asarray(pixels), owner == index
            # In the dark, or all white, there is nothing to be read.
            if pixels[mine].std() < LEAST_CONTRAST:
                continue
            at_edge = min(left, top, width - right, height - bottom) < AT_EDGE_PX
            parts = (mine * (1 + 2 * (parts & 1) + 2 * (parts & 2))).astype(np.uint8)
            kept.append(Crop(pixels, parts, vessel, at_edge, not picture.is_close_up))
    return kept


def elsewhere(crop, others, random):
    """The vessel before something else: flat, out of focus, or what another vessel stands before."""
    kind = random.random()
    if kind < 0.4:
        behind = np.asarray(Image.fromarray(crop.pixels).filter(ImageFilter.BoxBlur(int(random.integers(3, 12)))))
    elif kind < 0.7:
        behind = others[random.integers(len(others))].pixels
    else:
        top, bottom = random.uniform(0, 255, 2)
        shade = np.linspace(top, bottom, len(crop.pixels), dtype=np.float32)[:, None, None] * random.uniform(0.85, 1.0, 3).astype(np.float32)
        behind = np.broadcast_to(shade.astype(np.uint8), crop.pixels.shape)
    return np.where((crop.parts & 1 > 0)[:, :, None], crop.pixels, behind)


def reader_sample(crop, random, others=()):
    """A vessel as the reader sees it, and what is to be answered. Without a source of chance it is as a robot would see it."""
    width, height = CROP_WIDTH * KEPT, CROP_HEIGHT * KEPT
    x, y, grow, flip, pixels = 0.0, 0.0, 1.0, False, crop.pixels
    if random is not None:
        # Shifts are shares of the vessel with its margin, about those of a box that was found.
        x, y, grow = random.normal(0, 0.04), random.normal(0, 0.04), np.exp(random.normal(0, 0.1))
        flip = random.random() < 0.5
        if others and random.random() < ELSEWHERE:
            pixels = elsewhere(crop, others, random)
    grow = min(grow / ROOM, 1.0)
    x, y = [np.clip(v, -(1 - grow) / 2, (1 - grow) / 2) for v in (x / ROOM, y / ROOM)]
    left, top = (0.5 + x - grow / 2) * width, (0.5 + y - grow / 2) * height
    box = (left, top, min(left + grow * width, width), min(top + grow * height, height))
    picture = Image.fromarray(pixels).resize((CROP_WIDTH, CROP_HEIGHT), Image.BILINEAR, box=box)
    rows = (top + (np.arange(CROP_HEIGHT) + 0.5) * grow * KEPT).astype(int)
    columns = (left + (np.arange(CROP_WIDTH) + 0.5) * grow * KEPT).astype(int)
    if flip:
        picture, columns = picture.transpose(Image.FLIP_LEFT_RIGHT), columns[::-1]
    parts = crop.parts[np.ix_(rows, columns)]
    masks = np.stack([shares(parts >> bit & 1, 2) for bit in range(len(PARTS))])
    if random is None:
        told = (np.asarray(picture, np.float32) / 255.0).transpose(2, 0, 1)
    else:
        if random.random() < 0.25:
            # The tracer's grain is no camera's: photographs that are shown smaller have none.
            picture = Image.fromarray(median(np.asarray(picture)))
        told = as_camera(picture, random)
    phases = np.zeros(len(PHASES), np.float32)
    phases[[PHASES.index(name) for name in crop.vessel.phases]] = 1.0
    fill = np.float32(crop.fill or 0.0)
    return told, phases, fill, np.int64(crop.vessel.type), masks
