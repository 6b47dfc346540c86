"""Without the SDK, in Python: grpcio and stubs made from the .proto files.

    python client.py [127.0.0.1:7100] [folder of the stubs]

Prints an answer token by token, leaves one early, and shows an error.
"""
import json
import sys

sys.path.insert(0, sys.argv[2] if len(sys.argv) > 2 else "stubs")

import grpc
from chimera.common.v1 import common_pb2
from chimera.router.v1 import router_pb2, router_pb2_grpc

# gRPC's own retries: only what was refused before the first token; the router's pushback says when.
SERVICE_CONFIG = json.dumps({
    "methodConfig": [{
        "name": [{"service": "chimera.router.v1.RouterService", "method": "Generate"}],
        "retryPolicy": {
            "maxAttempts": 3,
            "initialBackoff": "0.1s",
            "maxBackoff": "2s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        },
    }],
})


def main(address="127.0.0.1:7100", *_):
    tenant = (("x-chimera-tenant", "acme"),)
    with grpc.insecure_channel(address, [("grpc.service_config", SERVICE_CONFIG)]) as channel:
        router = router_pb2_grpc.RouterServiceStub(channel)

        request = router_pb2.GenerateRequest()
        request.messages.add(role=common_pb2.ROLE_USER, content="my parcel has not arrived")
        request.sampling.temperature = 0
        for part in router.Generate(request, timeout=30, metadata=tenant):
            kind = part.WhichOneof("part")
            if kind == "accepted":
                print("cache", common_pb2.CacheStatus.Name(part.accepted.cache.status), "trace", part.accepted.trace_id)
            elif kind == "delta":
                print(part.delta.text, end="", flush=True)
            elif kind == "complete":
                print(f"\n{part.complete.usage.completion_tokens} tokens")

        # Python's streams go on in the background when their loop is left: cancel, and the engine stops.
        story = router.Generate(router_pb2.GenerateRequest(prompt="### ticket\n"), timeout=30, metadata=tenant)
        for part in story:
            if part.WhichOneof("part") == "delta":
                story.cancel()
                break

        try:
            list(router.Generate(router_pb2.GenerateRequest(prompt="hi", model="gpt-9"), metadata=tenant))
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}")


main(*sys.argv[1:])
