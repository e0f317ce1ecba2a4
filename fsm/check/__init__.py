"""The model checker: the real tables, walked through every order of events that the platform could produce.

Read `model` first (what is explored), then `explore` (how), then one model: `flushes` is the smallest, `life` (with `life_platform` and
`life_watch`) the one that matters most. A model pairs the machines under check, with contract stubs for whatever performs their effects,
with surroundings that offer events and watch that what must hold does hold. `mutants` breaks the tables on purpose, to check the checker.
"""
