"""Certificates for 127.0.0.1, made for the occasion: one that is trusted, and two that nobody should take."""

import shutil
import subprocess
from pathlib import Path

TRUSTED, EXPIRED, SELF_SIGNED = "trusted.pem", "expired.pem", "self-signed.pem"
"""Files with a certificate and its key. The trusted one is an authority too: it has signed the expired one."""

CAN_BE_MADE = shutil.which("openssl") is not None

_AUTHORITY = """
[ca]
default_ca = here
[here]
database = index.txt
serial = serial.txt
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = loopback
[any]
commonName = supplied
[loopback]
subjectAltName = IP:127.0.0.1
"""
_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=loopback"
_LOOPBACK = "-addext subjectAltName=IP:127.0.0.1"


def make(folder: Path) -> None:
    """Puts all three into an empty folder."""
    signs = "-addext keyUsage=critical,digitalSignature,keyCertSign"
    _openssl(folder, f"req -x509 {_KEY} -days 2 {_LOOPBACK} {signs} -keyout ca.key -out ca.crt")
    _openssl(folder, f"req -x509 {_KEY} -days 2 {_LOOPBACK} -keyout alone.key -out alone.crt")
    _openssl(folder, f"req {_KEY} -keyout old.key -out old.csr")
    (folder / "ca.cnf").write_text(_AUTHORITY)
    (folder / "index.txt").touch()
    (folder / "serial.txt").write_text("01\n")
    dates = "-startdate 20200101000000Z -enddate 20200201000000Z"
    _openssl(
        folder,
        f"ca -batch -notext -config ca.cnf -cert ca.crt -keyfile ca.key {dates} -in old.csr -out old.crt",
    )
    for name, parts in ((TRUSTED, "ca"), (SELF_SIGNED, "alone"), (EXPIRED, "old")):
        key, certificate = folder / f"{parts}.key", folder / f"{parts}.crt"
        (folder / name).write_text(key.read_text() + certificate.read_text())


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)
