"""What every trick says of a module that it was not written for."""


class ShapeError(Exception):
    """A module does not look as it did."""
