"""What the user chose: read once at start, never reloaded.

Read `settings` first (the declarative list: every name, default and meaning), then `load` (sources, precedence, findings).
`parsers`, `structured` and `strategy` turn one value into a typed one, `derive` works out what follows from several values,
`values` is the frozen result. `yaml_source`, `typos` and `proxy` are imported only when a run needs them. Nothing here raises for
bad input: a bad value becomes a `Finding`, and its neighbours live on.
"""
