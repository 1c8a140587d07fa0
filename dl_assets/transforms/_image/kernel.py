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
_PAST_CACHES = 8 * 2**20  # bytes of a batch from which on it is written past the caches

# The lines of a crop end before the stored ones do, and the next picture lies anywhere: a processor does not guess what will be
# read next, but it can be told. At 256 px that takes 40 % off the copying. A batch that the caches cannot hold goes past them,
# as in memcpy: else each line of it is read before it is written over.
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
  {fence}
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
  %next = add i64 %done, {block}
  %is_whole = icmp ule i64 %next, %size
  %bytes_at = getelementptr i8, ptr %from, i64 %done
  %place = getelementptr i8, ptr %to, i64 %done
  br i1 %is_whole, label %block, label %rest

block:
  %bytes = load <{block} x i8>, ptr %bytes_at, align 1
  store <{block} x i8> %bytes, ptr %place, {store}
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
{turn}
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
!0 = !{{i32 1}}
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
    is_past = out.nbytes >= _PAST_CACHES and width % _VECTOR == out.ctypes.data % _VECTOR == 0
    _compiled(channels, is_past)(*tables, num_pictures, height, size, ahead, out.ctypes.data)


@functools.cache
def _compiled(channels: int, is_past: bool) -> Copy:
    """Compile for pixels of that many bytes, and for the processor that there is."""
    from llvmlite import binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten())
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(_code(channels, is_past)), machine)
    engine.finalize_object()
    # ctypes lets other threads run meanwhile.
    signature = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, *[ctypes.c_int64] * 4, ctypes.c_void_p)
    function: Any = signature(engine.get_function_address("copy"))
    function.engine = engine  # holds the code
    return function  # type: ignore[no-any-return]


def _code(channels: int, is_past: bool) -> str:
    numbers = {"channels": channels, "bits": 8 * channels}
    if is_past:  # in whole vectors at places that are multiples of them, which such stores need
        whole = _VECTOR * channels
        store = f"align {_VECTOR}, !nontemporal !0"
        return _CODE.format(
            **numbers,
            block=_VECTOR,
            store=store,
            fence="fence seq_cst",
            vector=whole,
            whole=whole,
            turn=_turn_past(channels, store),
        )
    whole = _VECTOR // channels * channels
    return _CODE.format(**numbers, block=64, store="align 1", fence="", vector=_VECTOR, whole=whole, turn=_turn(channels))


def _turn(channels: int) -> str:
    """Write how the whole pixels among the last bytes are turned round."""
    # Of 3 channels: 13 14 15, 10 11 12, ..., 1 2 3, and one byte that does not matter
    order = [first + channel for first in range(_VECTOR - channels, -1, -channels) for channel in range(channels)]
    order += range(_VECTOR - len(order))
    return f"""\
  %bytes = load <{_VECTOR} x i8>, ptr %bytes_at, align 1
  %turned = {_shuffled("%bytes", "poison", order)}
  store <{_VECTOR} x i8> %turned, ptr %to, align 1"""


def _turn_past(channels: int, store: str) -> str:
    """Write how as many pixels are turned round as are whole in as many vectors as they have channels."""
    lines = []
    for vector in range(channels):
        lines.append(f"%from_{vector} = getelementptr i8, ptr %bytes_at, i64 {_VECTOR * vector}")
        lines.append(f"%bytes_{vector} = load <{_VECTOR} x i8>, ptr %from_{vector}, align 1")
    pixels = range(_VECTOR - 1, -1, -1)
    order = [pixel * channels + channel for pixel in pixels for channel in range(channels)]
    for vector in range(channels):
        places = order[_VECTOR * vector : _VECTOR * (vector + 1)]
        turned = "poison"
        for read in sorted({place // _VECTOR for place in places}):  # what is taken from each vector that was read
            taken = [
                _VECTOR + place % _VECTOR if place // _VECTOR == read else position for position, place in enumerate(places)
            ]
            lines.append(f"%turned_{vector}_{read} = {_shuffled(turned, f'%bytes_{read}', taken)}")
            turned = f"%turned_{vector}_{read}"
        lines.append(f"%to_{vector} = getelementptr i8, ptr %to, i64 {_VECTOR * vector}")
        lines.append(f"store <{_VECTOR} x i8> {turned}, ptr %to_{vector}, {store}")
    return "\n".join(f"  {line}" for line in lines)


def _shuffled(one: str, other: str, places: list[int]) -> str:
    kind, order = f"<{_VECTOR} x i8>", ", ".join(f"i32 {place}" for place in places)
    return f"shufflevector {kind} {one}, {kind} {other}, <{_VECTOR} x i32> <{order}>"
