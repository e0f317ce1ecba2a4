"""The agent without I/O: one synchronous call, run to completion.

`agent.Agent.receive(input, now)` turns an input (`inputs`) into events of the machines, their effects into calls of the pipelines, and
returns what only a performer can do (`outputs`). The live process, a replay and a simulation drive this same object.
"""
