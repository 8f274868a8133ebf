"""Content codings (RFC 9110 section 8.4.1), each by its library, if that is there."""

import zlib
from importlib import import_module

# Windows, as powers of two: those of apps/stack/layers.
BR_WINDOW, ZSTD_WINDOW = 18, 17
# The levels of zstd by those of the library in Go.
ZSTD_LEVELS = {1: 1, 2: 3, 3: 7, 4: 11}


class Gzip:
    """RFC 1952."""

    def __init__(self, level):
        self.made = zlib.compressobj(level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)

    def block(self, data):
        return self.made.compress(data) + self.made.flush(zlib.Z_SYNC_FLUSH)

    def end(self, data=b""):
        return self.made.compress(data) + self.made.flush()


class Brotli:
    """RFC 7932, by the module brotli."""

    def __init__(self, level):
        library = import_module("brotli")
        self.made = library.Compressor(quality=level, lgwin=BR_WINDOW)

    def block(self, data):
        return self.made.process(data) + self.made.flush()

    def end(self, data=b""):
        return self.made.process(data) + self.made.finish()


class Zstd:
    """RFC 8878, by the module zstandard."""

    def __init__(self, level):
        self.library = import_module("zstandard")
        params = self.library.ZstdCompressionParameters.from_level(
            ZSTD_LEVELS[level], window_log=ZSTD_WINDOW
        )
        self.made = self.library.ZstdCompressor(compression_params=params).compressobj()

    def block(self, data):
        begun = self.made.compress(data)
        return begun + self.made.flush(self.library.COMPRESSOBJ_FLUSH_BLOCK)

    def end(self, data=b""):
        return self.made.compress(data) + self.made.flush()


CODINGS = {"zstd": Zstd, "br": Brotli, "gzip": Gzip}
MODULES = {"zstd": "zstandard", "br": "brotli"}


def is_there(coding):
    """Whether the library of a coding is installed."""
    try:
        import_module(MODULES.get(coding, "zlib"))
    except ImportError:
        return False
    return True
