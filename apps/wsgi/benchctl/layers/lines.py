"""Lines of logs, which are buffered for a time."""

import atexit
import logging
import os
import threading

MOST = 64 << 10  # that waits, bytes


class Lines:
    """Appends lines to a file, or to standard error, from any thread.

    Lines of processes do not mix: what has waited is written at once. A process that is killed loses it.
    """

    def __init__(self, path, flush):
        """Flush is how long lines wait, in s; with 0 each is written at once."""
        self.file, self.flush = 2, flush
        if path:
            try:
                self.file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o640)
            except OSError as error:
                raise ValueError("open %s: %s" % (path, error.strerror.lower())) from error
        self.lock, self.waiting, self.armed = threading.Lock(), bytearray(), False
        atexit.register(self.expire)

    def write(self, line):
        with self.lock:
            self.waiting += line.encode("utf-8", "surrogateescape")
            if not self.flush or len(self.waiting) >= MOST:
                self.out()
            elif not self.armed:
                self.armed = True
                timer = threading.Timer(self.flush, self.expire)
                timer.daemon = True
                timer.start()

    def expire(self):
        with self.lock:
            self.armed = False
            self.out()

    def out(self):
        """Write what waits. What can't be written is lost, which is logged."""
        data, self.waiting = bytes(self.waiting), bytearray()
        try:
            while data:
                data = data[os.write(self.file, data) :]
        except OSError as error:
            logging.getLogger("benchctl").error("access-log: lines are lost: %s", error)
