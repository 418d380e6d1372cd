"""A command in a network of its own, in which every packet that it sends anywhere is seen; Linux only.

The network has the loopback device alone, and every address leads there: nobody answers, and each packet passes a
socket of ours, whatever program or library has sent it. Names are asked for at an address that is not this machine's.
"""

import ipaddress
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support import ROOT

RESOLVER: Final = "192.0.2.53"
"""Where names are asked for: an address that belongs to nobody (RFC 5737)."""
IPV4, IPV6, ALL_PACKETS, PACKET_LEVEL, STATISTICS = 0x0800, 0x86DD, 3, 263, 6
"""Numbers of <linux/if_ether.h> and <linux/if_packet.h>."""
TCP, UDP, DNS, BUFFER = 6, 17, 53, 64 << 20
BEGINNING, OPENED = 0x02, 0x12
"""Flags of a TCP packet: SYN alone opens a connection."""
UNREACHABLE: Final = ((1, 3), (58, 1))
"""Protocol and type of the packets by which this machine says that nobody answers."""
UNSHARED: Final = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
"""A process space too, so that what a command leaves running is waited for."""


def alone(command: Sequence[str], record: Path) -> list[str]:
    """The command line that runs a command in a network of its own and appends to `record` whom it sent something."""
    script = "import sys; from tests.support.alone import main; main(sys.argv[1], sys.argv[2:])"
    return [*_unshared(), sys.executable, "-c", script, str(record), *command]


def _unshared() -> list[str]:
    return [*UNSHARED, *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]


def why_not() -> str:
    """Why this machine cannot give a command a network of its own, or an empty string."""
    lacking = [name for name in ("unshare", "ip", "mount") if shutil.which(name) is None]
    if lacking:
        return f"no {' or '.join(lacking)} on PATH"
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(
            alone(["true"], Path(folder) / "record"), env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    return tried.stderr.strip()[-300:] if tried.returncode else ""


def main(record: str, command: list[str]) -> None:
    """Within the new network: run the command, wait for all that it started, end with its status."""
    for words in ("link set lo up", "route add local default dev lo"):
        subprocess.run(["ip", *words.split()], check=True)
    # Where the kernel has no IPv6, nothing is sent by it either.
    sixth = ["ip", "-6", "route", "add", "local", "default", "dev", "lo"]
    subprocess.run(sixth, check=False, stderr=subprocess.DEVNULL)
    with tempfile.NamedTemporaryFile("w") as names:
        names.write(f"nameserver {RESOLVER}\n")
        names.flush()
        subprocess.run(["mount", "--bind", names.name, "/etc/resolv.conf"], check=True)
        with recording(Path(record)):
            status = subprocess.run(command, check=False).returncode
            while True:  # this is the first process here: orphans are its children
                try:
                    os.wait()
                except ChildProcessError:
                    break
    sys.exit(status if status >= 0 else 128 - status)


@contextmanager
def recording(record: Path) -> Iterator[None]:
    """Append to a file, once each, to whom anything is sent; ends the process if a packet was missed."""
    seen: set[str] = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PACKETS)) as tap:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        tap.bind(("lo", 0))
        tap.settimeout(0.1)
        done = threading.Event()

        def listen() -> None:
            while True:
                try:
                    packet, (_, kind, *_) = tap.recvfrom(2048)
                except TimeoutError:
                    if done.is_set():
                        return
                    continue
                whom = receiver(packet, kind)
                if whom and whom not in seen:
                    seen.add(whom)
                    with record.open("a") as file:
                        file.write(whom + "\n")

        thread = threading.Thread(target=listen)
        thread.start()
        yield
        done.set()
        thread.join()
        _, missed = struct.unpack("II", tap.getsockopt(PACKET_LEVEL, STATISTICS, 8))
    if missed:
        sys.exit(f"{missed} packets were not looked at")


def receiver(packet: bytes, kind: int) -> str:
    """To whom an IP packet goes, and for a question for a name which one; empty for this machine itself."""
    if kind == IPV4:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.IPv4Address(packet[16:20])
        protocol, rest = packet[9], packet[4 * (packet[0] & 15) :]
    elif kind == IPV6:
        address, protocol, rest = ipaddress.IPv6Address(packet[24:40]), packet[6], packet[40:]
        if address.is_multicast and protocol != UDP:
            return ""  # the kernel's own: neighbors are looked for
    else:
        return ""
    answer = (protocol, rest[0]) in UNREACHABLE or (protocol == TCP and rest[13] & OPENED != BEGINNING)
    if address.is_loopback or answer:
        return ""
    port = int.from_bytes(rest[2:4], "big")
    return f"{address} port {port}" + (f", asked for {_name(rest[8:])}" if (protocol, port) == (UDP, DNS) else "")


def _name(question: bytes) -> str:
    """The name that a DNS message (RFC 1035) asks for."""
    labels, place = [], 12
    while place < len(question) and question[place]:
        labels.append(question[place + 1 : place + 1 + question[place]].decode("ascii", "replace"))
        place += 1 + question[place]
    return ".".join(labels)
