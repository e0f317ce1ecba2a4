import sys
from pathlib import Path

# `fixtures` is not installed: it is run from the project's folder, which `pytest` alone does not look into.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
