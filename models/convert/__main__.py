"""``python -m convert MODEL SOURCE OUTPUT``: converts one model, named as in ``manifest.toml``."""

import sys
from pathlib import Path

from .recipes import RECIPES, convert

if len(sys.argv) != 4 or sys.argv[1] not in RECIPES:
    sys.exit(f"usage: python -m convert {{{','.join(RECIPES)}}} SOURCE OUTPUT")
_, name, source, output = sys.argv
Path(output).write_bytes(convert(name, Path(source)))
