"""`python -m reactor`: the extension. Stage 0 first; nothing else is imported before the platform has been asked.

In the layer the launcher has done stage 0's work, and hands it over.
"""

import posix

from reactor import stage0

PLAIN = (b"1", b"t", b"true", b"yes", b"on")
NOTHING_HANDED_OVER = -1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.stage0 import HandOver


def begin(descriptor: int = NOTHING_HANDED_OVER) -> int:
    """`descriptor` holds the hand-over record of what was done before us."""
    done = None
    try:
        done, problem = handed_over(descriptor)
        if done is None and not is_plain():
            done = stage0.run(posix.environ)
            done.errors |= {"hand-over": problem} if problem else {}
        from reactor.run import main
    except Exception as error:  # a part of the layer is missing or broken; the function shall run all the same
        from reactor.last_resort import say_and_take_over

        return say_and_take_over(done, error)
    return main(done)


def handed_over(descriptor: int) -> "tuple[HandOver | None, str]":
    """None: all is still to be done. The second is what is wrong with the record, if anything; then nothing of it is in force."""
    if descriptor == NOTHING_HANDED_OVER:
        return None, ""
    from reactor.hand_over import adopt, forsake

    try:
        done = adopt(descriptor)
    except (ValueError, OSError) as error:
        problem = str(error)
    else:
        return (done if done is not None and done.began_ms is not None else None), ""  # a plain start hands over variables alone
    forsake()
    return None, problem


def is_plain() -> bool:
    return posix.environ.get(b"DD_PLAIN_START", b"").strip().lower() in PLAIN


if __name__ == "__main__":
    code = begin()
    from reactor.last_resort import leave

    leave(code)
