from router.tools.hosts.doors import SshDoor, TcpDoor, UnixDoor
from router.tools.hosts.host import Host, backends_of
from router.tools.spec import BackendSummary


def backend(name: str, address: str) -> BackendSummary:
    return BackendSummary(name, "vllm", True, "free", (), False, address)


KNOWN = (
    backend("a", "gpu.lan"),
    backend("b", "10.0.0.7"),
    backend("c", "localhost"),
    backend("d", ""),
    backend("e", "elsewhere"),
)


def names(name: str, **hosts: Host) -> str:
    return "".join(one.name for one in backends_of(name, hosts, KNOWN))


def test_a_backend_is_on_the_machine_whose_address_it_has() -> None:
    assert names("gpu", gpu=Host(address="GPU.lan.")) == "a"
    assert names("gpu", gpu=Host(node_exporter="http://10.0.0.7:9100/metrics")) == "b"
    assert names("gpu", gpu=Host(gpu_exporter="http://10.0.0.7:9400")) == "b"
    assert names("gpu", gpu=Host(docker=TcpDoor("gpu.lan", 2376))) == "a"
    assert names("gpu", gpu=Host(docker=SshDoor("elsewhere"))) == "e"
    assert names("elsewhere", elsewhere=Host()) == "e"
    assert names("gpu", gpu=Host(docker=UnixDoor("/run/docker.sock"))) == ""


def test_backends_that_are_named_are_the_only_ones() -> None:
    assert names("gpu", gpu=Host(("b",), address="gpu.lan")) == "b"
    assert names("a", a=Host(("b",))) == "ab"


def test_loopback_is_nobody_elses() -> None:
    assert names("gpu", gpu=Host(address="127.0.0.1")) == ""
    assert names("localhost", localhost=Host()) == ""


def test_a_local_machine_has_what_no_other_has() -> None:
    others = {"gpu": Host(address="gpu.lan"), "nas": Host(("b",)), "e": Host()}
    assert names("home", home=Host(local=True), **others) == "cd"
    assert names("home", home=Host(("e",), local=True), **others) == "e"
    assert names("home", home=Host(local=True)) == "abcde"


def test_where_a_machine_can_be_knocked_at() -> None:
    assert Host(node_exporter="http://nas:9100/metrics", address="x").knockable == ("nas", 9100)
    assert Host(node_exporter="https://nas/metrics").knockable == ("nas", 443)
    assert Host(gpu_exporter="http://nas").knockable == ("nas", 80)
    assert Host(docker=TcpDoor("nas", 2376), address="x").knockable == ("nas", 2376)
    assert Host(docker=SshDoor("alias-of-ssh")).knockable is None
    assert Host(address="nas").knockable == ("nas", 22)
    assert Host(address="nas", local=True).knockable is None
    assert Host(backends=("a",)).knockable is None
