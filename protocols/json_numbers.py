"""Numbers as JSON text, spelt as the reference spells them: the shortest digits that name the number, and exponents without ornaments."""


def spelt(number: float) -> str:
    """`1e16` and `1e-7` where Python writes `1e+16` and `1e-07`; `0.00001` is the smallest that is written without an exponent."""
    text = repr(number)
    digits, mark, exponent = text.partition("e")
    if not mark:
        return text
    if int(exponent) == -5:
        sign = "-" if number < 0 else ""
        return f"{sign}0.0000{digits.lstrip('-').replace('.', '')}"
    return f"{digits}e{int(exponent)}"
