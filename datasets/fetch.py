"""Download one large file over HTTP, resuming a broken download."""

import http.client
import json
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from common import PreparationError, check_space, refuse_other_kinds, shortened  # first: it explains a missing package

# isort: split
import requests
import urllib3
from tqdm import tqdm

TRIES = 20  # connections in one run; the next run goes on from there
BARREN_TRIES = 3  # connections in a row that brought nothing
TIMEOUT_SECONDS = (10, 30)  # to connect, between two packets
CHUNK = 2**16  # bytes
MOST_BYTES = 2**40  # of a file; the largest of these data sets have less than a hundredth of it
WORTH_A_RETRY = {408, 425, 429, 500, 502, 503, 504}


class Broken(Exception):
    """This connection did not deliver the whole file; another may. The message says why."""


@dataclass
class Origin:
    """What is known about the file that a partial download belongs to; kept beside it as JSON."""

    url: str
    size: int | None = None  # bytes, if the server said so
    validator: str | None = None  # strong ETag or date of change: tells whether the file is still the same


def fetch(url: str, file: Path, wait_seconds: float = 0.5) -> bool:
    """Download `url` to `file`; a broken download stays as `file`.part and is resumed by the next call.

    Args:
        wait_seconds: pause after a connection that delivered nothing; doubles each time.

    Returns:
        whether the file came over several connections (then a damaged one is worth a second download).

    Raises:
        PreparationError: the server refuses, or breaks off too often.
        OSError: no space is left.
    """
    part, note = file.with_name(f"{file.name}.part"), file.with_name(f"{file.name}.origin.part")
    refuse_other_kinds(file, part, note)
    origin = read_note(note, url)
    if origin is None:
        part.unlink(missing_ok=True)
        origin = Origin(url)
    try:
        resumed = receive_all(origin, part, note, wait_seconds)
    except BaseException:
        if size_of(part) == 0:  # nothing that another call could go on with
            part.unlink(missing_ok=True)
            note.unlink(missing_ok=True)
        raise
    part.replace(file)
    note.unlink(missing_ok=True)
    return resumed


def receive_all(origin: Origin, part: Path, note: Path, wait_seconds: float) -> bool:
    """Connect until `part` is complete; returns whether that took several connections, in this call or before."""
    resumed, barren, tries = size_of(part) > 0, 0, 0
    while size_of(part) == 0 or size_of(part) != origin.size:
        before = size_of(part)
        try:
            receive(origin, part, note, before)
            break
        except (Broken, requests.RequestException) as error:
            reason = str(error) if isinstance(error, Broken) else plain_reason(error)
        tries, barren, resumed = tries + 1, 0 if size_of(part) > before else barren + 1, True
        if tries == TRIES or barren == BARREN_TRIES:
            kept = f"; {size_of(part) / 1e6:,.1f} MB are kept" if size_of(part) else ""
            raise PreparationError(
                f"{origin.url} could not be downloaded in {tries} tries: {reason}{kept}; "
                "check the network and run the same command again to go on."
            )
        if barren:
            time.sleep(wait_seconds * 2 ** (barren - 1))
    return resumed


def size_of(file: Path) -> int:
    """Size in bytes; 0 if there is no such file."""
    return file.stat().st_size if file.exists() else 0


def receive(origin: Origin, part: Path, note: Path, offset: int) -> None:
    """One connection: append to `part` from byte `offset`, or start again where the server cannot go on.

    Raises:
        Broken: the file is not complete afterwards; `part` holds a correct beginning of it, or is gone.
    """
    headers = {"Accept-Encoding": "identity"}  # a range counts bytes of what is sent, so it must not be recompressed
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if origin.validator:
            headers["If-Range"] = origin.validator  # a file that changed comes whole instead of mixed
    with connect(origin.url, headers) as response:
        if response.status_code == 416 and offset:
            if response.headers.get("Content-Range", "").strip() == f"bytes */{offset}":
                return  # nothing lies behind what is there: it was complete
            part.unlink()
            raise Broken("the server has no such range, starting again")
        refuse_error(response)
        offset = offset if response.status_code == 206 else 0
        size = announced_size(response, origin, part, offset)
        if not offset:
            part.unlink(missing_ok=True)  # before the note, which must never vouch for bytes of an older file
        check_space(part.parent, (size or 0) - offset)
        if not offset:
            origin.size, origin.validator = size, validator_of(response)
            note.write_text(json.dumps(asdict(origin)), encoding="utf-8")
        with part.open("ab") as sink:
            write_body(response, sink, size, offset)
    received = size_of(part)
    if size is not None and received > size:
        part.unlink()
        raise Broken(f"the server sent more than the {size} bytes it announced")
    if size is not None and received < size:
        raise Broken(f"the connection ended after {received} of {size} bytes")


def connect(url: str, headers: dict[str, str]) -> requests.Response:
    """The server's answer, after its redirects; every malformed address or answer is one of requests' exceptions.

    Raises:
        Broken: the answer ended too soon or is no HTTP.
        requests.RequestException: any other reason.
    """
    try:
        return requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)
    except requests.RequestException:
        raise
    except ValueError as error:  # addresses of redirects that are none reach the libraries below
        raise requests.exceptions.InvalidURL(str(error)) from None
    except (urllib3.exceptions.HTTPError, http.client.HTTPException):
        raise Broken("the connection broke off") from None


def refuse_error(response: requests.Response) -> None:
    """Raise `Broken` for a temporary error of the server, PreparationError for a permanent one."""
    status, url = response.status_code, shortened(response.url)
    answer = f"{status} {http.client.responses.get(status, '')}".strip()  # the server's own words could be anything
    if status in WORTH_A_RETRY:
        raise Broken(f"the server answered {answer}")
    if status in (404, 410):
        raise PreparationError(f"There is no {url} (status {status}); check the name, or give another --url-base.")
    if status not in (200, 206):
        raise PreparationError(f"The server answered {answer} for {url}; give another --url-base.")


def announced_size(response: requests.Response, origin: Origin, part: Path, offset: int) -> int | None:
    """Size of the whole file in bytes, if the server gives it; a range other than the requested one is refused."""
    if response.status_code == 200:
        length = response.headers.get("Content-Length", "").strip()
        return as_size(length, origin.url) if re.fullmatch("[0-9]+", length) else None
    match = re.fullmatch("bytes ([0-9]+)-[0-9]+/([0-9]+|[*])", response.headers.get("Content-Range", "").strip())
    start = as_size(match[1], origin.url) if match else None
    size = origin.size if match is None or match[2] == "*" else as_size(match[2], origin.url)
    changed = origin.size not in (None, size) or validator_of(response) not in (None, origin.validator)
    if start != offset or (offset and changed):
        part.unlink(missing_ok=True)
        raise Broken("the server sent another range than asked for, or the file has changed; starting again")
    return size


def as_size(digits: str, url: str) -> int:
    """A number of bytes that a server announces; PreparationError for one that no such file has."""
    if len(digits) > 30 or int(digits) > MOST_BYTES:
        raise PreparationError(
            f"The server announces {shortened(digits, 30)} bytes for {url}, which cannot be right; "
            "try again later, or give another --url-base."
        )
    return int(digits)


def validator_of(response: requests.Response) -> str | None:
    """What If-Range accepts: a strong ETag, else the date of the last change."""
    tag = response.headers.get("ETag", "")
    validator = tag if tag.startswith('"') else response.headers.get("Last-Modified")
    return validator if is_validator(validator) else None


def is_validator(value: object) -> bool:
    """Whether it can be sent back in a header."""
    return isinstance(value, str) and re.fullmatch("[ -~]{1,1000}", value) is not None


def write_body(response: requests.Response, sink, size: int | None, offset: int) -> None:
    """Write the answer's body to the open file `sink`, with a progress bar; stops soon after more than `size` bytes."""
    bar = tqdm(desc="Downloading", total=size, initial=offset, unit="B", unit_scale=True, unit_divisor=1000)
    with bar:
        while chunk := read_chunk(response):
            sink.write(chunk)
            bar.update(len(chunk))
            if size is not None and bar.n > size:
                return


def read_chunk(response: requests.Response) -> bytes:
    """The next part of the body, at most `CHUNK` bytes; empty at its end. A broken connection loses nothing received."""
    try:
        return response.raw.read1(CHUNK, decode_content=False)
    except urllib3.exceptions.HTTPError:
        raise Broken("the connection broke off") from None


def read_note(note: Path, url: str) -> Origin | None:
    """The origin of the partial download, if it is from `url`; None for a note that says something else, or nothing."""
    try:
        origin = Origin(**json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    sized = origin.size is None or (type(origin.size) is int and 0 <= origin.size <= MOST_BYTES)
    valid = sized and (origin.validator is None or is_validator(origin.validator))
    return origin if valid and origin.url == url else None


def plain_reason(error: requests.RequestException) -> str:
    """A short reason from the nested errors of the network libraries.

    Raises:
        PreparationError: another try cannot help.
    """
    said = shortened(str(error))
    if isinstance(error, requests.exceptions.InvalidHeader):
        return f"the server's answer is malformed ({said})"
    if isinstance(error, requests.exceptions.SSLError):
        raise PreparationError(
            f"The server's certificate cannot be checked ({said}); check --url-base and the proxy."
        ) from None
    if isinstance(error, ValueError):
        raise PreparationError(
            f"The server's address, or one that it redirects to, is not http(s) ({said}); check --url-base and the proxy."
        ) from None
    for kind, words in (
        (requests.exceptions.ProxyError, "the proxy refused"),
        (requests.Timeout, "the server did not answer in time"),
        (requests.ConnectionError, "no connection"),
    ):
        if isinstance(error, kind):
            return words
    return said
