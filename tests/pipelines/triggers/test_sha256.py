import hashlib
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from pipelines.triggers.sha256 import sha256


@given(st.binary(max_size=300))
def test_it_is_the_hash_that_everybody_knows(data):
    assert sha256(data) == hashlib.sha256(data).digest()


def test_no_cryptographic_library_is_loaded_for_it():
    program = "import sys, pipelines.triggers.sha256; print('_hashlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
