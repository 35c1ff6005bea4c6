"""Make ``traffic.pcap``: real programs talk over a veth pair, tcpdump records one end.

Usage (as root, on Linux 6.6 or newer)::

    python3 make_capture.py traffic.pcap

It needs a kernel with veth, macvlan and BPF, and the programs ip, ss, ethtool, tcpdump, nginx,
curl, dnsmasq, dig, iperf3, redis-server, redis-benchmark and ping.

Two network namespaces, made here and removed at the end, are joined by a veth pair; nothing
leaves them. The names and addresses are those reserved for documentation and testing
(RFC 6761, RFC 5737, RFC 3849), the files served come from a seeded generator, and the MAC
addresses are fixed, so that the recording says nothing about the machine that made it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEED = 20240611
DEADLINE_S = 150  # the whole script ends by then
SIZE_LIMIT = 2_000_000

CLIENT, SERVER = f"capture-client-{os.getpid()}", f"capture-server-{os.getpid()}"
CLIENT_4, SERVER_4 = "192.0.2.1", "192.0.2.2"
CLIENT_6, SERVER_6 = "2001:db8::1", "2001:db8::2"
VLAN_CLIENT_4, VLAN_SERVER_4 = "198.51.100.1", "198.51.100.2"
VLAN_CLIENT_6, VLAN_SERVER_6 = "2001:db8:7::1", "2001:db8:7::2"
VLAN_ID = 7
NAME = "www.example.test"

FILES = {"page-2k.html": 2, "page-20k.html": 20, "image-60k.bin": 60, "archive-200k.bin": 200}
SMALL_FILES = 60
WORDS = (
    "bus buffer burst bridge block cache copy cycle delay descriptor device direct doorbell "
    "driver frame header host latency link memory method network packet payload prefetch "
    "process queue random read record remote request ring segment shadow signal transfer wait"
).split()


def run(line: str, *more: str, namespace: str | None = None) -> str:
    """Run a command to its end, in a namespace if one is named, and return what it printed.

    Its words are those of the line, and after them the words in `more`, which may hold spaces.
    """
    prefix = f"ip netns exec {namespace} " if namespace else ""
    command = [*(prefix + line).split(), *more]
    return subprocess.run(
        command, check=True, timeout=30, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ).stdout


def start(
    stack: contextlib.ExitStack, namespace: str, line: str, *more: str
) -> subprocess.Popen[str]:
    """Start a program in a namespace; leaving the stack ends it by its own process id."""
    # `ip netns exec` replaces itself by the program, so the process id is the program's.
    command = [*f"ip netns exec {namespace} {line}".split(), *more]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe)
    stack.callback(stop, process)
    return process


def stop(process: subprocess.Popen[str]) -> str:
    """End one program and return what it wrote to standard error."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.communicate(timeout=10)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[1]
    except ValueError:  # its pipes were read and closed by an earlier call
        return ""


def await_port(namespace: str, port: int) -> None:
    """Wait until something in the namespace listens on a port, without sending it anything."""
    for _ in range(100):
        listening = run(f"ss -Hltun sport = :{port}", namespace=namespace)
        if listening.strip():
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


# --- the wire -----------------------------------------------------------------------------


def make_wire(stack: contextlib.ExitStack) -> None:
    """Two namespaces and the veth pair `wire` between them, still down."""
    for namespace in (CLIENT, SERVER):
        run(f"ip netns add {namespace}")
        stack.callback(run, f"ip netns del {namespace}")
        run("ip link set lo up", namespace=namespace)
    run(
        f"ip link add wire netns {CLIENT} address 02:00:00:00:00:01 type veth"
        f" peer name wire netns {SERVER} address 02:00:00:00:00:02"
    )
    for last, namespace, v4, v6, vlan_v4, vlan_v6 in (
        (1, CLIENT, CLIENT_4, CLIENT_6, VLAN_CLIENT_4, VLAN_CLIENT_6),
        (2, SERVER, SERVER_4, SERVER_6, VLAN_SERVER_4, VLAN_SERVER_6),
    ):
        address = f"02:00:00:00:07:0{last}"
        run(
            f"ip link add link wire name vlan7 address {address} type macvlan mode private",
            namespace=namespace,
        )
        for device, address4, address6 in (("wire", v4, v6), ("vlan7", vlan_v4, vlan_v6)):
            # Packets as large as the MTU and with true checksums, tags within their bytes.
            run(f"ethtool -K {device} tso off gso off gro off tx off", namespace=namespace)
            run(f"ip address add {address4}/24 dev {device}", namespace=namespace)
            run(f"ip address add {address6}/64 dev {device}", namespace=namespace)
        run("ethtool -K wire txvlan off rxvlan off", namespace=namespace)
        holder = start(stack, namespace, f"{sys.executable} {__file__} tag vlan7 {VLAN_ID}")
        assert holder.stdout is not None
        if holder.stdout.readline() != "ready\n":
            raise RuntimeError(f"VLAN tagging did not start: {stop(holder)}")


def wire_up() -> None:
    run("ip link set wire up", namespace=SERVER)
    for namespace in (SERVER, CLIENT):
        run("ip link set vlan7 up", namespace=namespace)
    for namespace in (SERVER, CLIENT):
        for _ in range(100):  # until duplicate address detection has ended
            if not run("ip -6 address show tentative", namespace=namespace).strip():
                break
            time.sleep(0.05)


def tag_device(device: str, vlan: int) -> None:
    """Make a device a VLAN's: the kernel tags what it sends and untags what it receives.

    This stands in for ``type vlan`` (CONFIG_VLAN_8021Q), which small kernels lack. Two BPF
    programs on the device's egress and ingress call the kernel's own bpf_skb_vlan_push and
    bpf_skb_vlan_pop; they hold for as long as this process runs.
    """
    call = ctypes.CDLL(None, use_errno=True).syscall
    number = {"x86_64": 321, "aarch64": 280}[platform.machine()]

    def bpf(command: int, attributes: bytes) -> int:
        room = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
        result = int(call(number, command, room, 128))
        if result < 0:
            raise OSError(ctypes.get_errno(), f"bpf command {command}")
        return result

    def instruction(code: int, registers: int = 0, jump: int = 0, value: int = 0) -> bytes:
        return struct.pack("=BBhi", code, registers, jump, value)

    passed = instruction(0xB7, 0) + instruction(0x95)  # r0 = 0 (pass); exit
    dropped = instruction(0xB7, 0, 0, 2) + instruction(0x95)  # r0 = 2 (drop); exit
    egress = (
        instruction(0xB7, 2, 0, socket.htons(0x8100))  # r2 = the tag's EtherType
        + instruction(0xB7, 3, 0, vlan)  # r3 = the tag
        + instruction(0x85, 0, 0, 18)  # r0 = bpf_skb_vlan_push(r1, r2, r3)
        + instruction(0x15, 0, 2, 0)  # if r0 == 0 skip the drop
        + dropped
        + passed
    )
    ingress = (
        instruction(0x61, 0x12, 24)  # r2 = skb->vlan_tci
        + instruction(0x57, 2, 0, 0xFFF)  # r2 &= the identifier's bits
        + instruction(0x55, 2, 3, vlan)  # if r2 != vlan go to the drop
        + instruction(0x85, 0, 0, 19)  # r0 = bpf_skb_vlan_pop(r1)
        + passed
        + dropped
    )
    scheduler_class, load, link = 3, 5, 28  # BPF_PROG_TYPE_SCHED_CLS, _PROG_LOAD, _LINK_CREATE
    licence = ctypes.create_string_buffer(b"GPL")
    for attach, program in ((46, ingress), (47, egress)):  # BPF_TCX_INGRESS, BPF_TCX_EGRESS
        code = ctypes.create_string_buffer(program, len(program))
        pointers = (ctypes.addressof(code), ctypes.addressof(licence))
        loaded = bpf(load, struct.pack("=IIQQ", scheduler_class, len(program) // 8, *pointers))
        bpf(link, struct.pack("=IIII", loaded, socket.if_nametoindex(device), attach, 0))
    print("ready", flush=True)
    sys.stdin.read()  # the links live until the parent closes the pipe or ends this process


# --- the servers --------------------------------------------------------------------------


def make_files(root: Path) -> None:
    generator = random.Random(SEED)
    (root / "small").mkdir(parents=True)
    contents: dict[str, bytes] = {}
    for name, kibibytes in FILES.items():
        size = kibibytes * 1024
        if name.endswith(".html"):
            text = "<!doctype html><title>Example</title><p>"
            while len(text) < size:
                text += generator.choice(WORDS) + generator.choice((" ", " ", " ", ". ", "\n<p>"))
            contents[name] = text[:size].encode()
        else:
            contents[name] = generator.randbytes(size)
    for number in range(SMALL_FILES):
        record = f'{{"id": {number}, "name": "{generator.choice(WORDS)}", "value": '
        contents[f"small/{number:03d}.json"] = f"{record}{generator.random():.6f}}}\n".encode()
    for name, content in contents.items():
        (root / name).write_bytes(content)
        os.utime(root / name, (0, 0))  # the time stamp goes into HTTP's headers


def start_servers(stack: contextlib.ExitStack, folder: Path) -> None:
    make_files(folder / "www")
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        "events {}\n"
        "http { server_tokens off; access_log off; keepalive_requests 1000;\n"
        "  types { text/html html; application/json json; }\n"
        + "".join(
            f"  {kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        + f"  server {{ listen 80; listen [::]:80; root {folder}/www; }} }}\n"
    )
    start(stack, SERVER, f"nginx -e {folder}/error.log -c {configuration}")
    long_text = ",".join(" ".join(WORDS)[at : at + 200] for at in (0, 20, 40))
    start(
        stack,
        SERVER,
        "dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= --no-resolv"
        f" --no-hosts --local=/test/ --edns-packet-max=4096 --mx-host=example.test,{NAME},10"
        f" --host-record={NAME},{SERVER_4},{SERVER_6} --txt-record=example.test,v=example"
        f" --host-record=vlan.example.test,{VLAN_SERVER_4},{VLAN_SERVER_6}",
        *(f"--txt-record=long.example.test,{number},{long_text}" for number in range(6)),
    )
    redis = f"redis-server --appendonly no --dir {folder} --protected-mode no --bind * -::* --save"
    start(stack, SERVER, redis, "")
    start(stack, SERVER, "iperf3 --server")
    for port in (80, 53, 6379, 5201):
        await_port(SERVER, port)


# --- the clients --------------------------------------------------------------------------


def client(line: str, *more: str) -> str:
    return run(line, *more, namespace=CLIENT)


def download(address: str, *names: str) -> None:
    """Fetch files over one kept-alive HTTP connection, as from a host of the reserved name."""
    literal = f"[{address}]" if ":" in address else address
    targets = " ".join(f"--output /dev/null http://{NAME}/{name}" for name in names)
    client(f"curl --silent --show-error --fail --resolve {NAME}:80:{literal} {targets}")


def ask(server: str, *questions: str) -> None:
    for question in questions:
        client(f"dig +tries=1 +time=3 @{server} {question}")


def small_names(start_at: int, count: int) -> list[str]:
    return [f"small/{number:03d}.json" for number in range(start_at, start_at + count)]


def talk() -> None:
    names = [f"{NAME} A", f"{NAME} AAAA", "example.test MX", "example.test TXT"]
    names += ["vlan.example.test A", "missing.example.test A", "other.test AAAA"]
    long_answer = "+bufsize=4096 long.example.test TXT"
    # Plain IPv4.
    client(f"ping -c 3 -i 0.2 {SERVER_4}")
    ask(SERVER_4, *names, *names, long_answer)
    download(SERVER_4, *FILES)
    download(SERVER_4, *small_names(0, SMALL_FILES))
    for number in range(12):
        download(SERVER_4, *small_names(number, 1))
    client(f"redis-benchmark -h {SERVER_4} -t set,get -n 200 -c 4 -d 40 -q")
    client(f"iperf3 --client {SERVER_4} --bytes 350K")
    client(f"iperf3 --client {SERVER_4} --bytes 120K --reverse")
    # IPv6.
    client(f"ping -6 -c 3 -i 0.2 {SERVER_6}")
    ask(SERVER_6, *names, long_answer)
    download(SERVER_6, "page-2k.html", "page-20k.html", "image-60k.bin")
    download(SERVER_6, *small_names(20, 30))
    client(f"redis-benchmark -h {SERVER_6} -t get -n 60 -c 2 -q")
    # The tagged network.
    client(f"ping -c 3 -i 0.2 {VLAN_SERVER_4}")
    ask(VLAN_SERVER_4, *names)
    ask(VLAN_SERVER_6, *names[:3])
    download(VLAN_SERVER_4, "page-20k.html", "image-60k.bin")
    download(VLAN_SERVER_4, *small_names(0, 20))
    download(VLAN_SERVER_6, "page-20k.html")
    # IPv4 with options, and fragments.
    client(f"ping -c 3 -i 0.2 -R {SERVER_4}")
    for server in (SERVER_4, VLAN_SERVER_4):
        client(f"{sys.executable} {__file__} options {server}")
    client(f"ping -c 2 -i 0.2 -s 3000 {SERVER_4}")
    client(f"ping -6 -c 2 -i 0.2 -s 3000 {SERVER_6}")


def talk_with_options(server: str) -> None:
    """HTTP over TCP and DNS over UDP whose IPv4 headers carry options (RFC 791)."""
    record_route = bytes([7, 39, 4]) + bytes(37)
    time_stamps = bytes([68, 36, 5, 0]) + bytes(32)
    for options, name in ((record_route, "page-20k.html"), (time_stamps, "page-2k.html")):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
            stream.settimeout(5)
            stream.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, options)
            stream.connect((server, 80))
            request = f"GET /{name} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n"
            stream.sendall(request.encode())
            while stream.recv(65536):
                pass
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            datagram.settimeout(5)
            datagram.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, options)
            for number in range(5):
                labels = b"".join(bytes([len(part)]) + part for part in NAME.encode().split(b"."))
                query = struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
                datagram.sendto(query, (server, 53))
                datagram.recv(4096)


# --- the recording ------------------------------------------------------------------------


def record(path: Path) -> None:
    signal.alarm(DEADLINE_S)
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"gave up after {DEADLINE_S} s"))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # Servers take files from here whether or not they give up root's rights.
        folder.chmod(0o755)
        make_wire(stack)
        # tcpdump wants its end up; without a carrier nothing is sent before the other end is.
        run("ip link set wire up", namespace=CLIENT)
        recorder = start(
            stack,
            CLIENT,
            "tcpdump -i wire --snapshot-length=0 --packet-buffered --time-stamp-precision=nano"
            f" --buffer-size=16384 -Z root -w {folder}/traffic.pcap",
        )
        assert recorder.stderr is not None
        while "listening on" not in (line := recorder.stderr.readline()):
            if not line:
                raise RuntimeError("tcpdump did not start")
        wire_up()
        start_servers(stack, folder)
        talk()
        time.sleep(0.5)
        summary = stop(recorder)
        print(summary.strip())
        if not re.search(r"^0 packets dropped by kernel", summary, re.MULTILINE):
            sys.exit("tcpdump lost packets: run it again")
        content = (folder / "traffic.pcap").read_bytes()
        if len(content) > SIZE_LIMIT:
            sys.exit(f"{len(content)} bytes are more than the allowed {SIZE_LIMIT}")
        own = (socket.gethostname().encode(), str(folder).encode(), bytes(Path.cwd()))
        if found := [word for word in own if len(word) > 3 and word in content]:
            sys.exit(f"the recording holds this machine's own words: {found}")
        path.write_bytes(content)


if __name__ == "__main__":
    if sys.argv[1] == "tag":
        tag_device(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "options":
        talk_with_options(sys.argv[2])
    else:
        record(Path(sys.argv[1]))
