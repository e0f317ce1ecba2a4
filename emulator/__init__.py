"""The other side of every wire: a local Lambda platform and a local intake. Never part of the layer.

The platform: read `values` first (what goes in and comes out), then `phases` and `platform` (the machine that decides), the two APIs
with their tables of states (`extension_states`, `runtime_states`), `telemetry` over `batching`, and `sandbox` (one execution
environment, which performs the machine's effects through `starting`, `invoking` and `ending`). `run.run_sandbox` is the way in.
The intake: `intake` serves, `decode` reads what arrives, `account` says what was there and what was missing.
"""
