"""TLS as a stage: ordered bytes of both directions of one connection go in, authenticated plaintext comes out.

It knows nothing of captures, TCP, HTTP or gpfdist. All state stands in a `KeyStore` (one analysis) and a `TlsConnection`
(one connection). Parts of the cryptography package are loaded when the first protected record with key material is met.
"""

from gpinspect.engine.tls.connection import TlsConnection
from gpinspect.engine.tls.keys import KeyStore
from gpinspect.engine.tls.preface import PostgresPreface, PrefaceFacts, matrix_rows, recognise_postgres
from gpinspect.engine.tls.recognise import Recognition, recognise
from gpinspect.engine.tls.report import Alert, Certificate, SideReport, TlsReport

__all__ = [
    "Alert",
    "Certificate",
    "KeyStore",
    "PostgresPreface",
    "PrefaceFacts",
    "Recognition",
    "SideReport",
    "TlsConnection",
    "TlsReport",
    "matrix_rows",
    "recognise",
    "recognise_postgres",
]
