"""The addresses in values of peer tags."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stats.addresses import BLOCKED, LOCAL, quantise


@pytest.mark.parametrize(
    ("value", "quantised"),
    [
        *((value, "blocked-ip-address") for value in ("192.168.1.1", "192_168_1_1", "192-168-1-1", "2001:db8:3c4d:15::1a2f:1a2b")),
        ("192.168.1.1.foo", "blocked-ip-address.foo"),
        ("192.168.1.1.2.3.4.5", "blocked-ip-address.2.3.4.5"),
        ("192-168-1-1-foo", "blocked-ip-address-foo"),
        ("192.168.1.1:1234", "blocked-ip-address:1234"),
        ("[fe80::1ff:fe23:4567:890a]:8080", "blocked-ip-address:8080"),
        ("dnspoll:///10.21.120.145:6400", "dnspoll:///blocked-ip-address:6400"),
        ("ip-10-152-4-129.ec2.internal", "ip-blocked-ip-address.ec2.internal"),
        ("10-60-160-172.my-service.local", "blocked-ip-address.my-service.local"),
        (
            "192.168.1.1:1234,10.23.1.1:53,10.23.1.1,fe80::1ff:fe23:4567:890a,foo.dog",
            "blocked-ip-address:1234,blocked-ip-address:53,blocked-ip-address,foo.dog",
        ),
        (
            "http://172.24.160.151:8091,172.24.163.33:8091,172.24.164.111:8091",
            "http://blocked-ip-address:8091,blocked-ip-address:8091",
        ),
        ("ftp://10.0.0.1", "ftp://blocked-ip-address"),
        ("http:////10.0.0.1", "http:////10.0.0.1"),
        ("http:/10.0.0.1", "http:/10.0.0.1"),
        ("ws://10.0.0.1", "ws://10.0.0.1"),
        ("1.2.3.4foo", "blocked-ip-addressfoo"),
        ("127-0-0-1", "blocked-ip-address"),
    ],
)
def test_addresses_are_replaced_and_what_stands_around_them_is_kept(value, quantised):
    assert quantise(value) == quantised


UNCHANGED = ["", "foo.dog", "1-foo", "1-2-3-foo", "1-2-3-999", "7-55-2-app.agent.datadoghq.com", "01.2.3.4", "1.2.3.04", "1.2-3.4", "1.2.3"]
ODD = ["1.2.3.1234", "256.1.1.1", "::", "[::1]", "[fe80::1", "[x]:1", "1.2.3.", "١.٢.٣.٤", "127.0.0.1:8080", "http://127.0.0.1/x", "a:b:c"]


@pytest.mark.parametrize("value", [*UNCHANGED, *(value for value in ODD if value != "::"), *sorted(LOCAL)])
def test_other_values_stay_as_they_are(value):
    assert quantise(value) == value


def test_the_address_of_no_interface_is_an_address():
    assert quantise("::") == BLOCKED


ADDRESSES = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address) | st.integers(2, 2**128 - 1).map(ipaddress.IPv6Address)


@given(ADDRESSES.map(str).filter(lambda address: address not in LOCAL))
def test_every_address_is_replaced(address):
    assert quantise(address) == BLOCKED
    wrapped = f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    assert quantise(f"http://{wrapped}:80") == f"http://{BLOCKED}:80"


@given(st.text(st.sampled_from("0123456789.-_:,[]abfhtp/%"), max_size=40))
def test_quantising_never_fails_and_again_changes_nothing(value):
    once = quantise(value)
    assert quantise(once) == once


@given(st.lists(st.sampled_from(["a", "b", "10.0.0.1", "10.0.0.2:1", ""]), min_size=1, max_size=8))
def test_parts_that_look_the_same_are_kept_once(parts):
    quantised = quantise(",".join(parts)).split(",")
    assert len(set(quantised)) == len(quantised)
