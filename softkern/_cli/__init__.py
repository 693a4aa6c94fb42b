"""The commands of the command line; nothing here is imported by ``import softkern``."""


class InputError(Exception):
    """What the user gave cannot be used; the message is the one line they are shown."""
