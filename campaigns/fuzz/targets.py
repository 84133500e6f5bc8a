"""All targets and their seeds: the example configuration, whole and in parts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from campaigns.fuzz import configuration, responses

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target: `run` takes any bytes, and raises an error if it finds a defect.

    `words` are inserted by the fuzzer, besides single bytes. `longest` is the largest input, in bytes."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    longest: int = 4096


def targets() -> Mapping[str, Target]:
    """Return every target by its name."""
    text = (ROOT / "config.example.yaml").read_text()
    example = "\n".join(_without_comments(text)).encode()
    return {
        "config": Target(
            run=configuration.config,
            seeds=(text.encode(), example, *_FILES),
            words=(*_words(example), *_YAML),
            longest=16_384,
        ),
        "clients": Target(run=configuration.clients, seeds=_CLIENTS),
        "interpolate": Target(
            run=configuration.references, seeds=_REFERENCES, words=_REFERENCES, longest=512
        ),
        "values": Target(run=configuration.values, seeds=_VALUES, longest=256),
        "nami": Target(run=responses.nami, seeds=_with_status(_NAMI, b"\x00", b"\xff"), words=_JSON),
        "wdcf": Target(run=responses.wdcf, seeds=_with_status(_WDCF, b""), words=_JSON),
        "http-response": Target(run=responses.http_response, seeds=_HTTP, words=_words(b" ".join(_HTTP))),
    }


def _without_comments(text: str) -> list[str]:
    lines = (re.sub(r"(^|\s)#.*", "", line).rstrip() for line in text.splitlines())
    return [line for line in lines if line]


def _words(text: bytes) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(re.findall(rb"[A-Za-z][A-Za-z_-]{2,}:?", text)))


def _with_status(bodies: tuple[bytes, ...], *first: bytes) -> tuple[bytes, ...]:
    """Return each body with status 200, and with an error status of each kind."""
    statuses = (b"\x00", b"\x06", b"\x07", b"\x0a", b"\x0b")
    return tuple(one + status + body for one in first for status in statuses for body in bodies)


_FILES = (
    b"providers: {n: {type: nami, api_key: k, api_secret: s}}\n"
    b"jobs: [{name: j, provider: n, cron: '0 9 * * mon-fri', timezone: Asia/Ho_Chi_Minh, wallet: 2}]\n"
    b"rules: [{name: r, type: threshold, above: 1000.50, below: -0.10, field: total}]\n",
    b"providers: &p {w: {type: wdcf, client_secret: s}}\n"
    b"jobs:\n- &j {name: a, provider: w, every: 5m, clients: [A, B]}\n- {<<: *j, name: b}\n"
    b"rules:\n- {name: r, type: delta, rise: 0.5%, within: 15m}\n- {name: s, type: stale, after: 2h}\n",
)
_CLIENTS = (b"CLIENT_001\nCLIENT_002\n", b"# ours\n\n A b/c%&\r\n\xc3\xa9\n", b"\xef\xbb\xbfA\nA\n")
_REFERENCES = (
    b"${NAMI_API_KEY}",
    b"a-${OPS_URL}-b",
    b"${file:wdcf-secret}",
    b"$${literal}",
    b"${file:}",
    b"${MISSING}",
    b"${",
)
_YAML = (
    b"<<: ",
    b"*a",
    b"&a ",
    b"!!str ",
    b"---\n",
    b"~",
    b"${OPS_URL}",
    b"1e99",
    b"0.10",
    b"\xef\xbb\xbf",
    b"? ",
)
_VALUES = (
    *(b"\x00" + text for text in (b"30s", b"5m", b"90d", b"3650d")),
    *(b"\x01" + text for text in (b"1000", b"-0.10", b"1e100", b".5", b"+5.", b"9" * 200)),
    *(b"\x02" + text for text in (b"20%", b"250", b"0.5 %")),
    *(b"\x03" + text for text in (b"60/1m", b"1/1s")),
    *(b"\x04" + text for text in (b"https://nami.exchange", b"http://[::1]:8080/a/b%20c/")),
    *(
        b"\x05" + text
        for text in (b"*/5 * * * *", b"0 9 29 2 *", b"1,2-5 3 1 jan-mar mon-fri", b"0 0 13 * 5")
    ),
)
_JSON = (
    b"null",
    b"true",
    b"1e999",
    b"1E-100",
    b"NaN",
    b"-0",
    b"0.10",
    b'"22":',
    b'"status":',
    b"\\ud800",
    b"[[[[",
)
_NAMI = (
    b'{"status": "ok", "data": {"22": {"value": 1009.8500524310101, "locked_value": 0.10001, "type": 0}}}',
    b'{"status": "ok", "data": {"1": {"value": 5, "locked_value": -1e-8}, "22": {"value": 0, "locked_value": 0}}}',
    b'{"statusCode": 401, "message": "Unauthorized", "error": "x"}',
    b'{"status": "BROKER_ERROR", "code": 6104, "data": {"requestId": "x"}, "message": null}',
)
_WDCF = (
    b'{"status": "success", "message": "", "data": {"userId": 1, "clientId": "CLIENT_001", "balance": 1500.50,'
    b' "updatedAt": "2026-02-01T13:59:30.000Z"}}',
    b'{"status": "success", "message": "", "data": {"clientId": "CLIENT_001", "balance": -1.10e2, "updatedAt": null}}',
    b'{"status": "failed", "message": "Validation failed", "data": {"errors": {"clientId": ["is required"]}}}',
    b'{"status": "failed", "message": "Failed to get balance", "data": {"error": "Database connection failed"}}',
    b'{"status": "error", "message": "Invalid signature", "data": null}',
)
_DATE = b"Date: Sun, 01 Feb 2026 13:59:30 GMT\r\n"
_HTTP = (
    b"HTTP/1.1 200 OK\r\n" + _DATE + b"Content-Length: %d\r\n\r\n" % len(_NAMI[0]) + _NAMI[0],
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(_NAMI[1])
    + _NAMI[1]
    + b"\r\n0\r\n\r\n",
    b"HTTP/1.1 429 Too Many\r\n" + _DATE + b"Retry-After: 30\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 429 Too Many\r\n" + _DATE + b"Retry-After: Sun, 01 Feb 2026 14:10:00 +0700\r\n\r\n",
    b"HTTP/1.1 418 Teapot\r\nRetry-After: 99999999999\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 401 No\r\nDate: Sunday, 01-Feb-26 14:59:30 GMT\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: https://other.example:8443/a?b\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 503 Down\r\nContent-Encoding: gzip\r\nRetry-After: 1\r\n\r\n<html>",
)
