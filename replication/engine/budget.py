"""Memory that all machines share for keeping what they have checked until it is written."""

from __future__ import annotations

import threading


class Budget:
    def __init__(self, size: int) -> None:
        """`size` in bytes."""
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Whether `size` bytes are granted; they are to be given back."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give(self, size: int) -> None:
        with self._lock:
            self._left += size
