"""SQL without its literals: one pass over the tokens, then three rules that shorten lists. (specification, traces 9.3)

The work per text is bounded: of a long text only the beginning is read, and where quotes are so tangled that reading on would cost
more than a few passes, the rest is one placeholder. Nothing that was not read is kept.
"""

from .sql_reading import Reading
from .sql_tokens import GENERIC, MSSQL, OTHER_SPACE, POSTGRESQL, pattern

TEXT_CHARACTERS_MAX = 65536
CUT_MARK = " ..."

HOLES_IN_BRACKETS = r"(?<=\() \?(?:,? \?)*+ ?(?=\))|(?<=\[) \?(?:,? \?)*+ ?(?=\])"
REPEATED_VALUES = r"(?i)((?:^|(?<=[ (\n]))VALUES \( \? \))(?:,? \( \? \)| \(\))++"
REPEATED_LIMIT = r"(?i)((?:^|(?<=[ (\n]))LIMIT \?),? \?"


def obfuscate_sql(text: str, db_type: str = "") -> str:
    """The text with each literal as `?`. `db_type` in lower case; only mssql and postgresql have a dialect of their own."""
    dialect = db_type if db_type in (MSSQL, POSTGRESQL) else GENERIC
    is_cut = len(text) > TEXT_CHARACTERS_MAX
    if is_cut:
        text = text[:TEXT_CHARACTERS_MAX]
    if not text.isascii():
        text = pattern(OTHER_SPACE).sub(" ", text)
    reading = Reading(text, dialect, is_cut)
    reading.run()
    return shorten(reading.out.text()) + (CUT_MARK if is_cut else "")


def shorten(text: str) -> str:
    """Lists of placeholders, repeated groups of values and the two figures of a limit become one each."""
    if " ?" not in text:
        return text
    if "? ?" in text or "?, ?" in text:
        text = pattern(HOLES_IN_BRACKETS).sub(" ? ", text)
    if "? ) ( " in text or "? ), (" in text or "? ) ()" in text:
        text = pattern(REPEATED_VALUES).sub(r"\1", text)
    if "? ?" in text or "?, ?" in text:
        text = pattern(REPEATED_LIMIT).sub(r"\1", text)
    return text
