"""The two networks: one finds vessels in a picture, one reads what is in a vessel that was found.

Both are plain convolutions, small enough for a robot's processor, and take RGB in 0..1 (they normalise it themselves).
"""

import torch
from torch import nn

from classes import CROP_HEIGHT, CROP_WIDTH, LEVELS, PARTS, PHASES, TYPES


def conv(inputs, outputs, stride=1, dilation=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True))


class Block(nn.Module):
    def __init__(self, channels, dilation=1):
        super().__init__()
        self.first = conv(channels, channels, dilation=dilation)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        return torch.relu(x + self.second(self.first(x)))


class Join(nn.Module):
    """The coarser features, enlarged, beside the finer ones."""

    def __init__(self, coarse, fine, outputs):
        super().__init__()
        self.lower = nn.Conv2d(coarse, outputs, 1)
        self.side = nn.Conv2d(fine, outputs, 1)
        self.mix = conv(outputs, outputs)

    def forward(self, coarse, fine):
        lower = nn.functional.interpolate(self.lower(coarse), scale_factor=2.0, mode="nearest")
        return self.mix(torch.relu(lower + self.side(fine)))


class Encoder(nn.Module):
    """Features at a quarter, an eighth and a sixteenth of the picture's size: channels from a half of the size on, and the dilations of the last blocks."""

    def __init__(self, widths, deep):
        super().__init__()
        a, b, c, d = widths
        self.stem = nn.Sequential(conv(3, a, 2), conv(a, b, 2), Block(b))
        self.middle = nn.Sequential(conv(b, c, 2), Block(c), Block(c))
        self.deep = nn.Sequential(conv(c, d, 2), *(Block(d, dilation) for dilation in deep))

    def forward(self, x):
        fine = self.stem((x - 0.45) / 0.25)
        middle = self.middle(fine)
        return fine, middle, self.deep(middle)


class Detector(nn.Module):
    """Answer: `[N, 1 + 4 + types + parts, H / 4, W / 4]`: the middle of a vessel (logit); the way from here to its left, top,
    right and bottom edge in UNIT_PX; what it is (logits); vessel, cap, content (logits)."""

    # Multiples of 16 cost a processor no more than less would.
    WIDTHS, DEEP = (16, 32, 48, 96), (1, 2, 1)

    def __init__(self):
        super().__init__()
        self.encoder = Encoder(self.WIDTHS, self.DEEP)
        self.up = Join(self.WIDTHS[3], self.WIDTHS[2], 48)
        self.upper = Join(48, self.WIDTHS[1], 32)
        self.head = conv(32, 32)
        self.out = nn.Conv2d(32, 1 + 4 + len(TYPES) + len(PARTS), 1)
        # Most places are the middle of nothing.
        nn.init.constant_(self.out.bias[:1], -4.0)

    def forward(self, x):
        fine, middle, deep = self.encoder(x)
        return self.out(self.head(self.upper(self.up(deep, middle), fine)))


class Reader(nn.Module):
    """Answers: `phases` (logits), `levels` (logits: whether the level is above each of LEVELS heights), `types` (logits), `masks` (logits of the
    parts at half the crop's size)."""

    WIDTHS, DEEP = (16, 32, 64, 128), (1, 2)
    UP, UPPER, SIDE, HIDDEN = 64, 32, 16, 256

    def __init__(self):
        super().__init__()
        _, b, c, d = self.WIDTHS
        self.encoder = Encoder(self.WIDTHS, self.DEEP)
        self.up = Join(d, c, self.UP)
        self.upper = Join(self.UP, b, self.UPPER)
        self.mask = nn.Sequential(conv(self.UPPER, self.UPPER), nn.Upsample(scale_factor=2.0, mode="nearest"), nn.Conv2d(self.UPPER, len(PARTS), 3, 1, 1))
        self.flat = nn.Sequential(nn.Linear(sum(self.what(b, d, self.UP)), self.HIDDEN), nn.ReLU(True), nn.Dropout(0.1))
        self.phases = nn.Linear(self.HIDDEN, len(PHASES))
        self.types = nn.Linear(self.HIDDEN, len(TYPES))
        self.side = nn.Conv2d(self.UP, self.SIDE, 1)
        rows = CROP_HEIGHT // 16
        where = self.SIDE * 2 * rows + len(PARTS) * 4 * rows
        self.levels = nn.Sequential(
            nn.Linear(sum(self.what(b, d, self.UP)) + where, 128), nn.ReLU(True), nn.Dropout(0.1), nn.Linear(128, LEVELS))

    @staticmethod
    def what(fine, deep, up):
        """How many numbers of each kind `flat` takes, for so many channels."""
        return [deep * (CROP_HEIGHT // 16), up, *[fine] * len(PARTS), *[up] * len(PARTS)]

    def forward(self, x):
        # Each crop by its own light, so that a dim one is not a dark vessel.
        mean = x.mean((1, 2, 3), keepdim=True)
        spread = ((x - mean) ** 2).mean((1, 2, 3), keepdim=True).sqrt()
        fine, middle, deep = self.encoder(0.45 + 0.25 * (x - mean) / (spread + 0.05))
        up = self.up(deep, middle)
        masks = self.mask(self.upper(up, fine))
        # What it is made of, apart for what seems to be vessel, cap and content: so that it need not find out where to look.
        shares = torch.sigmoid(masks)
        inside = []
        for features, cells in ((fine, 2), (up, 4)):
            weight = nn.functional.avg_pool2d(shares, cells)
            sums = torch.einsum("nphw,nchw->npc", weight, features)
            inside.append((sums / (weight.sum((2, 3)).unsqueeze(2) + 1.0)).flatten(1))
        what = torch.cat([deep.mean(3).flatten(1), up.amax((2, 3)), *inside], 1)
        # Where along the height something is tells the level, so rows are kept apart: of the vessel alone, and how wide it is there, and which part
        # of that is cap and content.
        vessel = nn.functional.avg_pool2d(shares[:, :1], 4)
        along = (self.side(up) * vessel).sum(3) / (vessel.sum(3) + 0.3)
        wide = nn.functional.avg_pool2d(shares, (2, CROP_WIDTH // 2))[..., 0]
        within = wide[:, 1:] / (wide[:, :1] + 0.02)
        where = [part.flatten(1) for part in (along, wide[:, :1], within)]
        flat = self.flat(what)
        return self.phases(flat), self.levels(torch.cat([what, *where], 1)), self.types(flat), masks
