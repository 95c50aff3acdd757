"""TLS as a stage: ordered bytes of both directions of one connection go in, authenticated plaintext comes out.

It knows nothing of captures, TCP, HTTP or gpfdist. All state stands in a `KeyStore` (one analysis) and a `TlsConnection`
(one connection). Parts of the cryptography package are loaded when the first protected record with key material is met.
"""
