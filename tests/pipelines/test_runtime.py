import pytest

from pipelines.runtime import runtime_of, runtime_of_environ, runtime_of_release


@pytest.mark.parametrize(
    ("environ", "runtime"),
    [
        (b"A=b\0AWS_EXECUTION_ENV=AWS_Lambda_python3.12\0C=d\0", "python3.12"),
        (b'\0NAME ="AmazonLinux"\0V="2\0AWS_EXECUTION_ENV="AWS_Lambda_java123"\0somethingelse="abd\0"', "java123"),
        (b"AWS_EXECUTION_ENV=AWS_Lambda_java8.al2", "java8.al2"),
        (b"AWS_EXECUTION_ENV=AWS_Lambda_nodejs20.x\0", "nodejs20.x"),
        (b"AWS_EXECUTION_ENV=AWS_Lambda_dotnet8\0", "dotnet8"),
        (b"NOT_AWS_EXECUTION_ENV=AWS_Lambda_dotnet8\0", ""),
        (b"X=AWS_EXECUTION_ENV=AWS_Lambda_dotnet8\0", ""),
        (b"AWS_EXECUTION_ENV=\0", ""),
        (b"AWS_EXECUTION_ENV=\xff\0", ""),
        (b"\xff\xfe=1\0AWS_EXECUTION_ENV=AWS_Lambda_go1.x\0", "go1.x"),
        (b"", ""),
    ],
)
def test_the_runtime_is_what_a_process_was_started_with(environ, runtime):
    assert runtime_of_environ(environ) == runtime


@pytest.mark.parametrize(
    ("os_release", "runtime"),
    [
        (b'NAME="x"\nPRETTY_NAME="Amazon Linux 2"\n', "provided.al2"),
        (b'PRETTY_NAME="Amazon Linux 2023.4.20240429"', "provided.al2023"),
        (b'PRETTY_NAME="Amazon Linux 22"', "unknown"),
        (b'PRETTY_NAME="Debian GNU/Linux 12"', "unknown"),
        (b"", "unknown"),
    ],
)
def test_without_such_a_process_the_operating_system_tells(os_release, runtime):
    assert runtime_of_release(os_release) == runtime
    assert runtime_of([b"A=b\0", b""], os_release) == runtime


def test_the_first_process_that_tells_is_believed_and_no_other_is_looked_at():
    def environments():
        yield b"A=b\0"
        yield b"AWS_EXECUTION_ENV=AWS_Lambda_ruby3.3\0"
        raise AssertionError("looked on")

    assert runtime_of(environments(), b'PRETTY_NAME="Amazon Linux 2"') == "ruby3.3"
