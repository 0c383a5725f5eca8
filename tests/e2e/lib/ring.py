# SPDX-License-Identifier: Apache-2.0
"""A pinned ring buffer of the kernel's, as its reader sees it (kernel/bpf/ringbuf.c)."""

import ctypes
import mmap
import os
import platform
import struct

SYS_BPF = {"x86_64": 321, "aarch64": 280}
BPF_OBJ_GET = 7  # include/uapi/linux/bpf.h
HEADER = struct.Struct("=II")  # length with two flags, and where the ring is from there
FLAGS = 3 << 30  # BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT


def _open(path):
    name = ctypes.create_string_buffer(os.fsencode(path))
    attr = struct.pack("=QII", ctypes.addressof(name), 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_BPF[platform.machine()], BPF_OBJ_GET, attr, len(attr))
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    return fd


class Ring:
    """Of @size bytes, of which nothing has been overwritten yet."""

    def __init__(self, path, size):
        page = mmap.PAGESIZE
        self._size = size
        fd = _open(path)
        try:
            self._reader = mmap.mmap(fd, page, offset=0)
            self._writer = mmap.mmap(fd, page + size, prot=mmap.PROT_READ, offset=page)
        finally:
            os.close(fd)

    def close(self):
        self._reader.close()
        self._writer.close()

    def _at(self, place):
        return mmap.PAGESIZE + place

    def step_back(self):
        """The last record that was taken is in the ring again; its bytes."""
        (end,) = struct.unpack_from("=Q", self._reader)
        assert 0 < end < self._size
        place = last = 0
        while place < end:
            last, (length, _) = place, HEADER.unpack_from(self._writer, self._at(place))
            place += (HEADER.size + (length & ~FLAGS) + 7) // 8 * 8
        assert place == end
        struct.pack_into("=Q", self._reader, 0, last)
        return self._writer[self._at(last) + HEADER.size : self._at(end)]
