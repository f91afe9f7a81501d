"""The runtime's C interface (runtime/include/lathe.h), as far as running tensor entries from Python takes it."""

import ctypes
import os

import numpy as np

MOST_BYTES = 1 << 28  # of an output whose size data decides, to be given by us
# Of each lathe_type. numpy has no 16-bit float with an exponent of 8 bits: its bits are those of an integer.
TYPES = dict(enumerate(["f4", "f2", "u2", "f8", "i1", "u1", "i2", "i4", "i8", "u4", "bool", "u2", "u8"], start=1))
TYPES = {number: np.dtype(name) for number, name in TYPES.items()}
BFLOAT16 = 3


class ValueInfo(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("role", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("rank", ctypes.c_size_t),
        ("shape", ctypes.c_int64 * 8),
    ]


class EntryInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("kind", ctypes.c_int)] + [
        (f"{what}_count", ctypes.c_size_t) for what in ("symbol", "input", "output", "state")
    ]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("bytes", ctypes.c_size_t),
        ("type", ctypes.c_int),
        ("memory", ctypes.c_int),
        ("rank", ctypes.c_size_t),
        ("shape", ctypes.c_int64 * 8),
    ]


class RunOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("entry", ctypes.c_char_p),
        ("inputs", ctypes.POINTER(Tensor)),
        ("input_count", ctypes.c_size_t),
        ("outputs", ctypes.POINTER(Tensor)),
        ("output_count", ctypes.c_size_t),
        ("stream", ctypes.c_void_p),
    ]


class DeviceOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("kind", ctypes.c_int),
        ("threads", ctypes.c_int32),
        ("parallel_for", ctypes.c_void_p),
        ("parallel_for_user", ctypes.c_void_p),
        ("ordinal", ctypes.c_int32),
    ]


class Mismatch(Exception):
    """What is wrong with a case's outputs."""


def widen(array, number):
    """The values of a tensor of lathe_type `number`."""
    return (array.astype(np.uint32) << 16).view(np.float32) if number == BFLOAT16 else array


def check_close(found, wanted, number, rtol, atol):
    """Raises unless two tensors of lathe_type `number` are the same within tolerances."""
    if found.shape != wanted.shape:
        raise Mismatch(f"shape {list(found.shape)}, needed {list(wanted.shape)}")
    # The answers round after every operation, a kernel once: that may be two numbers of a 16-bit type apart, whose
    # neighbors differ by up to 2^-10 and 2^-7.
    rtol = max(rtol, 2**-6 if number == BFLOAT16 else 2**-9 if found.dtype == np.float16 else 0)
    found, wanted = widen(found, number), widen(wanted, number)
    close = np.isclose(wanted, found, rtol=rtol, atol=atol, equal_nan=True)
    if not close.all():
        at = tuple(int(i) for i in np.argwhere(~close)[0])
        raise Mismatch(f"{np.count_nonzero(~close)} of {close.size} differ, {at}: {found[at]}, needed {wanted[at]}")


class Runtime:
    """The library `path`, and a device: the CPU, on one thread, or the first GPU."""

    def __init__(self, path, cuda=False):
        self.library = ctypes.CDLL(path)
        self.library.lathe_status_message.restype = ctypes.c_char_p
        self.library.lathe_program_entry.restype = ctypes.POINTER(EntryInfo)
        self.library.lathe_program_output.restype = ctypes.POINTER(ValueInfo)
        self.library.lathe_program_input.restype = ctypes.POINTER(ValueInfo)
        for name in ("status_message", "status_release", "program_release", "session_release"):
            getattr(self.library, f"lathe_{name}").argtypes = [ctypes.c_void_p]
        for name in ("entry", "input", "output"):
            counts = [ctypes.c_size_t] * (1 if name == "entry" else 2)
            getattr(self.library, f"lathe_program_{name}").argtypes = [ctypes.c_void_p, *counts]
        options = DeviceOptions(ctypes.sizeof(DeviceOptions), int(cuda), 1)
        self.device = self.make("device_create", ctypes.byref(options))

    def call(self, name, *arguments):
        function = getattr(self.library, f"lathe_{name}")
        function.restype = ctypes.c_void_p
        if status := function(*arguments):
            message = self.library.lathe_status_message(status).decode()
            self.library.lathe_status_release(status)
            raise Mismatch(message)

    def make(self, name, *arguments):
        made = ctypes.c_void_p()
        self.call(name, *arguments, ctypes.byref(made))
        return made

    def load(self, path):
        program = self.make("program_load", os.fsencode(path))
        try:
            return program, self.make("session_create", program, self.device, None)
        except Mismatch:
            self.library.lathe_program_release(program)
            raise

    def run(self, program, session, feeds):
        """lathe_type and elements of all outputs, in order. `feeds` are the inputs by name."""
        entry = self.library.lathe_program_entry(program, 0).contents
        infos = [self.library.lathe_program_input(program, 0, i).contents for i in range(entry.input_count)]
        inputs = (Tensor * max(1, len(infos)))()
        kept = []
        for info, tensor in zip(infos, inputs):
            value = feeds.get(info.name.decode())
            if value is None:
                raise Mismatch(f"there is an input '{info.name.decode()}', but given are {', '.join(feeds)}")
            if value.dtype != TYPES[info.type]:
                raise Mismatch(f"input '{info.name.decode()}' has type {TYPES[info.type]}, needed {value.dtype}")
            kept.append(np.ascontiguousarray(value))
            tensor.name, tensor.data, tensor.bytes = info.name, kept[-1].ctypes.data, value.nbytes
            tensor.type, tensor.rank = info.type, value.ndim
            tensor.shape[: value.ndim] = value.shape
        outputs = (Tensor * entry.output_count)()
        for i, tensor in enumerate(outputs):
            tensor.name = self.library.lathe_program_output(program, 0, i).contents.name
        options = RunOptions(ctypes.sizeof(RunOptions), None, inputs, len(infos), outputs, len(outputs))
        self.call("session_shapes", session, ctypes.byref(options))
        # Where nothing bounds the size of an output, or what does is far above what it is, it stays in the session's memory.
        stays = [-1 in tensor.shape[: tensor.rank] and not 0 < tensor.bytes <= MOST_BYTES for tensor in outputs]
        buffers = [np.full(1 if stay else max(1, tensor.bytes), 0xA5, np.uint8) for tensor, stay in zip(outputs, stays)]
        for tensor, buffer, stay in zip(outputs, buffers, stays):
            tensor.data, tensor.bytes = (None, 0) if stay else (buffer.ctypes.data, buffer.nbytes)
        self.call("session_run", session, ctypes.byref(options))
        results = []
        for tensor, buffer in zip(outputs, buffers):
            dtype, shape = TYPES[tensor.type], tuple(tensor.shape[: tensor.rank])
            count = int(np.prod(shape, dtype=np.int64))
            if tensor.data != buffer.ctypes.data:
                buffer = np.frombuffer(ctypes.string_at(tensor.data, count * dtype.itemsize), np.uint8)
            results.append((tensor.type, buffer[: count * dtype.itemsize].view(dtype).reshape(shape)))
        return results
