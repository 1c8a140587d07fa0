"""The first piece of an ONNX file for pictures of any size: it makes them the square that `clean` stores."""

from typing import Any

import onnx

_PREFIX = "network/"  # before every name inside, so that none of them is one of the front's
# Height and width in px of the part that is resized (`picture`), and of what it is resized to.
_BEGIN = """
  height = Shape <start = 1, end = 2> (image)
  width = Shape <start = 2, end = 3> (image)
  size = Constant <value = int64[1] {SIZE}> ()
"""
_STRETCH = """
  picture = Identity (image)
  new_height = Identity (size)
  new_width = Identity (size)
"""
_CROP = """
  side = Min (height, width)
  two = Constant <value = int64[1] {2}> ()
  spare_height = Sub (height, side)
  spare_width = Sub (width, side)
  top = Div (spare_height, two)
  left = Div (spare_width, two)
  bottom = Add (top, side)
  right = Add (left, side)
  starts = Concat <axis = 0> (top, left)
  ends = Concat <axis = 0> (bottom, right)
  sides = Constant <value = int64[2] {1, 2}> ()
  picture = Slice (image, starts, ends, sides)
  new_height = Identity (size)
  new_width = Identity (size)
"""
_PAD = """
  picture = Identity (image)
  longest = Max (height, width)
  size_double = Cast <to = 11> (size)
  longest_double = Cast <to = 11> (longest)
  scale = Div (size_double, longest_double)
  height_double = Cast <to = 11> (height)
  width_double = Cast <to = 11> (width)
  exact_height = Mul (height_double, scale)
  exact_width = Mul (width_double, scale)
  rounded_height = Round (exact_height)
  rounded_width = Round (exact_width)
  whole_height = Cast <to = 7> (rounded_height)
  whole_width = Cast <to = 7> (rounded_width)
  one = Constant <value = int64[1] {1}> ()
  new_height = Max (whole_height, one)
  new_width = Max (whole_width, one)
"""
# As `square.resize` does it: where the height shrinks more than the width, it shrinks first.
_RESIZE = """
  old_height = Shape <start = 1, end = 2> (picture)
  old_width = Shape <start = 2, end = 3> (picture)
  less_height = Sub (old_height, new_height)
  less_width = Sub (old_width, new_width)
  twice_less_width = Add (less_width, less_width)
  nothing = Constant <value = int64[1] {0}> ()
  least = Max (twice_less_width, nothing)
  height_first = Greater (less_height, least)
  first_height = Where (height_first, new_height, old_height)
  batch = Shape <start = 0, end = 1> (image)
  channels = Shape <start = 3, end = 4> (image)
  first_sizes = Concat <axis = 0> (batch, first_height, old_width, channels)
  last_sizes = Concat <axis = 0> (batch, new_height, new_width, channels)
  lower = Resize <mode = "linear", antialias = 1, exclude_outside = 1> (picture, , , first_sizes)
  resized = Resize <mode = "linear", antialias = 1, exclude_outside = 1> (lower, , , last_sizes)
"""
_BARS = """
  bars_height = Sub (size, new_height)
  bars_width = Sub (size, new_width)
  half = Constant <value = int64[1] {2}> ()
  bar_top = Div (bars_height, half)
  bar_left = Div (bars_width, half)
  bar_bottom = Sub (bars_height, bar_top)
  bar_right = Sub (bars_width, bar_left)
  bars = Concat <axis = 0> (nothing, bar_top, bar_left, nothing, nothing, bar_bottom, bar_right, nothing)
  square = Pad (resized, bars)
"""
_NO_BARS = """
  square = Identity (resized)
"""
_END = """
  stored_shape = Constant <value = int64[4] {0, SIZE, SIZE, CHANNELS}> ()
  stored = Reshape (square, stored_shape)
"""
_WAYS = {
    "stretch": _STRETCH + _RESIZE + _NO_BARS,
    "crop": _CROP + _RESIZE + _NO_BARS,
    "pad": _PAD + _RESIZE + _BARS,
}


def with_any_size(model: onnx.ModelProto, size: int, channels: int, fit: str) -> Any:
    """Return the model with an input uint8 [batch, height, width, C] in place of its own, [batch, size, size, C].

    The pictures of a batch have one size; those that have the stored one are left as they are.
    """
    (asked,), (answered,) = model.graph.input, model.graph.output
    inside = onnx.compose.add_prefix(model, _PREFIX)
    opset = next(one.version for one in model.opset_import if one.domain == "")
    front = onnx.parser.parse_model(_text(size, channels, fit, opset, model.ir_version))
    front.opset_import.extend(one for one in model.opset_import if one.domain != "")
    joined = onnx.compose.merge_models(front, inside, io_map=[("stored", _PREFIX + asked.name)])
    joined.graph.node.append(onnx.helper.make_node("Identity", [_PREFIX + answered.name], [answered.name]))
    joined.graph.output[0].name = answered.name
    return joined


def _text(size: int, channels: int, fit: str, opset: int, ir_version: int) -> str:
    """Write the front in ONNX's own language."""
    body = (_BEGIN + _WAYS[fit] + _END).replace("SIZE", str(size)).replace("CHANNELS", str(channels))
    asked, stored = f"uint8[batch, height, width, {channels}] image", f"uint8[batch, {size}, {size}, {channels}] stored"
    return f'<ir_version: {ir_version}, opset_import: ["" : {opset}]> front ({asked}) => ({stored}) {{{body}}}'
