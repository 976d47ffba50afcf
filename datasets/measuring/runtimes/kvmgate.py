"""`python kvmgate.py`: time a loop of a second in a bare guest of /dev/kvm and outside it.

Ends with 0 when the guest is about as fast; else prints why not. A KVM that is emulated, or nested
without hardware for it, opens like any other and runs a hundred times slower.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import platform
import struct
import sys
import time

# <linux/kvm.h>
_CREATE_VM, _VCPU_MMAP_SIZE, _CREATE_VCPU, _RUN = 0xAE01, 0xAE04, 0xAE41, 0xAE80
_SET_MEMORY, _SET_REGS, _GET_SREGS, _SET_SREGS = 0x4020AE46, 0x4090AE82, 0x8138AE83, 0x4138AE84
_EXIT_HLT = 5
_REGS, _RCX, _RIP, _RFLAGS, _SREGS = 18, 2, 16, 17, 312

_TURNS = 1_000_000
_LOOP_S = 1.0
_AT_MOST = 1.5
# dec ecx; jnz: the same two instructions, in real mode with a halt, in 64-bit mode with a return.
_GUEST_CODE = bytes([0x66, 0x49, 0x75, 0xFC, 0xF4])
_HOST_CODE = bytes([0xB9, *struct.pack("<I", _TURNS), 0xFF, 0xC9, 0x75, 0xFC, 0xC3])


def guest_turn_ns() -> float:
    """Time of one turn of the loop in a guest. Raises OSError."""
    kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    vm = fcntl.ioctl(kvm, _CREATE_VM, 0)
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    memory[: len(_GUEST_CODE)] = _GUEST_CODE
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    fcntl.ioctl(vm, _SET_MEMORY, struct.pack("<IIQQQ", 0, 0, 0, mmap.PAGESIZE, address))
    vcpu = fcntl.ioctl(vm, _CREATE_VCPU, 0)
    state = mmap.mmap(vcpu, fcntl.ioctl(kvm, _VCPU_MMAP_SIZE, 0))
    special = bytearray(_SREGS)
    fcntl.ioctl(vcpu, _GET_SREGS, special)
    struct.pack_into("<QIH", special, 0, 0, 0xFFFF, 0)  # the code segment starts at 0
    fcntl.ioctl(vcpu, _SET_SREGS, bytes(special))
    registers = [0] * _REGS
    registers[_RCX], registers[_RIP], registers[_RFLAGS] = _TURNS, 0, 2

    def turn() -> None:
        fcntl.ioctl(vcpu, _SET_REGS, struct.pack(f"<{_REGS}Q", *registers))
        fcntl.ioctl(vcpu, _RUN, 0)
        (left,) = struct.unpack_from("<I", state, 8)
        if left != _EXIT_HLT:
            raise OSError(f"the guest left with exit {left}")

    return _timed(turn)


def host_turn_ns() -> float:
    """Time of one turn of the loop outside a guest."""
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code[: len(_HOST_CODE)] = _HOST_CODE
    return _timed(ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(code))))


def _timed(loop) -> float:
    start = time.perf_counter()
    turns = 0
    while (took := time.perf_counter() - start) < _LOOP_S:
        loop()
        turns += _TURNS
    return took * 1e9 / turns


def main() -> int:
    """0 when the guest's loop takes at most `_AT_MOST` of the host's."""
    if platform.machine() != "x86_64":
        print("the gate's loop is in x86-64 code")
        return 2
    try:
        guest = guest_turn_ns()
    except OSError as error:
        print(f"/dev/kvm: {error.strerror or error}")
        return 2
    host = host_turn_ns()
    if guest <= _AT_MOST * host:
        return 0
    print(f"a loop runs {guest / host:.3g} x slower in a guest of /dev/kvm than outside")
    return 1


if __name__ == "__main__":
    sys.exit(main())
