"""Writes the lock of Debian's packages anew, from what the sources have now: `python -m layer.lock`."""

from layer.debian import LOCK, Apt
from layer.parts import ARCHITECTURES, BUILD, DEBIAN

HEAD = "# What the layer takes from Debian: architecture, package, version, sha256. Written by `python -m layer.lock`.\n"


def main() -> None:
    lines = []
    for architecture in ARCHITECTURES.values():
        apt = Apt(architecture, BUILD / "cache" / f"apt-{architecture.debian}")
        apt.update()
        lines += [apt.newest(name) for name in DEBIAN]
    LOCK.write_text(HEAD + "".join(f"{one.architecture} {one.name} {one.version} {one.sha256}\n" for one in lines))


if __name__ == "__main__":
    main()
