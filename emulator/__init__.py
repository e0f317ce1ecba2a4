"""The other side of every wire: a local Lambda platform and a local intake.

Read `values` first (what goes in and comes out), then `platform` (the machine that decides the phases), `extension_states` and
`runtime_states` (what each API call may do when), `sandbox` (one execution environment: performs the machine's effects) and `run`
(a sandbox from birth to spindown). `emulator.run.run_sandbox` is the way in. Never part of the layer.
"""
