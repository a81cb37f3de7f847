"""The quorum device's certificates say what qnetd and corosync-qdevice look for."""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from parts.certificates import NODE_NICKNAME, issue, make_authority


def common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def test_a_node_shows_a_certificate_in_the_clusters_name() -> None:
    authority = make_authority()
    packed = base64.b64decode(issue(authority, "demo", NODE_NICKNAME))
    held = pkcs12.load_pkcs12(packed, None)

    assert held.key is not None and held.cert is not None
    assert held.cert.friendly_name == b"Cluster Cert"
    assert common_name(held.cert.certificate) == "demo"
    signer = x509.load_pem_x509_certificate(authority.certificate.encode())
    held.cert.certificate.verify_directly_issued_by(signer)


def test_another_lab_does_not_trust_it() -> None:
    packed = base64.b64decode(issue(make_authority(), "demo", NODE_NICKNAME))
    held = pkcs12.load_pkcs12(packed, None)
    assert held.cert is not None
    stranger = x509.load_pem_x509_certificate(make_authority().certificate.encode())
    try:
        held.cert.certificate.verify_directly_issued_by(stranger)
    except Exception:
        return
    raise AssertionError("a stranger's signature was accepted")


def test_the_digest_changes_with_the_authority_and_the_name_only() -> None:
    one, other = make_authority(), make_authority()
    assert one.digest("demo") == one.digest("demo")
    assert len({one.digest("demo"), one.digest("other"), other.digest("demo")}) == 3
