"""The commands: `main` is the frame, and one module stands for each command. Never part of the layer.

A command module has `register(subparsers)` and `run(args) -> int`, the exit code; what it prints is made in a module of its own, values
in and text out (`emulate_text`, `replay_account`). `scenario` plays one emulated run; `emulate`, `record` and `demo` are ways to it.
"""
