"""Two servers of an intruder on 127.0.0.1: one speaks TLS with a certificate that was planted, the other is a proxy. Prints their ports,
and writes a line for each peer that believed the first (`tls`) or came to the second (`proxy`).

usage: intruder.py CERTIFICATE KEY FILE     (until it is killed)
"""

import socket
import ssl
import sys
import threading


def listen() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def hears(file: str, line: str) -> None:
    with open(file, "a") as out:
        out.write(line + "\n")


def serve_tls(server: socket.socket, context: ssl.SSLContext, file: str) -> None:
    while True:
        peer, _ = server.accept()
        peer.settimeout(10)
        try:
            # Who does not believe the certificate ends the handshake, or says nothing after it.
            with context.wrap_socket(peer, server_side=True) as trusted:
                if trusted.recv(1):
                    hears(file, "tls")
        except OSError:
            peer.close()


def serve_proxy(server: socket.socket, file: str) -> None:
    while True:
        peer, _ = server.accept()
        hears(file, "proxy")
        peer.close()


def main(certificate: str, key: str, file: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    tls, proxy = listen(), listen()
    threading.Thread(target=serve_tls, args=(tls, context, file), daemon=True).start()
    print(tls.getsockname()[1], proxy.getsockname()[1], flush=True)
    serve_proxy(proxy, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
