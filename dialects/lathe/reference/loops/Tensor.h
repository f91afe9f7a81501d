// What a loop sees of its operands and results. Freestanding: compiled natively for the reference, to bitcode for the
// CPU's kernels and by NVRTC for CUDA's, where types and static sizes are constants after inlining.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_TENSOR_H
#define LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_TENSOR_H

#ifdef LATHE_LOOP_DEVICE
// loops.cuh has declared the integers, lathe::loops::Math and LATHE_LOOP_INLINE.
#include "runtime/HostFault.h"
#else
#include "runtime/HostAbi.h"
#include <cstdint>

#define LATHE_LOOP_INLINE [[gnu::always_inline]] inline

namespace lathe::loops {
using Math = runtime::MathApi;
/// Threads are few: each takes many elements at once.
constexpr bool OneElementTiles = false;
} // namespace lathe::loops
#endif

namespace lathe::loops {

/// Numbered as lathe_type of lathe.h.
enum class Element : int32_t {
  None = 0, // an absent operand, or one without elements
  F32 = 1,
  F16 = 2,
  BF16 = 3,
  F64 = 4,
  I8 = 5,
  U8 = 6,
  I16 = 7,
  I32 = 8,
  I64 = 9,
  U32 = 10,
  Bool = 11, // a byte, 0 or 1
  U16 = 12,
  U64 = 13
};

LATHE_LOOP_INLINE int64_t elementBytes(Element type) {
  switch (type) {
  case Element::None:
    return 0;
  case Element::I8:
  case Element::U8:
  case Element::Bool:
    return 1;
  case Element::F16:
  case Element::BF16:
  case Element::I16:
  case Element::U16:
    return 2;
  case Element::F32:
  case Element::I32:
  case Element::U32:
    return 4;
  case Element::F64:
  case Element::I64:
  case Element::U64:
    return 8;
  }
  return 0;
}

LATHE_LOOP_INLINE bool isFloat(Element type) {
  return type == Element::F32 || type == Element::F16 || type == Element::BF16 || type == Element::F64;
}

/// `value` as a float of 1 + exponent + mantissa bits, rounded once, to nearest even.
LATHE_LOOP_INLINE uint16_t packHalf(double value, int mantissa, int exponent) {
  uint64_t bits = __builtin_bit_cast(uint64_t, value), fraction = bits & ((uint64_t(1) << 52) - 1);
  auto sign = uint16_t(bits >> 63 << 15);
  int power = int(bits >> 52 & 0x7FF) - 1023, bias = (1 << (exponent - 1)) - 1;
  auto infinity = uint16_t(((1 << exponent) - 1) << mantissa);
  if (power == 1024)
    return uint16_t(sign | infinity | (fraction ? 1 << (mantissa - 1) : 0));
  if (power > bias)
    return uint16_t(sign | infinity);
  int shift = 52 - mantissa;
  uint64_t whole = uint64_t(power + bias) << 52 | fraction;
  if (power < 1 - bias) { // subnormal: the leading one becomes visible
    shift += 1 - bias - power;
    whole = uint64_t(1) << 52 | fraction;
    if (shift > 54)
      return sign;
  }
  uint64_t kept = whole >> shift, rest = whole & ((uint64_t(1) << shift) - 1), half = uint64_t(1) << (shift - 1);
  if (rest > half || (rest == half && (kept & 1)))
    ++kept; // carries into the exponent, up to infinity
  return uint16_t(sign | kept);
}

LATHE_LOOP_INLINE double unpackHalf(uint16_t bits, int mantissa, int exponent) {
  uint64_t fraction = bits & ((1 << mantissa) - 1), sign = uint64_t(bits >> 15) << 63;
  int power = bits >> mantissa & ((1 << exponent) - 1), bias = (1 << (exponent - 1)) - 1;
  if (power == (1 << exponent) - 1)
    return __builtin_bit_cast(double, sign | uint64_t(0x7FF) << 52 | fraction << (52 - mantissa));
  if (power == 0) {
    double scale = __builtin_bit_cast(double, uint64_t(1023 + 1 - bias - mantissa) << 52);
    double value = double(fraction) * scale;
    return sign ? -value : value;
  }
  return __builtin_bit_cast(double, sign | uint64_t(power - bias + 1023) << 52 | fraction << (52 - mantissa));
}

/// A dense row-major tensor, or the dimensions of one whose `data` nobody reads.
struct Tensor {
  void *data;
  const int64_t *shape;
  int32_t rank;
  Element type;

  LATHE_LOOP_INLINE bool isPresent() const { return type != Element::None; }
  LATHE_LOOP_INLINE bool isFloat() const { return loops::isFloat(type); }
  LATHE_LOOP_INLINE bool isUnsigned() const {
    return type == Element::U8 || type == Element::U16 || type == Element::U32 || type == Element::U64 ||
           type == Element::Bool;
  }
  /// Product of the sizes of dimensions [begin, end).
  LATHE_LOOP_INLINE int64_t elements(int64_t begin, int64_t end) const {
    int64_t count = 1;
    for (int64_t d = begin; d < end; ++d)
      count *= shape[d];
    return count;
  }
  LATHE_LOOP_INLINE int64_t elements() const { return elements(0, rank); }

  template <typename T> LATHE_LOOP_INLINE T &at(int64_t index) const { return static_cast<T *>(data)[index]; }

  /// An element of a float tensor.
  LATHE_LOOP_INLINE double loadFloat(int64_t index) const {
    if (type == Element::F32)
      return at<float>(index);
    if (type == Element::F64)
      return at<double>(index);
    return type == Element::F16 ? unpackHalf(at<uint16_t>(index), 10, 5) : unpackHalf(at<uint16_t>(index), 7, 8);
  }
  LATHE_LOOP_INLINE void storeFloat(int64_t index, double value) const {
    if (type == Element::F32)
      at<float>(index) = float(value);
    else if (type == Element::F64)
      at<double>(index) = value;
    else
      at<uint16_t>(index) = type == Element::F16 ? packHalf(value, 10, 5) : packHalf(value, 7, 8);
  }

  /// An element of an integer or bool tensor; of u64 its bits.
  LATHE_LOOP_INLINE int64_t loadInt(int64_t index) const {
    switch (elementBytes(type)) {
    case 1:
      return isUnsigned() ? int64_t(at<uint8_t>(index)) : int64_t(at<int8_t>(index));
    case 2:
      return isUnsigned() ? int64_t(at<uint16_t>(index)) : int64_t(at<int16_t>(index));
    case 4:
      return isUnsigned() ? int64_t(at<uint32_t>(index)) : int64_t(at<int32_t>(index));
    default:
      return at<int64_t>(index);
    }
  }
  /// Keeps the low bits of `value`.
  LATHE_LOOP_INLINE void storeInt(int64_t index, int64_t value) const {
    switch (elementBytes(type)) {
    case 1:
      at<uint8_t>(index) = uint8_t(value);
      break;
    case 2:
      at<uint16_t>(index) = uint16_t(value);
      break;
    case 4:
      at<uint32_t>(index) = uint32_t(value);
      break;
    default:
      at<int64_t>(index) = value;
    }
  }

  /// All bits of element `index` become 0: what a kernel leaves where the data asks for an element that is not there.
  LATHE_LOOP_INLINE void clear(int64_t index) const { storeInt(index, 0); }

  /// Element `index` becomes element `from` of a tensor of the same type.
  LATHE_LOOP_INLINE void copy(int64_t index, const Tensor &source, int64_t from) const {
    switch (elementBytes(type)) {
    case 1:
      at<uint8_t>(index) = source.at<uint8_t>(from);
      break;
    case 2:
      at<uint16_t>(index) = source.at<uint16_t>(from);
      break;
    case 4:
      at<uint32_t>(index) = source.at<uint32_t>(from);
      break;
    default:
      at<uint64_t>(index) = source.at<uint64_t>(from);
    }
  }
};

constexpr int64_t MaxRank = 8; // as LATHE_MAX_RANK

constexpr double Infinity = __builtin_bit_cast(double, uint64_t(0x7FF) << 52);

/// Calls `body(index, coordinates)` for elements [begin, end) of a shape, in order.
template <typename Body>
LATHE_LOOP_INLINE void forEach(const int64_t *shape, int64_t rank, int64_t begin, int64_t end, Body body) {
  int64_t coordinates[MaxRank] = {};
  int64_t rest = begin;
  for (int64_t d = rank - 1; d >= 0; --d) {
    if (shape[d] == 0)
      return;
    coordinates[d] = rest % shape[d];
    rest /= shape[d];
  }
  for (int64_t index = begin; index < end; ++index) {
    body(index, coordinates);
    for (int64_t d = rank - 1; d >= 0 && ++coordinates[d] == shape[d]; --d)
      coordinates[d] = 0;
  }
}

/// Elements of a tile where a loop has no better unit, and where one element takes a while.
constexpr int64_t TileElements = OneElementTiles ? 1 : 4096, SlowTileElements = OneElementTiles ? 1 : 128;

LATHE_LOOP_INLINE int64_t countTiles(int64_t elements, int64_t size = TileElements) {
  return (elements + size - 1) / size;
}

/// What a loop runs on: tiles [begin, end) of `Struct::tiles(...)`, in any order and at the same time as others.
struct LoopCall {
  const Math *math;
  const Tensor *inputs;      ///< as LoopOpInterface::getLoopInputs numbers them
  const Tensor *outputs;     ///< the operation's results
  const int64_t *attributes; ///< as LoopOpInterface::getLoopAttributes appends them
  int64_t begin, end;
};

/// The end of the elements that belong to the call's tiles, which have `size` elements.
LATHE_LOOP_INLINE int64_t lastElement(const LoopCall &call, const Tensor &output, int64_t size = TileElements) {
  int64_t count = output.elements(), last = call.end * size;
  return last < count ? last : count;
}

/// forEach over the elements of the call's tiles.
template <int64_t Size = TileElements, typename Body>
LATHE_LOOP_INLINE void forEachOfTiles(const LoopCall &call, const Tensor &output, Body body) {
  forEach(output.shape, output.rank, call.begin * Size, lastElement(call, output, Size), body);
}

/// An index that counts from the end where it is negative, or -1 where there is no such element.
LATHE_LOOP_INLINE int64_t wrapIndex(int64_t index, int64_t size) {
  int64_t place = index < 0 ? index + size : index;
  return place < 0 || place >= size ? -1 : place;
}

/// True when element i of `a` stands in front of element j: ascending, NaN last.
LATHE_LOOP_INLINE bool isLess(const Tensor &a, int64_t i, int64_t j) {
  if (a.isFloat()) {
    double x = a.loadFloat(i), y = a.loadFloat(j);
    return x < y || (x == x && y != y);
  }
  if (a.type == Element::U64)
    return uint64_t(a.loadInt(i)) < uint64_t(a.loadInt(j));
  return a.loadInt(i) < a.loadInt(j);
}

/// Sorts `count` places by `before`, a strict order without ties, in place: a heap sort.
template <typename Before> LATHE_LOOP_INLINE void sortPlaces(int64_t *places, int64_t count, Before before) {
  auto sink = [&](int64_t at, int64_t size) {
    for (int64_t child = 2 * at + 1; child < size; at = child, child = 2 * at + 1) {
      if (child + 1 < size && before(places[child], places[child + 1]))
        ++child;
      if (!before(places[at], places[child]))
        return;
      int64_t moved = places[at];
      places[at] = places[child];
      places[child] = moved;
    }
  };
  for (int64_t at = count / 2; at-- > 0;)
    sink(at, count);
  for (int64_t size = count; size-- > 1;) {
    int64_t last = places[size];
    places[size] = places[0];
    places[0] = last;
    sink(0, size);
  }
}

} // namespace lathe::loops

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_TENSOR_H
