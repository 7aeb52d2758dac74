"""A folder of `nightshift dataset` as arrays, and what a network is shown of it."""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from networks import CROP_HEIGHT, CROP_MARGIN, CROP_WIDTH, PARTS, PHASES, STRIDE, TYPES, UNIT_PX

NOTHING = 255
# A vessel that is hidden for the most part, or too many: it is there, and nothing is asked of it.
OTHER = 254
# The reader's crops are kept with room for other cuts: larger by this, at this many times the reader's size.
ROOM, KEPT = 1.35, 2
# Of what is hidden more than this, or shows less contrast (standard deviation of its 8-bit values), nobody can read the content.
CLEAR_SHARE, LEAST_CONTRAST = 0.6, 6.0
# Of what is cut off by the picture's edge this near, nobody can say what the rest holds, pixels.
AT_EDGE_PX = 1.5
# Drawn once: each sample takes its noise from some place of it, as drawing it anew costs as much as all else.
NOISE = np.random.default_rng(0).standard_normal(1 << 21, np.float32)
# The share of the detector's squares that are about a vessel. A robot's picture is mostly background, and what is never seen as such is found in it.
ABOUT_A_VESSEL = 0.5


def decode_rle(rle, height, width):
    """COCO's run lengths, compressed or not: down the columns, beginning with zeros."""
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
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    if flat.size != height * width:
        raise ValueError(f"a mask's runs cover {flat.size} pixels of {height * width}")
    return flat.reshape(width, height).T


class Vessel:
    def __init__(self, box, type_index, phases, fill, visible):
        self.box, self.type, self.phases, self.fill, self.visible = box, type_index, phases, fill, visible


class Crop:
    """A vessel with its surroundings: pixels, and for each one whether it is the vessel, its cap, its content (bits 0 to 2)."""

    def __init__(self, pixels, parts, vessel):
        self.pixels, self.parts, self.vessel = pixels, parts, vessel


class Shown:
    """One picture: its pixels, whose each pixel is, and which are cap and content."""

    def __init__(self, pixels, owner, parts, vessels):
        self.pixels, self.owner, self.parts, self.vessels = pixels, owner, parts, vessels


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
    owner = np.full((height, width), NOTHING, np.uint8)
    parts = np.zeros((height, width), np.uint8)
    vessels = []
    for annotation in annotations:
        name = names[annotation["category_id"]]
        if annotation.get("iscrowd") or name not in TYPES:
            continue
        x, y, w, h = annotation["bbox"]
        if w < 2 or h < 2:
            continue
        mask = decode_rle(annotation["segmentation"], height, width)
        # Of what is hidden for the most part nobody can tell.
        if annotation.get("visible", 1.0) < 0.35 or len(vessels) >= OTHER:
            owner[mask] = OTHER
            continue
        owner[mask] = len(vessels)
        content = annotation.get("content") or {}
        phases, fill = content.get("phases"), content.get("fill_height")
        vessels.append(Vessel((x, y, x + w, y + h), TYPES.index(name), phases, fill, annotation.get("visible", 1.0)))
    for annotation in annotations:
        name = names[annotation["category_id"]]
        bit = {"cap": 1, "lid": 1, "content": 2}.get(name)
        if bit:
            parts[decode_rle(annotation["segmentation"], height, width)] |= bit
    return Shown(pixels, owner, parts, vessels)


def cut(shown, box, size, flip):
    """A box of the picture at a size: pixels, owners, parts. What lies outside is black and nobody's."""
    x0, y0, x1, y1 = box
    height, width = shown.owner.shape
    out = []
    for array, how in ((shown.pixels, Image.BILINEAR), (shown.owner, Image.NEAREST), (shown.parts, Image.NEAREST)):
        pad = [max(0, int(np.ceil(v))) for v in (-x0, -y0, x1 - width, y1 - height)]
        fill = NOTHING if array is shown.owner else 0
        lo_x, lo_y = max(0, int(x0) - 1), max(0, int(y0) - 1)
        hi_x, hi_y = min(width, int(x1) + 2), min(height, int(y1) + 2)
        part = array[lo_y:hi_y, lo_x:hi_x]
        if any(pad):
            widths = [(pad[1], pad[3]), (pad[0], pad[2])] + ([(0, 0)] if array.ndim == 3 else [])
            if array is shown.pixels:
                part = np.pad(part, widths, "edge") if part.size else np.zeros((8, 8, 3), np.uint8)
            else:
                part = np.pad(part, widths, constant_values=fill)
        left, top = lo_x - pad[0], lo_y - pad[1]
        piece = Image.fromarray(part).resize(size, how, box=(
            np.clip(x0 - left, 0, part.shape[1] - 1), np.clip(y0 - top, 0, part.shape[0] - 1),
            np.clip(x1 - left, 1, part.shape[1]), np.clip(y1 - top, 1, part.shape[0])))
        piece = np.asarray(piece)
        out.append(piece[:, ::-1] if flip else piece)
    return out


def as_camera(pixels, random):
    """Other light and another camera: shares of white."""
    kind = random.random()
    if kind < 0.75:
        image = Image.fromarray(np.ascontiguousarray(pixels))
        # The tracer's grain is no camera's: photographs that are shown smaller have none.
        blur = ImageFilter.MedianFilter(3) if kind < 0.4 else ImageFilter.GaussianBlur(random.uniform(0.3, 1.4))
        pixels = np.asarray(image.filter(blur))
    height, width = pixels.shape[:2]
    if random.random() < 0.25:
        # Farther away.
        part = random.uniform(0.4, 0.9)
        small = Image.fromarray(np.ascontiguousarray(pixels)).resize((int(width * part), int(height * part)), Image.BOX)
        pixels = np.asarray(small.resize((width, height), Image.BILINEAR))
    if random.random() < 0.35:
        kept = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(kept, "JPEG", quality=int(random.integers(40, 96)))
        pixels = np.asarray(Image.open(kept))
    # Tone by a table of each colour: gamma, exposure, white balance, a little contrast, and stray light that lifts the black.
    x = (np.arange(256, dtype=np.float32) / 255.0)[:, None] ** np.float32(np.exp(random.uniform(-0.4, 0.4)))
    x = x * np.exp(random.uniform(-0.4, 0.25) + random.normal(0, 0.07, 3))
    if random.random() < 0.3:
        x = 0.45 + (x - 0.45) * random.uniform(0.7, 1.35)
    if random.random() < 0.3:
        x = x + random.uniform(0.0, 0.12) * (1 - x)
    table = x.astype(np.float32)
    x = np.stack([table[pixels[..., channel], channel] for channel in range(3)], 2)
    grey = x.mean(2, keepdims=True)
    # Never so pale that a coloured liquid is a clear one.
    x = grey + (x - grey) * np.float32(random.uniform(0.7, 1.4))
    from_here = random.integers(len(NOISE) - x.size)
    x += NOISE[from_here:from_here + x.size].reshape(x.shape) * np.float32(random.uniform(0.0, 0.03))
    return np.clip(x, 0, 1, out=x)


def detector_sample(shown, size, random):
    """A square of the picture at a size that shows one of its vessels 18 to 110 pixels tall, and what is to be answered."""
    height, width = shown.owner.shape
    pick = shown.vessels[random.integers(len(shown.vessels))] if shown.vessels and random.random() < ABOUT_A_VESSEL else None
    if pick is not None:
        tall = max(pick.box[3] - pick.box[1], 0.7 * (pick.box[2] - pick.box[0]))
        scale = np.clip(np.exp(random.uniform(np.log(18.0), np.log(110.0))) / tall, 0.25, 2.5)
        middle = [(pick.box[i] + pick.box[i + 2]) / 2 + random.uniform(-0.35, 0.35) * size / scale for i in (0, 1)]
    else:
        scale = np.exp(random.uniform(np.log(0.4), np.log(1.5)))
        middle = [random.uniform(0, width), random.uniform(0, height)]
    side = size / scale
    x0, y0 = middle[0] - side / 2, middle[1] - side / 2
    flip = random.random() < 0.5
    pixels, owner, parts = cut(shown, (x0, y0, x0 + side, y0 + side), (size, size), flip)
    cells = size // STRIDE
    heat = np.zeros((cells, cells), np.float32)
    boxes = np.zeros((4, cells, cells), np.float32)
    types = np.full((cells, cells), -1, np.int64)
    weight = np.zeros((cells, cells), np.float32)
    # Where something may or may not be told: what is hidden or too small.
    asked = np.ones((cells, cells), np.float32)
    grid = (np.arange(cells, dtype=np.float32) + 0.5) * STRIDE
    for vessel in sorted(shown.vessels, key=lambda v: -(v.box[2] - v.box[0]) * (v.box[3] - v.box[1])):
        bx0, by0, bx1, by1 = [(vessel.box[i] - (x0 if i % 2 == 0 else y0)) * scale for i in range(4)]
        if flip:
            bx0, bx1 = size - bx1, size - bx0
        w, h = bx1 - bx0, by1 - by0
        cx, cy = (bx0 + bx1) / 2, (by0 + by1) / 2
        if min(w, h) < 5:
            asked[max(int(by0 / STRIDE), 0):int(by1 / STRIDE) + 1, max(int(bx0 / STRIDE), 0):int(bx1 / STRIDE) + 1] = 0.0
            continue
        if not (0 <= cx < size and 0 <= cy < size):
            continue
        # A peak as wide as a sixth of the vessel.
        sx, sy = max(w / 6, STRIDE * 0.6), max(h / 6, STRIDE * 0.6)
        peak = np.exp(-((grid - cx) ** 2) / (2 * sx * sx))[None, :] * np.exp(-((grid - cy) ** 2) / (2 * sy * sy))[:, None]
        peak[min(int(cy / STRIDE), cells - 1), min(int(cx / STRIDE), cells - 1)] = 1.0
        heat = np.maximum(heat, peak)
        core = peak > 0.5
        boxes[:, core] = np.stack(np.broadcast_arrays(
            (grid - bx0)[None, :], (grid - by0)[:, None], (bx1 - grid)[None, :], (by1 - grid)[:, None]))[:, core] / UNIT_PX
        types[core] = vessel.type
        weight[core] = 1.0
    owner = owner.reshape(cells, STRIDE, cells, STRIDE)
    asked[((owner == OTHER).mean((1, 3)) > 0.3) & (heat < 0.99)] = 0.0
    parts = parts.reshape(cells, STRIDE, cells, STRIDE)
    masks = np.stack([(owner != NOTHING).mean((1, 3)), (parts & 1 > 0).mean((1, 3)), (parts & 2 > 0).mean((1, 3))])
    return as_camera(pixels, random).transpose(2, 0, 1), heat, asked, boxes, types, weight, masks.astype(np.float32)


def crop_box(box, jitter=(0.0, 0.0, 0.0)):
    """The reader's crop of a vessel: its box with a margin, as high and wide as the reader's picture is."""
    x0, y0, x1, y1 = box
    w, h = x1 - x0, y1 - y0
    cx, cy = (x0 + x1) / 2 + jitter[0] * w, (y0 + y1) / 2 + jitter[1] * h
    grow = (1 + 2 * CROP_MARGIN) * np.exp(jitter[2])
    wide = max(w * grow, h * grow * CROP_WIDTH / CROP_HEIGHT)
    high = wide * CROP_HEIGHT / CROP_WIDTH
    return cx - wide / 2, cy - high / 2, cx + wide / 2, cy + high / 2


def crops(shown, least_px):
    """Every vessel of known content that is at least so tall, with room around it."""
    kept = []
    for picture in shown:
        height, width = picture.owner.shape
        for index, vessel in enumerate(picture.vessels):
            left, top, right, bottom = vessel.box
            if min(left, top, width - right, height - bottom) < AT_EDGE_PX:
                continue
            if vessel.phases is None or vessel.box[3] - vessel.box[1] < least_px or vessel.visible < CLEAR_SHARE:
                continue
            box = crop_box(vessel.box, (0.0, 0.0, np.log(ROOM)))
            pixels, owner, parts = cut(picture, box, (CROP_WIDTH * KEPT, CROP_HEIGHT * KEPT), False)
            mine = owner == index
            # In the dark, or all white, there is nothing to be read.
            if pixels[mine].std() < LEAST_CONTRAST:
                continue
            kept.append(Crop(pixels, (mine * (1 + 2 * (parts & 1) + 2 * (parts & 2))).astype(np.uint8), vessel))
    return kept


def reader_sample(crop, random):
    """A vessel as the reader sees it, and what is to be answered. Without a source of chance it is as a robot would see it."""
    width, height = CROP_WIDTH * KEPT, CROP_HEIGHT * KEPT
    x, y, grow, flip = 0.0, 0.0, 1.0, False
    if random is not None:
        # Shifts are shares of the vessel with its margin, about those of its box.
        x, y, grow = random.normal(0, 0.03), random.normal(0, 0.03), np.exp(random.normal(0, 0.08))
        flip = random.random() < 0.5
    grow = min(grow / ROOM, 1.0)
    x, y = [np.clip(v, -(1 - grow) / 2, (1 - grow) / 2) for v in (x / ROOM, y / ROOM)]
    box = ((0.5 + x - grow / 2) * width, (0.5 + y - grow / 2) * height, (0.5 + x + grow / 2) * width, (0.5 + y + grow / 2) * height)
    pixels = np.asarray(Image.fromarray(crop.pixels).resize((CROP_WIDTH, CROP_HEIGHT), Image.BILINEAR, box=box))
    masks = np.stack([
        np.asarray(Image.fromarray(((crop.parts >> bit & 1) * 255).astype(np.uint8)).resize(
            (CROP_WIDTH // 2, CROP_HEIGHT // 2), Image.BILINEAR, box=box)) for bit in range(len(PARTS))])
    if flip:
        pixels, masks = pixels[:, ::-1], masks[:, :, ::-1]
    told = pixels.astype(np.float32) / 255.0 if random is None else as_camera(pixels, random)
    phases = np.zeros(len(PHASES), np.float32)
    phases[[PHASES.index(name) for name in crop.vessel.phases]] = 1.0
    fill = np.float32(-1.0 if crop.vessel.fill is None else crop.vessel.fill)
    return told.transpose(2, 0, 1), phases, fill, np.int64(crop.vessel.type), masks.astype(np.float32) / 255.0
