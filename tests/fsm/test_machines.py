import ast
import subprocess
import sys
from pathlib import Path

import pytest

from fsm.engine import Table
from fsm.machines import MACHINES, PLACES, about

FSM = Path(__file__).parents[2] / "fsm"


def tables_of(path):
    """(module, name) of everything at a module's top that is annotated as a table."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation).startswith("Table["):
            yield path.stem, ast.unparse(node.target)


def test_every_table_of_the_folder_is_listed():
    assert {place for path in FSM.glob("*.py") for place in tables_of(path)} == set(PLACES.values())


@pytest.mark.parametrize("name", MACHINES)
def test_each_is_a_table_of_that_name_with_a_sentence_about_it(name):
    assert isinstance(MACHINES[name], Table)
    assert MACHINES[name].name == name
    assert about(name).endswith(".")
    assert "\n" not in about(name)


@pytest.mark.parametrize("name", ["", "engine", "on-demand", "managed", "os"])
def test_any_other_name_is_none(name):
    assert name not in MACHINES
    with pytest.raises(KeyError):
        MACHINES[name]


def test_listing_the_names_imports_no_machine():
    code = "import sys; from fsm.machines import MACHINES; list(MACHINES); sys.exit('fsm.on_demand' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=FSM.parent, check=False).returncode == 0
