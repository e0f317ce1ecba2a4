"""A boundary around each pipeline: an error of ours there costs one item, and the rest lives on."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from fsm.time import Now
from reactor.agent.ledger import Ledger

T = TypeVar("T")

NOT_LOADED = "cannot be loaded"  # why something is lost, to the ledger
FAILURES_MAX = 3  # within WINDOW_MS; then the accumulator is taken for broken and replaced
WINDOW_MS = 60_000


def not_loaded(what: str, error: Exception) -> str:
    """The line for a module that was to be loaded when it was needed. `what` is lost with it (docs/layer.md, another version)."""
    return f"a part of the extension cannot be loaded, were its files replaced while it ran? {what} until it starts anew: {error!r}"


class Contained(Generic[T]):
    """One pipeline behind its boundary. `held(value)` counts the items that are lost when it is replaced."""

    def __init__(
        self,
        name: str,
        make: Callable[[], T],
        held: Callable[[T], int],
        ledger: Ledger,
        say: Callable[[str, str], None],
        lazily: bool = False,
    ) -> None:
        """`lazily`: made when it is first called, so that a function which never uses it never loads it."""
        self.name = name
        self._make, self._held, self._ledger, self._say = make, held, ledger, say
        self._failed_at: list[int] = []
        self._value: T | None = None if lazily else make()

    @property
    def value(self) -> T:
        if self._value is None:
            self._value = self._make()
        return self._value

    @property
    def is_made(self) -> bool:
        return self._value is not None

    def call(self, function: Callable[..., Any], *args: Any, now: Now, otherwise: Any = None) -> Any:
        """`function(pipeline, *args)`, or `otherwise` if it raises."""
        try:
            return function(self.value, *args)
        except Exception as error:
            self._failed(error, now)
            return otherwise

    def each(self, function: Callable[[T], Iterable[Any]], *, now: Now) -> Iterator[Any]:
        """What `function(pipeline)` gives, one by one as it is asked for; nothing more once it has raised, or if there is no pipeline."""
        items = iter(self.call_if_made(function, now=now, otherwise=()))
        while True:
            try:
                item = next(items)
            except StopIteration:
                return
            except Exception as error:
                self._failed(error, now)
                return
            yield item

    def call_if_made(self, function: Callable[..., Any], *args: Any, now: Now, otherwise: Any = None) -> Any:
        """As `call`; `otherwise` also where there is no pipeline yet, so that asking makes none."""
        return otherwise if self._value is None else self.call(function, *args, now=now, otherwise=otherwise)

    def _failed(self, error: Exception, now: Now) -> None:
        if self._ledger.note(f"errors in the {self.name} pipeline"):
            self._say("ERROR", f"the {self.name} pipeline failed, an item is lost: {type(error).__name__}: {error}")
        self._failed_at = [at for at in self._failed_at if now.mono_ms - at < WINDOW_MS] + [now.mono_ms]
        if len(self._failed_at) >= FAILURES_MAX:
            self._replace()

    def _replace(self) -> None:
        self._failed_at.clear()
        if self._value is None:  # it was never made: there is nothing to replace, and the next call tries again
            return
        try:
            lost = self._held(self._value)
        except Exception:  # it is broken: what it says of itself may be too
            lost = 0
        try:
            self._value = self._make()
        except Exception as error:  # better a broken one, whose every error is contained, than none
            self._say("ERROR", f"the {self.name} pipeline cannot be made anew: {type(error).__name__}: {error}")
            return
        self._ledger.drop(self.name, "the pipeline was replaced after errors", lost)
