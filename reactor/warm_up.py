"""Loads, while the function's runtime boots, what the first flush will need; smallest first, and one at a time."""

import importlib
import sys

import trio

from reactor.config.values import Settings


def modules(settings: Settings) -> list[str]:
    """What these settings will need, beyond what is loaded already."""
    wanted = ["compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"]
    if any(url.startswith("https:") for url in settings.intake_urls.values()):
        wanted.append("ssl")
    return [name for name in wanted if name not in sys.modules]


async def warm_up(settings: Settings) -> None:
    for name in modules(settings):
        await trio.lowlevel.checkpoint()
        try:
            importlib.import_module(name)
        except Exception:  # whoever needs it says so then
            pass
