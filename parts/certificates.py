"""Certificates for the quorum device, made here instead of step by step on the machines.

corosync-qnetd-certutil and corosync-qdevice-net-certutil pass requests to and fro between the
machines, in six steps that wait for each other. Names and nicknames below are theirs: both daemons
look them up in their NSS databases.
"""

from __future__ import annotations

import base64
import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from pydantic import BaseModel, ConfigDict, Field

AUTHORITY_NAME = "QNet CA"
SERVER_NAME = "Qnetd Server"
SERVER_NICKNAME = "QNetd Cert"
NODE_NICKNAME = "Cluster Cert"

LIFETIME = datetime.timedelta(days=36_500)
"""As long as corosync-qnetd-certutil's 1200 months."""

CLOCK_TOLERANCE = datetime.timedelta(days=366)
"""How far a machine's clock may lag: a restored snapshot keeps the time of the day it was taken."""


class Authority(BaseModel):
    """The certificate authority of one lab, PEM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    certificate: str
    key: str = Field(repr=False)

    def digest(self, name: str) -> str:
        """Identify what this authority gives out to `name`; it does not change between runs."""
        return hashlib.sha256(f"{self.certificate}\n{name}".encode()).hexdigest()


def make_authority() -> Authority:
    """Make a new certificate authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(AUTHORITY_NAME)
    certificate = (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )


def issue(authority: Authority, name: str, nickname: str) -> str:
    """Return base64 of a PKCS#12 file: a new key, its certificate for `name`, and its nickname.

    For nodes `name` is the cluster's name: qnetd compares the two.
    """
    signer = serialization.load_pem_private_key(authority.key.encode(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not an elliptic curve key")
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _builder(_name(name), issuer.subject, key.public_key()).sign(
        signer, hashes.SHA256()
    )
    # No password, as in the packages' own tools: the mode of the file protects it.
    sealed = serialization.NoEncryption()
    packed = pkcs12.serialize_key_and_certificates(
        nickname.encode(), key, certificate, None, sealed
    )
    return base64.b64encode(packed).decode()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_TOLERANCE)
        .not_valid_after(now + LIFETIME)
    )
