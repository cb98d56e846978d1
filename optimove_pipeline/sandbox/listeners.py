"""Event listeners: registered, told, removed (reference, section 1.9)."""

from collections.abc import Mapping

from optimove_pipeline.sandbox.replies import Reply, bad_request
from optimove_pipeline.sandbox.rows import Row

_EVENT_TYPES = (1, 2, 3, 4, 5, 11, 13)


class Listeners:
    """One listener for each event type and channel; a new one takes the place of the old."""

    def __init__(self) -> None:
        self._listeners: dict[tuple[int, int | None], str] = {}

    def register(self, body: Mapping[str, object]) -> Reply:
        """The answer to ``general/RegisterEventListener``: 200 with nothing."""
        event, channel, url = _event(body), _channel(body), body.get("ListenerURL")
        if event is None or not isinstance(url, str) or (event == 5 and channel is not None):
            return bad_request("EventTypeID and ListenerURL are required; type 5 takes no ChannelID.")
        self._listeners[(event, channel)] = url
        return Reply(200, b"")

    def unregister(self, body: Mapping[str, object]) -> Reply:
        """The answer to ``general/UnregisterEventListener``: 200 with nothing, whether or not there was one."""
        event = _event(body)
        if event is None:
            return bad_request("EventTypeID is required.")
        self._listeners.pop((event, _channel(body)), None)
        return Reply(200, b"")

    def hearing(self, event: int, channel: int | None) -> list[str]:
        """The addresses that an event goes to: one registered with a channel hears only of that one."""
        wanted = ((event, None),) if channel is None else ((event, None), (event, channel))
        return [self._listeners[each] for each in wanted if each in self._listeners]

    def rows(self) -> list[Row]:
        """What ``general/GetRegisteredEventListeners`` tells. No source shows a row of it; the shape is ours."""
        return [
            {"EventTypeID": event, "ListenerURL": url, **({} if channel is None else {"ChannelID": channel})}
            for (event, channel), url in self._listeners.items()
        ]


def _event(body: Mapping[str, object]) -> int | None:
    event = body.get("EventTypeID")
    return event if isinstance(event, int) and event in _EVENT_TYPES else None


def _channel(body: Mapping[str, object]) -> int | None:
    channel = body.get("ChannelID")
    return channel if isinstance(channel, int) else None
