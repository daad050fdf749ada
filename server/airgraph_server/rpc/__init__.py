"""gRPC servicers: thin methods over the transport-free core."""
