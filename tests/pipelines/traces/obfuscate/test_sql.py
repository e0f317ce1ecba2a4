"""SQL without its literals: the specification's rows, then what must hold of any text (specification, traces 9.3)."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.traces.obfuscate.sql import CUT_MARK, TEXT_CHARACTERS_MAX, obfuscate_sql, shorten

DB_TYPES = ["", "mssql", "postgresql", "mysql"]

GENERIC = [
    ("", ""),
    ("   ", ""),
    ("-- comment", ""),
    ("'abc1287681964'", "?"),
    ("1 - 2", "? - ?"),
    ("-1234", "?"),
    ("1234e12", "?"),
    ("0xfa", "?"),
    ("09", "?"),
    ("SELECT * FROM TABLE WHERE userId = 'it''s a string'", "SELECT * FROM TABLE WHERE userId = ?"),
    ("SELECT * FROM TABLE WHERE userId IN ('a', 'b', 'c')", "SELECT * FROM TABLE WHERE userId IN ( ? )"),
    (
        "SELECT * FROM foo LEFT JOIN bar ON 'backslash\\' = foo.b WHERE foo.name = 'String'",
        "SELECT * FROM foo LEFT JOIN bar ON ? = foo.b WHERE foo.name = ?",
    ),
    (
        "SELECT * FROM foo LEFT JOIN bar ON 'embedded \\'quote\\' in string' = foo.b WHERE foo.name = 'String'",
        "SELECT * FROM foo LEFT JOIN bar ON ? = foo.b WHERE foo.name = ?",
    ),
    ('INSERT INTO "VALUE" ("col1","col2","col3") VALUES (\'blah\',12983,X\'ff\')', "INSERT INTO VALUE ( col1, col2, col3 ) VALUES ( ? )"),
    ('SELECT 3 AS NUCLEUS_TYPE,A0.ID,A0."NAME" FROM "VALUE" A0', "SELECT ?, A0.ID, A0. NAME FROM VALUE A0"),
    ("SELECT COUNT(*) FROM t where col1 > .9999", "SELECT COUNT ( * ) FROM t where col1 > ?"),
    ("SELECT COUNT(*) FROM t where col1 > -1e6", "SELECT COUNT ( * ) FROM t where col1 > ?"),
    ("SELECT COUNT(*) FROM t where col1 > +6.34F", "SELECT COUNT ( * ) FROM t where col1 > + ? F"),
    ("where col1 > -1d", "where col1 > ? d"),
    ("CREATE TABLE S_H2 (id INTEGER not NULL, PRIMARY KEY ( id ))", "CREATE TABLE S_H2 ( id INTEGER not ? PRIMARY KEY ( id ) )"),
    ("SELECT * FROM TABLE WHERE userId =     ','||foo.bar", "SELECT * FROM TABLE WHERE userId = ? | | foo.bar"),
    ("SELECT * FROM t WHERE y IN (:protocols) AND x IN (:sites)", "SELECT * FROM t WHERE y IN ( :protocols ) AND x IN ( :sites )"),
    (
        "INSERT INTO user (id, username) VALUES ('Fred','Smith'), ('John','Smith'), ('Michael','Smith');",
        "INSERT INTO user ( id, username ) VALUES ( ? )",
    ),
    ("INSERT INTO `qual-aa`.issues (alert0 , alert1) VALUES (NULL, NULL)", "INSERT INTO qual-aa . issues ( alert0, alert1 ) VALUES ( ? )"),
    ("INSERT INTO user (id, email, name) VALUES (null, ?, ?)", "INSERT INTO user ( id, email, name ) VALUES ( ? )"),
    ("select !+2", "select ! + ?"),
    ("SELECT 5*s1 FROM t4", "SELECT ? * s1 FROM t4"),
    (
        "UPDATE user_dash_pref SET json_prefs = %(json_prefs)s, modified = '2015-08-27' WHERE user_id = %(user_id)s AND url = %(url)s",
        "UPDATE user_dash_pref SET json_prefs = ? modified = ? WHERE user_id = ? AND url = ?",
    ),
    ("SELECT set_config('foo', bar, FALSE)", "SELECT set_config ( ? bar, ? )"),
    (":ჸ", ":ჸ"),
    ("%ჸ", "?"),
    ("%C", "?"),
    (".ჸ", ". ჸ"),
    ("0!(2", "? ! ( ?"),
    ("0(($0", "? ( ("),
    ("0D", "? D"),
    ("ჸ*", "ჸ*"),
    (".*", ". *"),
    ("table.*", "table.*"),
    ("2%$2", "? % ?"),
    ("SELECT username AS person FROM users WHERE id=4", "SELECT username FROM users WHERE id = ?"),
    ("autovacuum: VACUUM fake.big_table (to prevent wraparound)", "autovacuum : VACUUM fake.big_table ( to prevent wraparound )"),
    ("SELECT $func$INSERT INTO table VALUES ('a', 1, 2)$func$ FROM users", "SELECT ? FROM users"),
    ("UPDATE d1 SET (c1, c2, c3) = (c1 + 1, c2 + 1, c3 + 1)", "UPDATE d1 SET ( c1, c2, c3 ) = ( c1 + ? c2 + ? c3 + ? )"),
    ("SELECT * FROM (VALUES (1, 'dog')) AS d (id, animal)", "SELECT * FROM ( VALUES ( ? ) ) ( id, animal )"),
    (
        "WITH T1 AS (SELECT a FROM t1 WHERE id = 1), T2 AS (SELECT b FROM t2) SELECT * FROM T1",
        "WITH T1 SELECT a FROM t1 WHERE id = ? ) T2 SELECT b FROM t2 ) SELECT * FROM T1",
    ),
    (
        "SELECT Codi , Nom_CA AS Nom, Descripció_CAT AS Descripció FROM ProtValAptitud WHERE Vigent=1 ORDER BY Ordre, Codi",
        "SELECT Codi, Nom_CA, Descripció_CAT FROM ProtValAptitud WHERE Vigent = ? ORDER BY Ordre, Codi",
    ),
    ("select * from dollarField$ as df from some$dollar$filled_thing$$;", "select * from dollarField$ from some$dollar$filled_thing$$"),
    (
        "REPLACE INTO sales_2019_07_01 (`itemID`, `date`)"
        " VALUES ((SELECT itemID FROM item1001 WHERE `sku` = [sku]), CURDATE(), [qty], 0.00)",
        "REPLACE INTO sales_2019_07_01 ( itemID, date )"
        " VALUES ( ( SELECT itemID FROM item1001 WHERE sku = [ sku ] ), CURDATE ( ), [ qty ], ? )",
    ),
    (
        'SELECT "table"."field" FROM "table" WHERE "table"."otherfield" = $? AND "table"."thirdfield" = $?;',
        "SELECT table . field FROM table WHERE table . otherfield = ? AND table . thirdfield = ?",
    ),
    (
        "SELECT `host`.`address` FROM `host` WHERE id IN (42, 43) /*comment,host:localhost*/",
        "SELECT host . address FROM host WHERE id IN ( ? )",
    ),
    (
        "SELECT metric_key FROM m WHERE org_id = %(org_id)s AND metric_key = ANY(array[21, 25, 32])",
        "SELECT metric_key FROM m WHERE org_id = ? AND metric_key = ANY ( array [ ? ] )",
    ),
    ("SELECT articles.* FROM articles WHERE articles.id = 1 LIMIT 1, 20;", "SELECT articles.* FROM articles WHERE articles.id = ? LIMIT ?"),
    ("SELECT * FROM t limit 5, 10", "SELECT * FROM t limit ?"),
    (
        "SELECT articles.* FROM articles WHERE (articles.published != true)",
        "SELECT articles.* FROM articles WHERE ( articles.published != ? )",
    ),
    (
        "SELECT date(created_at) as ordered_date, sum(price) as total_price FROM orders HAVING sum(price) > 100",
        "SELECT date ( created_at ), sum ( price ) FROM orders HAVING sum ( price ) > ?",
    ),
    ('SAVEPOINT "s139956586256192_x1"', "SAVEPOINT ?"),
    (
        "CREATE KEYSPACE Excelsior WITH replication = {'class': 'SimpleStrategy', 'replication_factor' : 3};",
        "CREATE KEYSPACE Excelsior WITH replication = ?",
    ),
    (
        "SELECT server_table.host AS host_id FROM table#.host_tags as server_table WHERE server_table.host_id = 50",
        "SELECT server_table.host FROM table#.host_tags WHERE server_table.host_id = ?",
    ),
    (
        "CREATE FUNCTION add(integer, integer) RETURNS integer\n AS 'select $1 + $2;'\n LANGUAGE SQL RETURNS NULL ON NULL INPUT;",
        "CREATE FUNCTION add ( integer, integer ) RETURNS integer LANGUAGE SQL RETURNS ? ON ? INPUT",
    ),
    ("SELECT * FROM public.table ( array [ ROW ( array [ 'magic', 'foo',", "SELECT * FROM public.table ( array [ ROW ( array [ ?"),
    ("select * from users where id = 214325346     # This comment continues to the end of line", "select * from users where id = ?"),
    (
        "SELECT [b].[BlogId], [b].[Name]\nFROM [Blogs] AS [b]\nORDER BY [b].[Name]",
        "SELECT [ b ] . [ BlogId ], [ b ] . [ Name ] FROM [ Blogs ] ORDER BY [ b ] . [ Name ]",
    ),
    ('SELECT * FROM users WHERE lastname=" " and firstname=""', "SELECT * FROM users WHERE lastname = ? and firstname = ?"),
    ('update Orders set created = "2019-05-24 00:26:17", gross = 30.28', "update Orders set created = ? gross = ?"),
    ("SELECT a :: VARCHAR(255) FROM foo WHERE foo.name = 'String'", "SELECT a :: VARCHAR ( ? ) FROM foo WHERE foo.name = ?"),
    ("{call curly_fun('{{', '}}', '}', '}')};", "{ call curly_fun ( ? ) }"),
    ("SELECT id, name FROM emp WHERE name LIKE {fn UCASE('Smith')}", "SELECT id, name FROM emp WHERE name LIKE ?"),
    ("SELECT a FROM foo WHERE value<@name", "SELECT a FROM foo WHERE value < @name"),
    (
        "INSERT INTO table (field1, field2) VALUES (1, $$someone's string123$with other things$$)",
        "INSERT INTO table ( field1, field2 ) VALUES ( ? )",
    ),
    ("SELECT nspname FROM pg_class where nspname !~* '.*toIgnoreInsensitive.*'", "SELECT nspname FROM pg_class where nspname !~* ?"),
    ("SELECT * FROM dbo.Items WHERE id = 1 or /*!obfuscation*/ 1 = 1", "SELECT * FROM dbo.Items WHERE id = ? or ? = ?"),
    ("SELECT TO_DATE(TO_CHAR(TO_DATE(bar.h,?),?),?) FROM t", "SELECT TO_DATE ( TO_CHAR ( TO_DATE ( bar.h, ? ) ) ) FROM t"),
    ("select users.custom #>> '{a,b}' from users", "select users.custom"),
]

DIALECTS = [
    ("mssql", "SELECT * from [db_users] where [id] = @1", "SELECT * from db_users where id = @1"),
    ("mssql", "select * from ##ThisIsAGlobalTempTable where id = 1", "select * from ##ThisIsAGlobalTempTable where id = ?"),
    ("mssql", "SELECT [a].[b] FROM [c] OUTPUT $action, inserted.*", "SELECT a . b FROM c OUTPUT $action, inserted.*"),
    ("postgresql", "select users.custom #>> '{a,b}' from users", "select users.custom #>> ? from users"),
    ("postgresql", "select users.custom ->> 'foo' from users", "select users.custom ->> ? from users"),
    ("postgresql", "select * from users where user.custom @> '{a,b}'", "select * from users where user.custom @> ?"),
    ("postgresql", "SELECT a FROM foo WHERE value<@name", "SELECT a FROM foo WHERE value <@ name"),
    ("postgresql", "select * from users where user.custom ? 'foo'", "select * from users where user.custom ? ?"),
    ("postgresql", "select * from users where user.custom ?| array [ '1', '2' ]", "select * from users where user.custom ?| array [ ? ]"),
]


@pytest.mark.parametrize(("text", "result"), GENERIC)
@pytest.mark.parametrize("db_type", ["", "mysql", "oracle"])
def test_without_a_dialect_of_its_own(text, result, db_type):
    assert obfuscate_sql(text, db_type) == result


@pytest.mark.parametrize(("db_type", "text", "result"), DIALECTS)
def test_dialects(db_type, text, result):
    assert obfuscate_sql(text, db_type) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("SELECT 'it\\'s' + 'b'", "SELECT ? + ?"),
        ("SELECT '\\' 'b'", "SELECT ?"),
        ("SELECT 'a'b", "SELECT ? b"),
        ("SELECT 'never ended secret", "SELECT ?"),
        ('SELECT "never ended secret', "SELECT ?"),
        ("SELECT `never ended secret", "SELECT ?"),
        ("SELECT {never ended 'secret", "SELECT ?"),
        ("SELECT /* never ended secret", "SELECT"),
        ("SELECT {a 'quoted }' b} x", "SELECT ? x"),
        ("SELECT -0xff, -.5", "SELECT ?"),
        ("SELECT a.5", "SELECT a.5"),
        ('SELECT "a".5', "SELECT a.?"),
        ("-. 5", "-. ?"),
        ('SELECT "a".*, `b`.`c`, `d`.e FROM `  `', "SELECT a.*, b . c, d . e FROM `  `"),
        ('SELECT "say ""x""" FROM t', 'SELECT say "x" FROM t'),
        ("SELECT 1 AS 2, 3", "SELECT ?, ?"),
        ("SELECT a AS 'x', b", "SELECT a, b"),
        ("CREATE VIEW v AS SELECT 1", "CREATE VIEW v AS SELECT ?"),
        ("SELECT a AS", "SELECT a AS"),
        ('SELECT a AS "x", b', "SELECT a, b"),
        ("SELECT a AS :x, b AS $y FROM t AS @z", "SELECT a, b FROM t"),
        ("SELECT a AS \\ b", "SELECT a b"),
        ("SELECT a AS ?, b", "SELECT a ? b"),
        ("SELECT a AS ?, ? FROM t", "SELECT a ? FROM t"),
        ("SELECT [1]2, 3", "SELECT [ ? ] ?"),
        ("SELECT a;1, 2", "SELECT a ?"),
        ("SELECT $abc$ x", "SELECT $abc$ x"),
        ("SELECT $ x", "SELECT $ x"),
        ("a AS null b", "a b"),
        ("ROLLBACK TO SAVEPOINT abc; SELECT 1", "ROLLBACK TO SAVEPOINT ? SELECT ?"),
        ("SAVEPOINT (x)", "SAVEPOINT ( x )"),
        ("SELECT :name. x", "SELECT :name. x"),
        ("SELECT 5 % 3", "SELECT ? % ?"),
        ("a\\b", "a\\ b"),
        ("a\u2003b\x85c\xa0é\x1fd", "a b c é\x1f d"),
        ("", ""),
    ],
)
def test_what_the_rows_leave_open(text, result):
    assert obfuscate_sql(text) == result


def test_an_unended_bracket_hides_the_rest_where_brackets_are_quotes():
    assert obfuscate_sql("SELECT [a WHERE x = 'secret'", "mssql") == "SELECT ?"
    assert obfuscate_sql("SELECT [a ].b, [c].[d] FROM #t", "mssql") == "SELECT a . b, c . d FROM #t"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("IN ( ?, ?, ? )", "IN ( ? )"),
        ("a [ ? ? ]", "a [ ? ]"),
        ("a ( ? ? ]", "a ( ? ? ]"),
        ("values ( ? ), ( ? ) ( ? ) ()", "values ( ? )"),
        ("MYVALUES ( ? ), ( ? )", "MYVALUES ( ? ), ( ? )"),
        ("x limit ?, ?", "x limit ?"),
        ("LIMIT ? ?", "LIMIT ?"),
        ("nolimit ?, ?", "nolimit ?, ?"),
        ("( VALUES ( ?, ? ), ( ? ) )", "( VALUES ( ? ) )"),
    ],
)
def test_lists_become_one(text, result):
    assert shorten(text) == result


# --- long texts


def test_of_a_long_text_the_beginning_is_kept_with_a_mark():
    rows = ", ".join(f"('name {number}', {number})" for number in range(10_000))
    assert obfuscate_sql(f"INSERT INTO people (name, id) VALUES {rows}") == "INSERT INTO people ( name, id ) VALUES ( ? ) ( ?" + CUT_MARK


@pytest.mark.parametrize("secret", ["'it\\'s SECRET SECRET'", "$tag$ SECRET SECRET $tag$", "{ SECRET }", '" SECRET', "'SECRET ''SECRET'"])
@pytest.mark.parametrize("db_type", DB_TYPES)
def test_a_literal_that_goes_beyond_the_bound_is_hidden(secret, db_type):
    for kept in range(1, len(secret)):
        text = "a = ".rjust(TEXT_CHARACTERS_MAX - kept) + secret + "x" * 10
        assert "SECRET" not in obfuscate_sql(text, db_type)


# fmt: off
HOSTILE = (
    "'\\'b ", "'\\''x", "'\\'\\''b", "$a$", "$a", "$ab$c", "%(", "%(a", "/*", "{", "{'", '"', "`", "[", "a.", ".5", "1,", "'a',", "AS ",
    "as a ", "as 'a' ", "as 1,", '"a   ', '"   " as ', "(", ") (?", "?, ?", "( ?", "VALUES (1), ", "limit ?, ?", "'", "''", "-", "1e",
    "; ", "#", "\n--", "é.", "x'", "savepoint 1,", " ",
)
# fmt: on


@pytest.mark.long
@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear_in_the_length_and_bounded(piece):
    def seconds(length: int) -> float:
        start = time.process_time()
        for _ in range(3):
            obfuscate_sql((piece * (length // len(piece) + 1))[:length])
        return time.process_time() - start

    quarter, whole, megabyte = (min(seconds(length) for _ in range(3)) for length in (16_384, 65_536, 1 << 20))
    assert whole < 10 * quarter + 0.02
    assert megabyte < 2 * whole + 0.05


# --- any text

NAMES = st.sampled_from(["users", "t", "a.b", '"user name"', "`id`", "[x]", "*", "count(*)", "Descripció"])
OPERATORS = st.sampled_from(["=", "<", ">=", "<>", "LIKE", "+", "||", "- "])
SECRET_NUMBERS = st.integers(100_000, 10**12).map(str) | st.floats(1e5, 1e12).map(lambda number: f"{number:.3f}")
SECRET_TEXTS = st.text("abcxyz '%$?-é;(", max_size=12).map(lambda text: "'SECRET" + text.replace("'", "''") + "'")
SECRETS = SECRET_NUMBERS | SECRET_TEXTS | st.just("$$SECRET 'x$$") | st.just("$q$ SECRET $q$") | st.just("X'123456ABCDEF'")


@st.composite
def statements(draw):
    """SQL that holds numbers of six digits and more, and texts with the word SECRET, where literals may stand."""
    conditions = draw(st.lists(st.tuples(NAMES, OPERATORS, SECRETS).map(" ".join), min_size=1, max_size=4))
    values = draw(st.lists(SECRETS, min_size=1, max_size=4))
    return draw(
        st.sampled_from(
            [
                f"SELECT * FROM t WHERE {' AND '.join(conditions)}",
                f"INSERT INTO t (a, b) VALUES ({', '.join(values)}), ({','.join(values)})",
                f"UPDATE t SET {', '.join(conditions)} WHERE x IN ({', '.join(values)})",
                f"SELECT f({', '.join(values)}) AS total, {values[0]} FROM t -- {values[0]}\nLIMIT {values[-1]}",
            ]
        )
    )


@given(statements(), st.sampled_from(DB_TYPES))
def test_no_literal_survives(text, db_type):
    result = obfuscate_sql(text, db_type)
    assert "SECRET" not in result
    assert re.search("[0-9]{4}", result) is None


@given(statements().filter(lambda text: " AS " not in text), st.sampled_from(DB_TYPES))
def test_what_is_obfuscated_stays_as_it_is(text, db_type):
    once = obfuscate_sql(text, db_type)
    assert obfuscate_sql(once, db_type) == once


@given(st.lists(st.sampled_from([*HOSTILE, *"'\"`$[]{}()?.,;:-+*/#%@|<>= \n\\", "null", "1.5e", "word", "\ud800"]) | st.text(max_size=3)))
def test_every_text_gives_a_text(pieces):
    text = "".join(pieces)
    for db_type in DB_TYPES:
        result = obfuscate_sql(text, db_type)
        assert result == result.rstrip(" ")


@given(st.lists(st.sampled_from(["SELECT", "a", "(", ")", ",", "1", "as", "null", "=", ";", "[", "]", "?", ".", "savepoint", "limit"])))
def test_comments_between_the_tokens_change_nothing(words):
    for db_type in ("", "postgresql"):
        assert obfuscate_sql(" /* x */ ".join(words), db_type) == obfuscate_sql("  ".join(words), db_type)


@given(
    st.lists(
        st.lists(st.sampled_from(["1", "-2.5e3", "'a, (b)'", "null", "?", "%s", "$1", "now()", "x"]), min_size=1, max_size=3), min_size=1
    ),
    st.sampled_from(["VALUES", "a AS values", '"a".values', "x"]),
    st.sampled_from(DB_TYPES),
)
def test_rows_of_an_insert_give_what_their_tokens_give_one_by_one(groups, before, db_type):
    """A comment stands in the way of taking several tokens at once, and changes nothing else."""
    at_once = f"{before} {','.join('(' + ', '.join(group) + ')' for group in groups)}"
    one_by_one = f"{before} {'/**/,'.join('(' + '/**/, '.join(group) + ')' for group in groups)}".replace("(", "(/**/").replace(
        "'a, (/**/", "'a, ("
    )
    assert obfuscate_sql(at_once, db_type) == obfuscate_sql(one_by_one, db_type)
