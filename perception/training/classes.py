"""What the networks are shown and what they answer, for what needs no PyTorch, too."""

# What can be found, in the order of the networks' outputs.
TYPES = ["vial_open", "vial_capped", "bottle", "beaker", "flask", "test_tube", "well_plate", "substrate", "rack",
         "cartridge"]
# What can be in it; several may hold.
PHASES = ["empty", "clear_liquid", "coloured_liquid", "two_layers", "suspension", "foam", "gel", "powder", "granules",
          "solid_piece", "residue"]
# What pixels of a vessel can be.
PARTS = ["vessel", "cap", "content"]

# The detector answers for every fourth pixel along both axes.
STRIDE = 4
# Boxes are told in units of this many pixels.
UNIT_PX = 32.0
# The reader's picture: a vessel with this share of its height and width around it.
CROP_WIDTH, CROP_HEIGHT, CROP_MARGIN = 64, 96, 0.12
# Of so many heights between floor and brim the reader says whether the level is above.
LEVELS = 20
