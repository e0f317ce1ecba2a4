"""`python -m reactor`: the extension. Stage 0 first; nothing else is imported before the platform has been asked."""

import posix

from reactor import stage0

PLAIN = (b"1", b"t", b"true", b"yes", b"on")


def begin() -> int:
    plain = posix.environ.get(b"DD_PLAIN_START", b"").strip().lower() in PLAIN
    done = None if plain else stage0.run(posix.environ)
    try:
        from reactor.run import main
    except Exception as error:  # a part of the layer is missing or broken; the function shall run all the same
        from reactor.last_resort import say_and_take_over

        return say_and_take_over(done, error)
    return main(done)


if __name__ == "__main__":
    code = begin()
    from reactor.last_resort import leave

    leave(code)
