"""Copies lines of pictures, as they are or mirrored, in one call for a whole batch: machine code made from LLVM's language.

Numba would say the same in Python, but importing it and compiling takes 2.7 s of processor time, and a folder that it can
write to where that is not to be paid each time. This takes 0.1 s of a process that augments, and nothing of any other.
"""

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Addresses = NDArray[np.int64]
Copy = Callable[[int, int, int, int, int, int, int, int], None]

_VECTOR = 16  # bytes of which all whole pixels are turned round at once, on every processor
_AHEAD = 3072  # bytes that are asked of memory before their turn

# The lines of a crop end before the stored ones do, and the next picture lies anywhere: a processor does not guess what will be
# read next, but it can be told. At 256 px that takes 40 % off the copying. Stores that go past the caches were measured too,
# each way with what reads the batch next: batches of 2 MB take longer with them, of 10 MB as long, of 40 MB 3 to 8 % less.
_CODE = """
; Copy %height lines of each picture: the first is at its place in %firsts, the next that of %steps bytes further.
define void @copy(ptr %firsts, ptr %steps, ptr %mirrored, i64 %pictures, i64 %height, i64 %size, i64 %ahead, ptr %out) {{
start:
  br label %picture

picture:
  %index = phi i64 [ 0, %start ], [ %next_index, %end_of_picture ]
  %out_now = phi ptr [ %out, %start ], [ %next_to, %end_of_picture ]
  %first_at = getelementptr ptr, ptr %firsts, i64 %index
  %first = load ptr, ptr %first_at
  %step_at = getelementptr i64, ptr %steps, i64 %index
  %step = load i64, ptr %step_at
  %mirrored_at = getelementptr i8, ptr %mirrored, i64 %index
  %flag = load i8, ptr %mirrored_at
  %is_mirrored = icmp ne i8 %flag, 0
  %next_index = add i64 %index, 1
  %is_last_picture = icmp eq i64 %next_index, %pictures
  %next_known = select i1 %is_last_picture, i64 %index, i64 %next_index
  %next_first_at = getelementptr ptr, ptr %firsts, i64 %next_known
  %next_first = load ptr, ptr %next_first_at
  %next_step_at = getelementptr i64, ptr %steps, i64 %next_known
  %next_step = load i64, ptr %next_step_at
  br label %line

line:
  %number = phi i64 [ 0, %picture ], [ %next_number, %end_of_line ]
  %from = phi ptr [ %first, %picture ], [ %next_from, %end_of_line ]
  %to = phi ptr [ %out_now, %picture ], [ %next_to, %end_of_line ]
  %later_here = add i64 %number, %ahead
  %later_there = sub i64 %later_here, %height
  %is_here = icmp ult i64 %later_here, %height
  %later_first = select i1 %is_here, ptr %first, ptr %next_first
  %later_step = select i1 %is_here, i64 %step, i64 %next_step
  %later_number = select i1 %is_here, i64 %later_here, i64 %later_there
  %later_offset = mul i64 %later_number, %later_step
  %later = getelementptr i8, ptr %later_first, i64 %later_offset
  call void @ask(ptr %later, i64 %size)
  br i1 %is_mirrored, label %turn, label %keep

turn:
  call void @mirror_line(ptr %from, i64 %size, ptr %to)
  br label %end_of_line

keep:
  call void @copy_line(ptr %from, i64 %size, ptr %to)
  br label %end_of_line

end_of_line:
  %next_from = getelementptr i8, ptr %from, i64 %step
  %next_to = getelementptr i8, ptr %to, i64 %size
  %next_number = add i64 %number, 1
  %is_last_line = icmp eq i64 %next_number, %height
  br i1 %is_last_line, label %end_of_picture, label %line

end_of_picture:
  br i1 %is_last_picture, label %end, label %picture

end:
  ret void
}}

; Have a line brought into the cache.
define internal void @ask(ptr %line, i64 %size) {{
start:
  br label %next

next:
  %asked = phi i64 [ 0, %start ], [ %more, %next ]
  %wanted = getelementptr i8, ptr %line, i64 %asked
  call void @llvm.prefetch.p0(ptr %wanted, i32 0, i32 3, i32 1)
  %more = add i64 %asked, 64
  %is_all = icmp uge i64 %more, %size
  br i1 %is_all, label %end, label %next

end:
  ret void
}}

; Copy a line as it is.
define internal void @copy_line(ptr %from, i64 %size, ptr %to) {{
start:
  br label %blocks

blocks:
  %done = phi i64 [ 0, %start ], [ %next, %block ]
  %next = add i64 %done, 64
  %is_whole = icmp ule i64 %next, %size
  %bytes_at = getelementptr i8, ptr %from, i64 %done
  %place = getelementptr i8, ptr %to, i64 %done
  br i1 %is_whole, label %block, label %rest

block:
  %bytes = load <64 x i8>, ptr %bytes_at, align 1
  store <64 x i8> %bytes, ptr %place, align 1
  br label %blocks

rest:
  %left = sub i64 %size, %done
  call void @llvm.memcpy.p0.p0.i64(ptr %place, ptr %bytes_at, i64 %left, i1 false)
  ret void
}}

; Copy a line from its last pixel to its first, {whole} bytes at a time while there are {vector}, so that nothing is read or
; written beside it: the bytes of a vector that are no whole pixel are written anew by what comes next.
define internal void @mirror_line(ptr %from, i64 %size, ptr %out) {{
start:
  br label %vectors

vectors:
  %left = phi i64 [ %size, %start ], [ %next_left, %vector ]
  %to = phi ptr [ %out, %start ], [ %next_to, %vector ]
  %is_enough = icmp uge i64 %left, {vector}
  br i1 %is_enough, label %vector, label %pixels

vector:
  %first = sub i64 %left, {vector}
  %bytes_at = getelementptr i8, ptr %from, i64 %first
  %bytes = load <{vector} x i8>, ptr %bytes_at, align 1
  %turned = shufflevector <{vector} x i8> %bytes, <{vector} x i8> poison, <{vector} x i32> <{order}>
  store <{vector} x i8> %turned, ptr %to, align 1
  %next_left = sub i64 %left, {whole}
  %next_to = getelementptr i8, ptr %to, i64 {whole}
  br label %vectors

pixels:
  %few = phi i64 [ %left, %vectors ], [ %fewer, %pixel ]
  %place = phi ptr [ %to, %vectors ], [ %next_place, %pixel ]
  %is_none = icmp eq i64 %few, 0
  br i1 %is_none, label %end, label %pixel

pixel:
  %fewer = sub i64 %few, {channels}
  %pixel_at = getelementptr i8, ptr %from, i64 %fewer
  %value = load i{bits}, ptr %pixel_at, align 1
  store i{bits} %value, ptr %place, align 1
  %next_place = getelementptr i8, ptr %place, i64 {channels}
  br label %pixels

end:
  ret void
}}

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
"""


def copy_lines(firsts: Addresses, steps: NDArray[np.int64], is_mirrored: NDArray[np.bool_], out: NDArray[np.uint8]) -> None:
    """Copy lines of N pictures into `out`, uint8 [N, H, W, C]: the first is at its address, the next `steps` bytes further.

    Those of some pictures are mirrored. Nothing but the caller keeps alive what lies at the addresses.
    """
    if not out.size:
        return
    num_pictures, height, width, channels = out.shape
    assert firsts.shape == steps.shape == is_mirrored.shape == (num_pictures,) and 0 < channels <= _VECTOR
    assert (firsts.strides, steps.strides, is_mirrored.strides) == ((8,), (8,), (1,)) and out.flags.c_contiguous
    size = width * channels
    ahead = min(height, max(1, _AHEAD // size))
    tables = (firsts.ctypes.data, steps.ctypes.data, is_mirrored.ctypes.data)
    _compiled(channels)(*tables, num_pictures, height, size, ahead, out.ctypes.data)


@functools.cache
def _compiled(channels: int) -> Copy:
    """Compile for pixels of that many bytes, and for the processor that there is."""
    from llvmlite import binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten())
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(_code(channels)), machine)
    engine.finalize_object()
    # ctypes lets other threads run meanwhile.
    signature = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, *[ctypes.c_int64] * 4, ctypes.c_void_p)
    function: Any = signature(engine.get_function_address("copy"))
    function.engine = engine  # holds the code
    return function  # type: ignore[no-any-return]


def _code(channels: int) -> str:
    whole = _VECTOR // channels * channels
    unused = _VECTOR - whole
    # Of 3 channels: 13 14 15, 10 11 12, ..., 1 2 3, and one byte that does not matter
    places = [first + channel for first in range(_VECTOR - channels, -1, -channels) for channel in range(channels)]
    order = ", ".join(f"i32 {place}" for place in [*places, *range(unused)])
    return _CODE.format(vector=_VECTOR, whole=whole, order=order, channels=channels, bits=8 * channels)
