"""Key derivation and suites against published values."""

import pytest

from gpinspect.engine.tls.derive import expand_label, prf
from gpinspect.engine.tls.suites import suite


def test_prf_of_tls12_gives_the_published_vector():
    # the vector for P_SHA256 that implementers exchanged on the IETF TLS list
    secret, seed = bytes.fromhex("9bbe436ba940f017b17652849a71db35"), bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    want = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af"
    assert prf(3, "sha256", secret, b"test label", seed, 48).hex() == want


def test_traffic_keys_of_tls13_are_those_of_rfc_8448():
    # RFC 8448, section 3: server handshake traffic secret and the keys made of it
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    assert expand_label("sha256", secret, b"key", 16).hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert expand_label("sha256", secret, b"iv", 12).hex() == "5d313eb2671276ee13000b30"


def test_halves_of_an_odd_secret_overlap_in_the_old_prf():
    assert prf(1, "", b"abc", b"l", b"s", 20) == bytes(
        a ^ b for a, b in zip(_expanded("md5", b"ab", 20), _expanded("sha1", b"bc", 20), strict=True)
    )


def _expanded(name: str, secret: bytes, length: int) -> bytes:
    import hmac

    out, a = b"", b"ls"
    while len(out) < length:
        a = hmac.new(secret, a, name).digest()
        out += hmac.new(secret, a + b"ls", name).digest()
    return out[:length]


@pytest.mark.parametrize(
    ("number", "iana", "openssl", "secret", "mode", "key", "mac", "prf_hash", "tag"),
    [
        (0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA", False, "CBC", 16, "sha1", "sha256", 0),
        (0x003D, "TLS_RSA_WITH_AES_256_CBC_SHA256", "AES256-SHA256", False, "CBC", 32, "sha256", "sha256", 0),
        (0x009F, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "DHE-RSA-AES256-GCM-SHA384", True, "GCM", 32, "", "sha384", 16),
        (0xC028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "ECDHE-RSA-AES256-SHA384", True, "CBC", 32, "sha384", "sha384", 0),
        (0xC0A2, "TLS_DHE_RSA_WITH_AES_128_CCM_8", "DHE-RSA-AES128-CCM8", True, "CCM", 16, "", "sha256", 8),
        (
            0xCCA8,
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "ECDHE-RSA-CHACHA20-POLY1305",
            True,
            "CHACHA20",
            32,
            "",
            "sha256",
            16,
        ),
        (0x000A, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA", False, "CBC", 24, "sha1", "sha256", 0),
        (0x003B, "TLS_RSA_WITH_NULL_SHA256", "NULL-SHA256", False, "NULL", 0, "sha256", "sha256", 0),
        (0x1302, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", True, "GCM", 32, "", "sha384", 16),
        (0x1305, "TLS_AES_128_CCM_8_SHA256", "TLS_AES_128_CCM_8_SHA256", True, "CCM", 16, "", "sha256", 8),
    ],
)
def test_suites_mean_what_their_names_say(number, iana, openssl, secret, mode, key, mac, prf_hash, tag):
    found = suite(number)
    assert (found.iana, found.openssl, found.forward_secret) == (iana, openssl, secret)
    assert (found.mode, found.key_length, found.mac, found.prf, found.tag) == (mode, key, mac, prf_hash, tag)


@pytest.mark.parametrize("number", [0x0000, 0x0005, 0x0096, 0xC060, 0x1306, 0x9A9A])
def test_suites_without_a_cipher_of_ours_are_not_supported(number):
    assert suite(number).mode == "unsupported"
