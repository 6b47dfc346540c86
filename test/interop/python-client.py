"""A Python client of the router with stubs made by protoc: one answer, one error, one deadline, one cancellation.

Usage: python-client.py HOST:PORT FOLDER-OF-STUBS. Prints one JSON object.
"""
import json
import sys

address, stubs = sys.argv[1:]
sys.path.insert(0, stubs)

import grpc  # noqa: E402
from chimera.common.v1 import common_pb2  # noqa: E402
from chimera.router.v1 import router_pb2  # noqa: E402

channel = grpc.insecure_channel(address)
generate = channel.unary_stream(
    "/chimera.router.v1.RouterService/Generate",
    request_serializer=router_pb2.GenerateRequest.SerializeToString,
    response_deserializer=common_pb2.GenerateResponse.FromString,
)


def ticket():
    request = router_pb2.GenerateRequest()
    request.messages.add(role=common_pb2.ROLE_USER, content="my parcel has not arrived")
    request.sampling.temperature = 0
    return request


def story():
    request = router_pb2.GenerateRequest(prompt="### ticket\n")
    request.cache_policy = common_pb2.CACHE_POLICY_BYPASS
    request.sampling.temperature = 0
    request.sampling.max_tokens = 900
    request.sampling.stop.append("\0")
    return request


def code_of(call):
    try:
        for _ in call:
            pass
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


def cancelled():
    call = generate(story())
    for part in call:
        if part.WhichOneof("part") == "delta":
            call.cancel()
            break
    return code_of(call)


metadata = (("x-chimera-tenant", "python"),)
runs = [list(generate(ticket(), metadata=metadata)) for _ in range(2)]
print(json.dumps({
    "texts": ["".join(part.delta.text for part in run) for run in runs],
    "cache": [common_pb2.CacheStatus.Name(run[0].accepted.cache.status) for run in runs],
    "tokens": runs[0][-1].complete.usage.completion_tokens,
    "error": code_of(generate(router_pb2.GenerateRequest(prompt="hi", model="gpt-9"))),
    "deadline": code_of(generate(story(), timeout=0.04)),
    "cancelled": cancelled(),
}))
