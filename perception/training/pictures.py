"""A folder of `nightshift dataset` as arrays, and parts of it."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from camera import median
from classes import TYPES

NOTHING = 255
# A vessel that is hidden for the most part, or too many: it is there, and nothing is asked of it.
OTHER = 254
# What is smaller along one side is a close-up of one vessel, and no picture of a robot's, pixels.
PICTURE_PX = 192


def runs_of(rle, size):
    """COCO's run lengths, compressed or not: where each run of ones begins and ends, counted down the columns."""
    counts = rle["counts"]
    if isinstance(counts, str):
        runs, at = [], 0
        while at < len(counts):
            value, shift, more = 0, 0, True
            while more:
                byte = ord(counts[at]) - 48
                value |= (byte & 0x1F) << shift
                more = bool(byte & 0x20)
                at, shift = at + 1, shift + 5
                if not more and byte & 0x10:
                    value |= -1 << shift
            if len(runs) > 2:
                value += runs[-2]
            runs.append(value)
        counts = runs
    ends = np.cumsum(counts).tolist()
    if ends[-1] != size:
        raise ValueError(f"a mask's runs cover {ends[-1]} pixels of {size}")
    return list(zip(ends[0::2], ends[1::2]))


class Vessel:
    """Left, top, right, bottom and area of what is seen of it, pixels; which share of it that is; what it is and holds."""

    def __init__(self, box, type_index, phases, fill, visible, area):
        self.box, self.type, self.phases, self.fill, self.visible, self.area = box, type_index, phases, fill, visible, area


class Shown:
    """One picture: its pixels, whose each pixel is, and which are cap (bit 0) and content (bit 1)."""

    def __init__(self, pixels, owner, parts, vessels, smooth=None):
        self.pixels, self.owner, self.parts, self.vessels = pixels, owner, parts, vessels
        self._smooth = smooth

    @property
    def is_close_up(self):
        return min(self.owner.shape) < PICTURE_PX

    @property
    def smooth(self):
        """Without the tracer's grain, which is no camera's: photographs that are shown smaller have none."""
        if self._smooth is None:
            self._smooth = median(self.pixels)
        return self._smooth


def load(folder, limit=None):
    """All pictures of a data set."""
    folder = Path(folder)
    data = json.loads((folder / "annotations.json").read_text())
    names = {entry["id"]: entry["name"] for entry in data["categories"]}
    by_image = {}
    for annotation in data["annotations"]:
        by_image.setdefault(annotation["image_id"], []).append(annotation)
    shown = []
    for entry in data["images"][:limit]:
        pixels = np.asarray(Image.open(folder / entry["file_name"]).convert("RGB"))
        shown.append(_shown(pixels, by_image.get(entry["id"], []), names))
    return shown


def _shown(pixels, annotations, names):
    height, width = pixels.shape[:2]
    size = height * width
    # Down the columns, as the runs are.
    owner, parts = np.full(size, NOTHING, np.uint8), np.zeros(size, np.uint8)
    vessels = []
    for annotation in annotations:
        name = names[annotation["category_id"]]
        bit = {"cap": 1, "lid": 1, "content": 2}.get(name)
        if bit:
            for start, end in runs_of(annotation["segmentation"], size):
                parts[start:end] |= bit
        if annotation.get("iscrowd") or name not in TYPES:
            continue
        x, y, w, h = annotation["bbox"]
        if w < 2 or h < 2:
            continue
        # Of what is hidden for the most part nobody can tell.
        hidden = annotation.get("visible", 1.0) < 0.35 or len(vessels) >= OTHER
        runs = runs_of(annotation["segmentation"], size)
        for start, end in runs:
            owner[start:end] = OTHER if hidden else len(vessels)
        if hidden:
            continue
        content = annotation.get("content") or {}
        area = sum(end - start for start, end in runs)
        vessels.append(Vessel((x, y, x + w, y + h), TYPES.index(name), content.get("phases"), content.get("fill_height"),
                              annotation.get("visible", 1.0), area))
    owner, parts = [np.ascontiguousarray(flat.reshape(width, height).T) for flat in (owner, parts)]
    return Shown(pixels, owner, parts, vessels)


def cut(shown, box, size, flip, pixels):
    """A box of the picture at a size: its pixels (as they are, or smooth) as a picture, owners, parts. Beyond the edge is what the edge shows, and nobody's."""
    x0, y0, x1, y1 = box
    height, width = shown.owner.shape
    pad = [max(0, int(np.ceil(v))) for v in (-x0, -y0, x1 - width, y1 - height)]
    lo_x, lo_y = max(0, int(x0) - 2), max(0, int(y0) - 2)
    hi_x, hi_y = min(width, int(x1) + 3), min(height, int(y1) + 3)
    inner = (x0 - lo_x + pad[0], y0 - lo_y + pad[1], x1 - lo_x + pad[0], y1 - lo_y + pad[1])
    widths = [(pad[1], pad[3]), (pad[0], pad[2])]
    part = pixels[lo_y:hi_y, lo_x:hi_x]
    if any(pad):
        part = np.pad(part, widths + [(0, 0)], "edge")
    picture = Image.fromarray(np.ascontiguousarray(part)).resize(size, Image.BILINEAR, box=[
        min(max(v, 0.0), float(part.shape[1 - at % 2])) for at, v in enumerate(inner)])
    rows = np.clip(np.floor(y0 + (np.arange(size[1]) + 0.5) * ((y1 - y0) / size[1])).astype(int), -1, height)
    columns = np.clip(np.floor(x0 + (np.arange(size[0]) + 0.5) * ((x1 - x0) / size[0])).astype(int), -1, width)
    if flip:
        picture, columns = picture.transpose(Image.FLIP_LEFT_RIGHT), columns[::-1]
    outside = (((rows < 0) | (rows >= height))[:, None] | ((columns < 0) | (columns >= width))[None, :]) if any(pad) else None
    at = np.ix_(np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1))
    owner, parts = shown.owner[at], shown.parts[at]
    if outside is not None:
        owner[outside], parts[outside] = NOTHING, 0
    return picture, owner, parts


def shares(mask, cells):
    """The share of set places in each square of so many places: sums of slices, as a mean over short axes costs ten times as much."""
    sums = mask.astype(np.uint8)
    sums = sum(sums[:, at::cells] for at in range(cells))
    return sum(sums[at::cells] for at in range(cells)).astype(np.float32) * np.float32(1 / cells ** 2)
