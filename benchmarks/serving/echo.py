"""gRPC and nothing else: answers every call with as many bytes as the first four of the request say."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc


def answer(request, context):
    """As many bytes as asked for."""
    return request[4 : 4 + int.from_bytes(request[:4])]


class Echo(grpc.GenericRpcHandler):
    """Answers bytes with bytes."""

    def service(self, handler_call_details):
        """Whatever the method."""
        return grpc.unary_unary_rpc_method_handler(answer)


def main():
    """Serves until it is ended."""
    server = grpc.server(ThreadPoolExecutor(64), handlers=[Echo()])
    print(server.add_insecure_port("127.0.0.1:0"), file=sys.stderr, flush=True)
    server.start()
    time.sleep(10**6)


if __name__ == "__main__":
    main()
