"""NumPy arrays."""
from ..array_api import *  # noqa: F403
