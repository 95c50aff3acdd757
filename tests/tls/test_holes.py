"""What missing or damaged bytes cost: the record they lie in, and no byte more or other than that."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpinspect.engine.tls.connection import TlsConnection
from gpinspect.engine.tls.keys import KeyStore

from .drive import drive
from .museum import events, flip, keylog, positions, punch, records, store
from .peers import Pair

APPLICATION = 23
MESSAGES = [b"first", b"second message", b"third, a longer message " * 40, b"fourth", b"fifth", b"sixth and last"]


@pytest.fixture(scope="module", params=["1.0 AES128-SHA", "1.1 AES128-SHA", "1.2 AES128-SHA", "1.2 AES128-GCM-SHA256", "1.3 "])
def spoken(request, tmp_path_factory):
    """(events, key store maker, positions of the server's data records) of a pair whose server said MESSAGES, a record each."""
    version, suite = request.param.split(" ")
    pair = Pair(tmp_path_factory.mktemp("pair"), version, suite, unsplit=True)
    start = len(positions(pair.events, 1))
    for message in MESSAGES:
        pair.say(1, message)
    log = pair.keys
    found = [(at, at + 5 + size) for kind, at, size in records(positions(pair.events, 1)) if kind == APPLICATION and at >= start]
    joined = drive(pair.events, made(log))
    assert joined.plain[1] == b"".join(MESSAGES) and joined.report.decrypted == "full"
    return pair.events, log, found, version


def made(log: bytes) -> KeyStore:
    keys = KeyStore()
    keys.add_keylog(log)
    return keys


def pieces(spoken, got) -> list[bytes]:
    """Delivered records of the server, each as one value."""
    out, at = [], 0
    for what, side, length in got.calls:
        if what == "data" and side == 1:
            out.append(got.plain[1][at : at + length])
            at += length
    return out


def test_a_hole_inside_a_record_costs_that_record_alone(spoken):
    wire, log, found, version = spoken
    whole = pieces(spoken, drive(wire, made(log)))
    for index, (start, end) in enumerate(found):
        got = drive(punch(wire, 1, start + 6, start + 8), made(log))
        # the next record of TLS 1.0 hangs on the last block of this one; of a short one, that is the block with the hole
        also = {index + 1} if version == "1.0" and end - start < 100 else set()
        assert pieces(spoken, got) == [whole[i] for i in range(len(whole)) if i != index and i not in also]
        assert got.report.decrypted == "partial" and f"byte {start} of what the server sent" in got.report.reason


def test_a_lost_record_of_an_authenticated_cipher_is_told_with_its_length(spoken):
    wire, log, found, version = spoken
    start, end = found[2]
    got = drive(punch(wire, 1, start + 6, end), made(log))
    if version == "1.0":
        assert got.lost == [("lost", 1, None)] * 2
        return
    known = version == "1.2" and got.report.suite.endswith("GCM_SHA256")
    assert got.lost == [("lost", 1, len(MESSAGES[2]) if known else None)]


def test_a_hole_over_whole_records_costs_those_and_the_rest_is_found_by_number(spoken):
    wire, log, found, version = spoken
    whole = pieces(spoken, drive(wire, made(log)))
    got = drive(punch(wire, 1, found[1][0], found[3][1]), made(log))
    # with the initialisation vector gone with its record, TLS 1.0 loses one more
    assert pieces(spoken, got) == [whole[0], *whole[5 if version == "1.0" else 4 :]]


def test_a_hole_over_a_header_costs_the_two_records_it_touches(spoken):
    wire, log, found, _ = spoken
    whole = pieces(spoken, drive(wire, made(log)))
    got = drive(punch(wire, 1, found[1][1] - 3, found[2][0] + 2), made(log))
    assert pieces(spoken, got) == [whole[0], *whole[3:]]


def test_a_turned_bit_costs_its_record_and_is_called_damage(spoken):
    wire, log, found, version = spoken
    whole = pieces(spoken, drive(wire, made(log)))
    got = drive(flip(wire, 1, found[2][1] - 1), made(log))
    survivors = pieces(spoken, got)
    assert survivors[:2] == whole[:2] and survivors[-2:] == whole[-2:]
    assert len(whole) - len(survivors) in ((1, 2) if version == "1.0" else (1,))
    assert "authentication failed" in got.report.reason


def test_a_file_that_ends_inside_a_record_gives_all_before_it(spoken):
    wire, log, found, _ = spoken
    whole = pieces(spoken, drive(wire, made(log)))
    total = len(positions(wire, 1))
    cut = punch(wire, 1, found[-1][0] + 7, total)
    got = drive([event for event in cut if event[0] == "bytes"], made(log))
    assert pieces(spoken, got) == whole[: len(found) - 1]
    assert got.report.decrypted == "partial" and "cut or lost" in got.report.reason


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_missing_no_byte_is_invented(spoken, data):
    wire, log, _, _ = spoken
    whole = pieces(spoken, drive(wire, made(log)))
    size = len(positions(wire, 1))
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start + 1, size))
    survivors = pieces(spoken, drive(punch(wire, 1, start, end), made(log)))
    remaining = iter(whole)
    assert all(any(piece == other for other in remaining) for piece in survivors)


def test_recorded_gap_and_snap_length_keep_every_whole_record():
    # the hashes of what is left are in test_captures; here: how many records each hole cost
    assert len(drive(events("gap_tls12_rsa"), store("keys/gap_tls12_rsa.keylog")).lost) == 1
    assert len(drive(events("snap3000_tls12_rsa"), store("keys/snap3000_tls12_rsa.keylog")).lost) == 3


def test_keys_are_found_without_a_client_hello_by_trying_the_key_log():
    wire = events("tls12_rsa_aes128sha_etm_ems")
    keys = KeyStore()
    for number in range(50):
        keys.add_keylog(b"CLIENT_RANDOM %064x %096x\n" % (number, number))
    keys.add_keylog(keylog("tls12_rsa_aes128sha_etm_ems"))
    first = next(index for index, event in enumerate(wire) if event[1] == 0)
    for beginning in ([], [("hole", 0, len(wire[first][2]), 0, 0)]):
        got = drive(wire[:first] + beginning + wire[first + 1 :], keys)
        assert [len(plain) for plain in got.plain] == [379, 20024]


@pytest.mark.parametrize("dropped", [3, 4, 6])
def test_tls13_is_picked_up_after_its_handshake_with_traffic_secrets(dropped):
    got = drive(events("tls13_keyupdate_client")[dropped:], made(keylog("tls13_keyupdate_client")))
    assert len(got.plain[1]) == 20024 and (got.report.version, got.report.suite) == ("TLSv1.3", "TLS_AES_128_GCM_SHA256")


@pytest.mark.parametrize("side", [0, 1])
def test_one_captured_side_of_tls13_is_opened_alone(side):
    wire = [event for event in events("tls13_keyupdate_client") if event[1] == side]
    got = drive(wire, made(keylog("tls13_keyupdate_client")))
    assert len(got.plain[side]) == (379, 20024)[side] and got.plain[1 - side] == b""


@pytest.mark.parametrize("name", ["tls12_rsa_aes128sha_etm_ems", "tls13_keyupdate_client", "tls12_resume_sessionid_rsa"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_directions_that_a_capture_put_in_the_wrong_order_still_open(name, order):
    wire = [event for side in order for event in events(name) if event[1] == side]
    got = drive(wire, made(keylog(name)))
    assert got.plain == drive(events(name), made(keylog(name))).plain and got.report.decrypted == "full"


def test_a_new_hole_in_front_of_the_first_record_of_a_side_is_no_excuse_to_read_ciphertext():
    wire = events("tls12_rsa_aes128sha_etm_ems")
    got = drive(punch(wire, 1, 0, 100), made(keylog("tls12_rsa_aes128sha_etm_ems")))
    assert got.plain == (b"", b"") and got.report.decrypted == "none" and "ServerHello was not captured" in got.report.reason


def test_what_is_held_back_for_the_other_direction_is_bounded():
    wire = [event for event in events("tls12_rsa_aes128sha_etm_ems") if event[1] == 0]
    endless = [("bytes", 0, b"\x17\x03\x03\x40\x00" + bytes(16384), 1, 1)] * 200
    connection = TlsConnection(made(keylog("tls12_rsa_aes128sha_etm_ems")), lambda *_: None, lambda *_: None)
    for _, side, data, ns, frame in wire + endless:
        connection.feed(side, data, ns, frame, 0)
        assert sum(direction.waiting_bytes for direction in connection._directions) <= (1 << 20) + 16640
    assert connection.report().client.unread_records > 200


def test_guessed_secrets_of_connections_without_a_hello_are_not_kept():
    keys = KeyStore()
    for number in range(3000):
        keys.add_keylog(b"CLIENT_RANDOM %064x %096x\n" % (number, number))
    got = drive([event for event in events("tls12_rsa_aes128sha_etm_ems") if event[1] == 1], keys)
    assert got.report.reason_code == "ClientHello not captured" and keys.guesses_left == 200_000 - 3000
