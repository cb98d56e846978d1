"""Replies kept for the next time that the same is asked."""

from collections import OrderedDict
from threading import Lock

from optimove_pipeline.sandbox.replies import Reply


class AnswerCache:
    """Replies made before, as long as they fit in so many bytes; the least used go first."""

    def __init__(self, bytes_: int) -> None:
        self._room = bytes_
        self._lock = Lock()
        self._replies: OrderedDict[object, Reply] = OrderedDict()

    def get(self, key: object) -> Reply | None:
        """The reply to the same question, if it is still there."""
        with self._lock:
            if key in self._replies:
                self._replies.move_to_end(key)
            return self._replies.get(key)

    def put(self, key: object, reply: Reply) -> None:
        """Keep a reply."""
        with self._lock:
            if key not in self._replies:
                self._replies[key] = reply
                self._room -= len(reply.body)
            while self._room < 0:
                self._room += len(self._replies.popitem(last=False)[1].body)
