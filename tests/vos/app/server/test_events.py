"""Server-sent events: every page gets all of them, and a slow one costs a bounded queue."""

from __future__ import annotations

import asyncio
import threading

import pytest

from vos.app.server.answers import RequestError
from vos.app.server.events import CLIENTS, EventHub


async def next_of(stream):
    return await asyncio.wait_for(anext(stream), 5)


def test_every_client_gets_events_of_other_threads_in_order():
    async def listen():
        hub = EventHub()
        streams = [hub.connect(), hub.connect()]
        for stream in streams:
            assert (await next_of(stream)).startswith(b":")

        def work():
            for number in range(20):
                hub.publish("job", {"done": number})

        threading.Thread(target=work).start()
        for stream in streams:
            for number in range(20):
                expected = f'event: job\ndata: {{"done": {number}}}\n\n'
                assert await next_of(stream) == expected.encode()
        for stream in streams:
            await stream.aclose()
        assert hub.clients == 0

    asyncio.run(listen())


def test_a_slow_client_is_told_to_get_the_state_again():
    async def listen():
        hub = EventHub(waiting=10)
        stream = hub.connect()
        await next_of(stream)
        for number in range(10_000):
            hub.publish("changed", {"revision": number})
        (client,) = hub._clients
        assert len(client.waiting) == 1
        assert await next_of(stream) == b"event: resync\ndata: {}\n\n"
        assert [message async for message in stream] == []  # the page connects again
        assert hub.clients == 0

    asyncio.run(listen())


def test_a_quiet_stream_has_heartbeats_and_ends_with_the_server():
    async def listen():
        hub = EventHub(heartbeat=0.01)
        stream = hub.connect()
        await next_of(stream)
        assert await next_of(stream) == b": still here\n\n"
        hub.close()
        rest = [message async for message in stream]
        assert all(message.startswith(b":") for message in rest)
        assert hub.clients == 0

    asyncio.run(listen())


def test_the_number_of_clients_is_bounded():
    async def listen():
        hub = EventHub()
        streams = [hub.connect() for _ in range(CLIENTS)]
        for stream in streams:
            await next_of(stream)
        with pytest.raises(RequestError):
            hub.connect()
        for stream in streams:
            await stream.aclose()

    asyncio.run(listen())


def test_a_client_whose_loop_has_ended_is_forgotten():
    hub = EventHub()

    async def leave():
        stream = hub.connect()
        await next_of(stream)
        return stream

    loop = asyncio.new_event_loop()
    stream = loop.run_until_complete(leave())
    loop.close()
    hub.publish("job", {})
    assert hub.clients == 0
    del stream
