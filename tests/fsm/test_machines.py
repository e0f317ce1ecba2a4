import ast
import subprocess
import sys
from pathlib import Path

import pytest

from fsm.engine import Table
from fsm.machines import MACHINES, about

FSM = Path(__file__).parents[2] / "fsm"


def test_every_table_of_the_folder_is_listed():
    def has_table(path):
        targets = [n.target for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.AnnAssign)]
        return any(isinstance(target, ast.Name) and target.id == "TABLE" for target in targets)

    assert {path.stem for path in FSM.glob("*.py") if has_table(path)} == set(MACHINES)


@pytest.mark.parametrize("name", MACHINES)
def test_each_is_a_table_of_that_name_with_a_sentence_about_it(name):
    assert isinstance(MACHINES[name], Table)
    assert MACHINES[name].name == name
    assert about(name).endswith(".")
    assert "\n" not in about(name)


@pytest.mark.parametrize("name", ["", "engine", "on-demand", "os"])
def test_any_other_name_is_none(name):
    assert name not in MACHINES
    with pytest.raises(KeyError):
        MACHINES[name]


def test_listing_the_names_imports_no_machine():
    code = "import sys; from fsm.machines import MACHINES; list(MACHINES); sys.exit('fsm.on_demand' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=FSM.parent, check=False).returncode == 0
