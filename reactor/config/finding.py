"""What the user should know about one value of the configuration. Imported when there is something to say."""

import attrs


@attrs.frozen
class Finding:
    """One thing the user should know about one value. `shown_value` never holds a secret; `level` is ERROR or WARN."""

    setting: str  # the field of Settings, or the name found in the environment when it is none of ours
    source: str  # the variable or the YAML path that was read
    shown_value: str
    reason: str
    used_instead: str  # empty when nothing had to be replaced
    level: str

    def line(self) -> str:
        """The finding as one line of log."""
        given = f" = {self.shown_value}" if self.shown_value else ""
        instead = f"; using {self.used_instead}" if self.used_instead else ""
        return f"{self.source}{given}: {self.reason}{instead}"
