"""Spans without what should not leave the function.

Read `obfuscator` first: what is done by a span's type. `url`, `redis` (also Memcached), `json_values` and `cards` take a text each;
`sql` has `sql_reading` pass over the tokens of `sql_tokens` and build its text in a `sql_output`. `replace` holds the user's own rules,
on RE2.

Nothing here raises on any text. The work per text is bounded, and a text beyond its bound is shortened or hidden, never kept in clear.
"""
