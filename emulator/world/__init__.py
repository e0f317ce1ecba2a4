"""A whole world in one trio run and in virtual time: platform, function, intake, clock and network, all of whose misfortunes are data.

`generate.generate(seed)` makes a `scenario.Scenario`; `run.run(scenario, make)` lives through it with an extension that `make` builds and
gives an `Outcome`; `check` holds what happened against what must always hold; `shrink.shrink` takes away from a failing scenario what it
fails without. The same scenario gives the same run, every time.
"""
