"""The one way to the host: a message in JSON, an answer in JSON."""

import json

import _host


class Refused(Exception):
    """The host refused a call. The run has failed already, whatever the plugin does."""


def knock(op, **message):
    """Sends a message and gives the host's answer.

    Raises:
        Refused: in the host's own words.
    """
    message["op"] = op
    answer = json.loads(_host.call(json.dumps(message).encode()))
    if "refused" in answer:
        raise Refused(answer["refused"])
    return answer["ok"]


def part(array):
    """Where the bytes of a contiguous array are: address and length."""
    if array.nbytes == 0:
        return [0, 0]
    if not array.flags.c_contiguous:
        raise ValueError("only contiguous arrays have one place")
    return [array.__array_interface__["data"][0] & 0xFFFF_FFFF, array.nbytes]
