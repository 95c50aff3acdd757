"""Key logs as operators have them, and key files of every kind."""

import os
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.engine.tls.keys import KeyStore
from gpinspect.errors import TlsKeyError

from .drive import drive
from .museum import events, keylog
from .peers import identity

RANDOM = bytes(range(32))
MASTER = bytes(range(48))
LINE = b"CLIENT_RANDOM " + RANDOM.hex().encode() + b" " + MASTER.hex().encode()


def taken(text: bytes) -> KeyStore:
    keys = KeyStore()
    keys.add_keylog(text)
    return keys


@pytest.mark.parametrize(
    "text",
    [
        LINE + b"\n",
        LINE,
        LINE + b"\r\n",
        LINE.upper().replace(b"CLIENT_random".upper(), b"CLIENT_RANDOM") + b"\n",
        b"# comment\n\n   \n" + LINE.replace(b" ", b"   \t ") + b"   \n",
        b"\xff\xfe rubbish\n" + LINE + b"\nCLIENT_RANDOM 00",
        LINE + b"\n" + LINE + b"\n",
    ],
    ids=["plain", "no line end", "CRLF", "upper case", "blanks and comments", "among rubbish", "twice"],
)
def test_a_good_line_is_read_however_it_is_written(text):
    assert taken(text).secrets(RANDOM, "CLIENT_RANDOM") == [MASTER]


@pytest.mark.parametrize(
    "line",
    [
        b"CLIENT_RANDOM 00 11",
        LINE[:-2],
        LINE[:-1],
        LINE + b" more",
        b"SERVER_TRAFFIC_SECRET_0 " + b"00" * 32 + b" 1234",
        b"-----BEGIN PRIVATE KEY-----",
    ],
)
def test_a_bad_line_costs_itself_and_is_counted(line):
    keys = taken(line + b"\n" + LINE + b"\n")
    assert keys.key_log_count()[:3] == (2, 0, 1)
    assert keys.secrets(RANDOM, "CLIENT_RANDOM") == [MASTER]


def test_a_line_cut_while_it_was_written_is_joined_with_its_rest():
    keys = KeyStore()
    keys.add_keylog(LINE[:100], "a")
    keys.add_keylog(b"# another file\n", "b")
    assert keys.secrets(RANDOM, "CLIENT_RANDOM") == []
    keys.add_keylog(LINE[100:] + b"\n", "a")
    assert keys.secrets(RANDOM, "CLIENT_RANDOM") == [MASTER] and keys.key_log_count()[:3] == (1, 0, 0)


def test_different_secrets_for_one_random_are_all_kept_in_order():
    other = LINE[:-2] + b"ff"
    assert taken(LINE + b"\n" + other + b"\n").secrets(RANDOM, "CLIENT_RANDOM") == [MASTER, MASTER[:-1] + b"\xff"]


def test_the_right_secret_is_found_behind_wrong_ones_for_the_same_random():
    good = keylog("tls12_rsa_aes128sha_etm_ems")
    line = next(line for line in good.splitlines() if line.startswith(b"CLIENT_RANDOM"))
    wrong = b"\n".join(line[:-2] + b"%02x" % n for n in range(5) if not line.endswith(b"%02x" % n))
    keys = taken(wrong + b"\n" + good)
    assert drive(events("tls12_rsa_aes128sha_etm_ems"), keys).report.decrypted == "full"
    assert keys.key_log_count().used == 1


def test_other_labels_are_known_and_of_no_use():
    text = b"".join(
        label + b" " + b"11" * 32 + b" " + b"22" * 32 + b"\n" for label in (b"EXPORTER_SECRET", b"CLIENT_TRAFFIC_SECRET_1")
    )
    assert taken(text).key_log_count()[:3] == (2, 0, 0)


def test_premaster_lines_open_like_master_lines(tmp_path):
    wire, keys = events("tls12_rsa_aes128sha_etm_ems"), KeyStore()
    keys.add_server_key(_server_key(), None, "server.key")
    premasters = []
    keys.server_keys[0] = _Spy(keys.server_keys[0], premasters)
    assert drive(wire, keys).report.decrypted == "full"
    sealed, premaster = premasters[0]
    hello = next(event[2] for event in wire if event[1] == 0)
    for line in (
        b"RSA %s %s" % (sealed[:8].hex().encode(), premaster.hex().encode()),
        b"PMS_CLIENT_RANDOM %s %s" % (hello[11:43].hex().encode(), premaster.hex().encode()),
    ):
        assert drive(wire, taken(line + b"\n")).report.decrypted == "full"


class _Spy:
    def __init__(self, key, seen):
        self.key, self.seen, self.name, self.fingerprint = key, seen, key.name, key.fingerprint

    def decrypt(self, sealed):
        self.seen.append((sealed, self.key.decrypt(sealed)))
        return self.seen[-1][1]


def _server_key() -> bytes:
    from .museum import CAPTURES

    return (CAPTURES / "keys" / "server.key").read_bytes()


@given(st.binary(max_size=4000))
def test_garbage_is_counted_and_never_raises(text):
    keys = taken(text)
    keys.add_dsb(text)
    count = keys.key_log_count()
    assert 0 <= count.bad <= count.lines and count.randoms == 0


@given(st.integers(0, len(LINE)))
def test_a_log_cut_anywhere_keeps_the_lines_before(cut):
    first = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n"
    assert taken(first + LINE[:cut]).secrets(b"\xab" * 32, "CLIENT_RANDOM") == [b"\xcd" * 48]


def test_a_large_key_log_is_taken_in_bounded_time():
    lines = b"".join(b"CLIENT_RANDOM %s %s\n" % (os.urandom(32).hex().encode(), b"0f" * 48) for _ in range(57_000))
    start = time.process_time()
    keys = taken(lines)
    assert keys.key_log_count().randoms == 57_000
    assert time.process_time() - start < 20  # some 0.1 s; a bound against a square, not a measurement


def test_a_thousand_lines_for_one_random_stay_bounded():
    keys = taken(b"".join(LINE[:-4] + b"%04x\n" % n for n in range(1000)))
    assert len(keys.secrets(RANDOM, "CLIENT_RANDOM")) < 64


KEY = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    ("encoding", "form", "password"),
    [
        (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, None),
        (Encoding.PEM, PrivateFormat.PKCS8, None),
        (Encoding.PEM, PrivateFormat.PKCS8, b"open sesame"),
        (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, b"open sesame"),
        (Encoding.DER, PrivateFormat.PKCS8, None),
        (Encoding.DER, PrivateFormat.PKCS8, b"open sesame"),
    ],
)
def test_rsa_keys_are_read_in_every_usual_form(encoding, form, password):
    data = KEY.private_bytes(encoding, form, BestAvailableEncryption(password) if password else NoEncryption())
    if encoding is Encoding.PEM:
        data = b"text in front\n" + identity("ec", "x")[1] + data
    keys = KeyStore()
    keys.add_server_key(data, password, "k")
    keys.add_server_key(data, password, "same again")
    assert [(key.name, key.bits) for key in keys.server_keys] == [("k", 2048)]
    if password:
        for given_password, words in ((None, "give its passphrase"), (b"wrong", "passphrase does not open")):
            with pytest.raises(TlsKeyError, match=words):
                KeyStore().add_server_key(data, given_password, "k")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "holds nothing"),
        (b"\x00\xffgarbage" * 50, "wanted a private key"),
        (identity("rsa", "y")[1], "holds a certificate"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be read"),
        (b"0\x82\x01\x00rubbish", "cannot be read"),
        (ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "wanted RSA"),
    ],
    ids=["empty", "garbage", "certificate", "broken PEM", "broken DER", "EC"],
)
def test_what_is_no_rsa_key_is_refused_in_clear_words(data, words):
    with pytest.raises(TlsKeyError, match=words) as error:
        KeyStore().add_server_key(data, None, "the file")
    assert str(error.value).startswith("the file: ")


def test_no_secret_is_shown_by_repr():
    keys = taken(LINE + b"\n")
    keys.add_server_key(_server_key(), None, "server.key")
    shown = repr(keys) + repr(keys.server_keys)
    assert MASTER.hex() not in shown and "RSAPrivateKey" not in shown and "0x" not in shown
