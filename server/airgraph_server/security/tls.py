"""Server credentials that follow their files: a renewed certificate is used from the next handshake on."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import TypeAlias

import grpc

from airgraph_server.log import logger
from airgraph_server.security.settings import SecuritySettings

Contents: TypeAlias = tuple[bytes, bytes, bytes | None]


def server_credentials(settings: SecuritySettings) -> grpc.ServerCredentials | None:
    """TLS, or mTLS where clients' certificates are asked for; None = plain text.

    Raises:
        OSError: A file cannot be read, or certificate and key do not belong together.
    """
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    files = CertificateFiles(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
    return grpc.dynamic_ssl_server_credentials(
        files.current,
        files.fetch,  # type: ignore[arg-type]  # grpc takes None for 'nothing new'; its stubs do not know
        require_client_authentication=settings.tls_client_ca is not None,
    )


class CertificateFiles:
    """The certificate, key and clients' CA on disk, and the last good state of them.

    They are compared by content: mounted secrets are replaced by switching a symbolic link, and a handshake costs
    a hundred times what reading three small files does.
    """

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        """Reads the files.

        Raises:
            OSError: A file cannot be read, or certificate and key do not belong together.
        """
        self._certificate, self._key, self._client_ca = certificate, key, client_ca
        self._lock = threading.Lock()
        self._seen = self._read()
        try:
            self._check()
        except (OSError, ValueError) as error:
            raise OSError(f"tls_certificate {certificate}, tls_key {key}: {error}") from None
        self.current = _configuration(self._seen)

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """What gRPC asks at every handshake: the new configuration, None where nothing (usable) is new."""
        with self._lock:
            try:
                found = self._read()
                if found == self._seen:
                    return None
                self._check()
                # A file that was replaced between reading and checking is looked at again at the next handshake.
                if found != self._read():
                    return None
            except (OSError, ValueError) as error:
                logger().error("certificate_not_reloaded", certificate=str(self._certificate), reason=str(error))
                return None
            self._seen, self.current = found, _configuration(found)
            logger().info("certificate_reloaded", certificate=str(self._certificate))
            return self.current

    def _read(self) -> Contents:
        client_ca = None if self._client_ca is None else self._client_ca.read_bytes()
        return self._certificate.read_bytes(), self._key.read_bytes(), client_ca

    def _check(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

        def no_password() -> str:
            # Without this OpenSSL would ask for it at the terminal.
            raise ValueError("the key is encrypted; expected one without a password")

        context.load_cert_chain(self._certificate, self._key, no_password)
        if self._client_ca is not None:
            context.load_verify_locations(self._client_ca)


def _configuration(read: Contents) -> grpc.ServerCertificateConfiguration:
    certificate, key, client_ca = read
    return grpc.ssl_server_certificate_configuration([(key, certificate)], client_ca)
