"""What is wrong with an instance, in the words of the person who sent it."""


class InvalidInstanceError(ValueError):
    """One field of an instance cannot be accepted.

    Attributes:
        field: Name of the field as the contract spells it, e.g. ``"gain"``.
        expected: What would have been accepted, e.g. ``"finite entries"``.
        got: What was found instead, e.g. ``"nan at index (0, 3)"``.
    """

    def __init__(self, field: str, expected: str, got: str) -> None:
        """Keeps the three parts; the message joins them."""
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field
        self.expected = expected
        self.got = got


class UnsupportedInstanceError(ValueError):
    """The instance is valid, but this model cannot take it (its size, its antennas, its topology)."""
