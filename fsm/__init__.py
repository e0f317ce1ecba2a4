"""The machines that decide, and the engine they run on.

Read `engine` first (rows, tables, cursors), then `events` and `effects` (the words), then one machine: `on_demand` is the
lifecycle of a sandbox, `invocation` what is known of one request, `flush` and `decision` when telemetry leaves. A machine
reads no clock, opens no socket and writes no log: time is a field of the event, and everything it wants done is an effect.
"""
