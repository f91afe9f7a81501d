// Values to the blocks of `!lathe.blocked`.
//
// The scale of a block is searched for. Candidates are the largest magnitude / d for some d around the largest code: a
// scale below largest / code clips the block's end and is finer everywhere else, one above it fits codes that grow in
// unequal steps. Where scales have 8 bits, candidates are all of them in that range. Each is tried: the block is
// rounded and its squared error summed. To the best of wide scales (f16, bf16, f32) the one is added that fits its
// codes by least squares. The first candidate is the largest magnitude / the largest code, so no block is worse than by
// that rule.
//
// * Integers, symmetric: a wide scale takes the sign that sends the largest magnitude to the code -2^(bits - 1).
// * Integers with a zero: the range of the block with 0 in it, which comes back exactly, then parts of that; of a block
//   without 0 its own range too.
// * Quantized scales: each block's best f32 scale, then the nearest codes of them, and their neighbours.
// * An outer scale beside scales: the tensor's largest magnitude / (the largest code * the largest scale) where scales
//   have 8 bits and a fraction, else 1. Alone it is searched for as a scale is.
//
// Codes are the nearest of value / scale, ties to even; what lies beyond the last code becomes the last code. A block
// of zeros has the scale 0 where there is one. Values that are not finite have no place in a block.
#include "dialects/lathe/BlockedPacking.h"
#include "dialects/lathe/BlockedNumbers.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace lathe;

//===- Codes ------------------------------------------------------------------------------------------------------===//
//
// Each has `round`, to the value of the nearest code; `encode`, from such a value to its bits; `Largest`; and
// `Divisors`, by which the largest magnitude is divided for candidates of scales, the first of them `Largest`.

namespace {

struct IntegerCode {
  IntegerCode(int64_t bits, bool isSigned)
      : Low(isSigned ? -std::ldexp(1.0f, bits - 1) : 0), High(std::ldexp(1.0f, isSigned ? bits - 1 : bits) - 1),
        Mask(uint8_t((1u << bits) - 1)) {
    Largest = isSigned && bits > 1 ? High : std::max(High, -Low);
    Divisors = {Largest};
    // Of n levels the best range of normal values ends before the largest of many: up to a fifth of the levels.
    float step = bits >= 6 ? 0.25f : Largest / 28;
    for (int i = -2; i <= 10; ++i)
      if (i != 0 && (bits < 6 || i <= 4))
        Divisors.push_back(Largest + float(i) * step);
  }
  float round(float value) const {
    constexpr float Shift = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
    float bounded = value < Low ? Low : value > High ? High : value;
    float shifted = bounded + Shift;
    return shifted - Shift;
  }
  uint8_t encode(float code) const { return uint8_t(int(code)) & Mask; }

  float Low, High, Largest;
  uint8_t Mask;
  std::vector<float> Divisors;
};

/// Rounds as `SmallFloat::round`, and stays a float.
template <typename Format> struct FloatCode {
  explicit FloatCode(std::vector<float> divisors) : Divisors(std::move(divisors)) {}
  float round(float value) const { return Format::widen(Format::round(value)); }
  uint8_t encode(float code) const { return Format::round(code); }

  static constexpr float Largest = Format::Largest;
  std::vector<float> Divisors;
};

struct Nf4Code {
  Nf4Code() {
    for (int i = 0; i < 15; ++i)
      Middles[i] = (Nf4Values[i] + Nf4Values[i + 1]) / 2;
  }
  int find(float value) const {
    int place = 0;
    for (float middle : Middles)
      place += value > middle;
    return place;
  }
  float round(float value) const { return Nf4Values[find(value)]; }
  uint8_t encode(float code) const { return uint8_t(find(code)); }

  static constexpr float Largest = 1;
  float Middles[15];
  std::vector<float> Divisors = {1.0f, 0.92f, 0.96f, 1.04f, 1.08f, 1.12f, 1.16f, 1.2f, 1.25f};
};

//===- Scales -----------------------------------------------------------------------------------------------------===//

/// A scale that is tried, the codes it gives, and their squared error.
struct Trial {
  float scale = 0; ///< as stored, the outer scale not included
  float zero = 0;
  double error = INFINITY;
};

/// Least squares of values over their codes: product / length is the scale that suits the codes best.
struct Fit {
  double product = 0, length = 0;
};

/// The values of one scale, gathered from its rows.
struct Block {
  ArrayRef<float> values;
  float largest = 0; ///< the largest magnitude, with its sign
  float low = 0, high = 0;

  explicit Block(ArrayRef<float> values) : values(values), low(values[0]), high(values[0]) {
    for (float value : values) {
      low = value < low ? value : low;
      high = value > high ? value : high;
    }
    largest = -low > high ? low : high;
  }
};

/// Packs the values of one scale. `Scale` says which scales there are, `outer` is what the stored ones are multiplied
/// by.
template <typename Code> class BlockPacker {
public:
  BlockPacker(const Code &code, StoredFloat scale, StoredInteger zero, bool mayNegate)
      : Codes(code), Scale(scale), Zero(zero), MayNegate(mayNegate && std::is_same_v<Code, IntegerCode>) {}

  /// The best scale of a block, and zero where there is one.
  Trial find(const Block &block, float outer) const {
    if (block.largest == 0)
      return {Scale.isAbsent() ? 1.0f : Scale.getLeast(), 0, 0};
    if (Scale.isAbsent())
      return measure(block, 1, outer, 0);
    if (Zero.isPresent())
      return findWithZero(block, outer);
    Trial best;
    bool first = true;
    for (float stored : getCandidates(block.largest, outer)) {
      Trial trial = measure(block, stored, outer, 0);
      if (first || trial.error < best.error)
        best = trial;
      first = false;
    }
    return refine(block, best, outer);
  }

  /// Error and zero of a given scale.
  Trial measure(const Block &block, float stored, float outer, float zero) const {
    float scale = stored * outer;
    double error = 0;
    if (scale == 0) {
      for (float value : block.values)
        error += double(value) * value;
      return {stored, zero, error};
    }
    // Partial sums of a few hundred elements in f32, of those in f64.
    constexpr size_t Run = 256;
    for (size_t first = 0; first < block.values.size(); first += Run) {
      ArrayRef<float> part = block.values.slice(first, std::min(Run, block.values.size() - first));
      float sums[8] = {};
      size_t i = 0;
      for (; i + 8 <= part.size(); i += 8)
        for (size_t j = 0; j < 8; ++j)
          sums[j] += square(part[i + j], scale, zero);
      for (; i < part.size(); ++i)
        sums[0] += square(part[i], scale, zero);
      for (float sum : sums)
        error += sum;
    }
    return {stored, zero, error};
  }

  /// Adds the codes that a trial gives.
  void addFit(const Block &block, const Trial &trial, float outer, Fit &fit) const {
    float scale = trial.scale * outer;
    for (float value : block.values) {
      float code = Codes.round(value / scale + trial.zero) - trial.zero;
      fit.product += double(value) * code;
      fit.length += double(code) * code;
    }
  }

  void writeCodes(const Block &block, const Trial &trial, float outer, uint8_t *codes) const {
    float scale = trial.scale * outer;
    for (auto [i, value] : llvm::enumerate(block.values))
      codes[i] = Codes.encode(Codes.round(scale == 0 ? 0 : value / scale + trial.zero));
  }

  /// Stored scales to try for values whose largest magnitude is that of `extreme`, the plainest first.
  SmallVector<float> getCandidates(float extreme, float outer) const {
    float largest = (MayNegate ? -extreme : std::fabs(extreme)) / outer;
    SmallVector<float> scales;
    if (Scale.isWide()) {
      for (float divisor : Codes.Divisors)
        scales.push_back(Scale.round(largest / divisor));
    } else {
      auto [few, most] = std::minmax_element(Codes.Divisors.begin(), Codes.Divisors.end());
      scales = Scale.getBetween(largest / *most, largest / *few);
      scales.insert(scales.begin(), Scale.round(largest / Codes.Largest));
    }
    float least = std::copysign(Scale.getLeastPositive(), largest);
    for (float &scale : scales)
      scale = scale == 0 ? least : scale;
    if (Scale.getLeast() == 0)
      scales.push_back(0); // a block that is better lost
    return scales;
  }

private:
  float square(float value, float scale, float zero) const {
    float error = value - (Codes.round(value / scale + zero) - zero) * scale;
    return error * error;
  }

  /// Tries the scale that suits the codes of the best one.
  Trial refine(const Block &block, Trial best, float outer) const {
    if (!Scale.isWide() || best.scale == 0)
      return best;
    Fit fit;
    addFit(block, best, outer, fit);
    if (fit.length == 0)
      return best;
    Trial trial = measure(block, Scale.round(float(fit.product / fit.length / outer)), outer, best.zero);
    return trial.error < best.error ? trial : best;
  }

  Trial findWithZero(const Block &block, float outer) const {
    Trial best;
    bool first = true;
    auto tryRange = [&](float low, float high) {
      float stored = Scale.round((high / Codes.Largest - low / Codes.Largest) / outer), scale = stored * outer;
      float zero = scale == 0 ? 0 : Zero.round(-low / scale);
      Trial trial = measure(block, stored, outer, zero);
      if (first || trial.error < best.error)
        best = trial;
      first = false;
    };
    float low = std::min(block.low, 0.0f), high = std::max(block.high, 0.0f);
    tryRange(low, high);
    for (float part : {0.96f, 0.92f, 0.88f, 0.84f, 0.8f, 0.75f, 1.04f})
      tryRange(low * part, high * part);
    // A block far from zero: its own range, where the zero can say it.
    if ((block.low > 0 || block.high < 0) && block.low != block.high)
      tryRange(block.low, block.high);
    return refine(block, best, outer);
  }

  const Code &Codes;
  StoredFloat Scale;
  StoredInteger Zero;
  bool MayNegate; ///< a scale may have a sign
};

//===- Tensors ----------------------------------------------------------------------------------------------------===//

using ValueReader = llvm::function_ref<LogicalResult(ValueSink)>;

/// Cuts what `read` passes on into parts of one size, the last one excepted, so that sums over parts do not depend on
/// the pieces that values come in.
LogicalResult readParts(ValueReader read, ValueSink take) {
  constexpr size_t Size = 4096;
  std::vector<float> begun;
  auto add = [&](ArrayRef<float> values) -> LogicalResult {
    if (!begun.empty()) {
      ArrayRef<float> next = values.take_front(Size - begun.size());
      begun.insert(begun.end(), next.begin(), next.end());
      values = values.drop_front(next.size());
      if (begun.size() < Size)
        return success();
      if (failed(take(begun)))
        return failure();
    }
    for (; values.size() >= Size; values = values.drop_front(Size))
      if (failed(take(values.take_front(Size))))
        return failure();
    begun.assign(values.begin(), values.end());
    return success();
  };
  if (failed(read(add)))
    return failure();
  return begun.empty() ? success() : take(begun);
}

bool isFinite(ArrayRef<float> values) {
  // A sum of products with zero is NaN where one of them is.
  float sum = 0;
  for (float value : values)
    sum += value * 0;
  return sum == 0;
}

/// Packs a tensor of one type, block by block.
template <typename Code> class TensorPacker {
public:
  TensorPacker(BlockedType type, const Code &code)
      : Type(type), Inner(dyn_cast<BlockedType>(type.getScale())), Codes(code),
        Scale(Inner ? Float32Type::get(type.getContext()) : type.getScale()), Zero(type.getZero()),
        Outer(type.getOuterScale()), Packer(Codes, Scale, Zero, Scale.isWide() && !Inner) {}

  FailureOr<float> findOuter(ValueReader read) const {
    float low = 0, high = 0;
    auto widen = [&](ArrayRef<float> values) {
      Block part(values);
      low = std::min(low, part.low);
      high = std::max(high, part.high);
      return success(isFinite(values));
    };
    if (failed(readParts(read, widen)))
      return failure();
    float extreme = -low > high ? low : high, largest = Scale.isWide() ? 0 : Scale.getLargestFraction();
    if (Scale.isAbsent())
      return searchOuter(extreme, read);
    if (largest == 0 || extreme == 0)
      return 1;
    float outer = Outer.round(std::fabs(extreme) / (Codes.Largest * largest));
    return outer == 0 ? Outer.getLeastPositive() : outer;
  }

  void pack(ArrayRef<int64_t> shape, ArrayRef<float> values, float outer, uint8_t *bytes) {
    int64_t columns = shape.back(), rows = values.size() / columns;
    bytes = Outer.write(outer, bytes);
    auto [blockRows, blockColumns] = Type.getBlockShape();
    if (Scale.isAbsent() && !Zero.isPresent() && blockRows * blockColumns == 1)
      return packPlain(values, outer, bytes);
    for (int64_t row = 0; row < rows; row += blockRows)
      for (int64_t column = 0; column < columns; column += blockColumns)
        bytes = packBlock(&values[row * columns + column], columns, outer, bytes);
  }

private:
  /// `BlockPacker::find` for one scale of all values, each step of it over all parts.
  FailureOr<float> searchOuter(float extreme, ValueReader read) const {
    if (extreme == 0)
      return Outer.getLeast();
    BlockPacker<Code> packer(Codes, Outer, Zero, Outer.isWide());
    SmallVector<Trial> trials;
    for (float scale : packer.getCandidates(extreme, 1))
      trials.push_back({scale, 0, 0});
    auto measure = [&](ArrayRef<float> values) {
      for (Trial &trial : trials)
        trial.error += packer.measure(Block(values), trial.scale, 1, 0).error;
      return success();
    };
    if (failed(readParts(read, measure)))
      return failure();
    Trial best = *llvm::min_element(trials, [](const Trial &a, const Trial &b) { return a.error < b.error; });
    if (!Outer.isWide() || best.scale == 0)
      return best.scale;
    Fit fit;
    auto add = [&](ArrayRef<float> values) { return packer.addFit(Block(values), best, 1, fit), success(); };
    if (failed(readParts(read, add)))
      return failure();
    if (fit.length == 0)
      return best.scale;
    trials = {{Outer.round(float(fit.product / fit.length)), 0, 0}};
    if (failed(readParts(read, measure)))
      return failure();
    return trials[0].error < best.error ? trials[0].scale : best.scale;
  }

  /// Codes alone, one after the other.
  void packPlain(ArrayRef<float> values, float outer, uint8_t *bytes) const {
    Trial trial;
    trial.scale = 1;
    constexpr size_t Run = 4096;
    for (size_t first = 0; first < values.size(); first += Run) {
      Block part(values.slice(first, std::min(Run, values.size() - first)));
      Packer.writeCodes(part, trial, outer, bytes + first);
    }
  }

  /// Writes a block of the type: of one scale, or of all that share a scale.
  uint8_t *packBlock(const float *values, int64_t step, float outer, uint8_t *bytes) {
    if (Inner)
      return packShared(values, step, outer, bytes);
    Block block(gather(values, step));
    Trial trial = Packer.find(block, outer);
    return writeCodes(block, trial, outer, Scale.write(trial.scale, bytes));
  }

  uint8_t *packShared(const float *values, int64_t step, float outer, uint8_t *bytes) {
    auto [rows, columns] = Type.getScaleBlock();
    auto place = [&](int64_t i) {
      return values + i / columns * Type.getRows() * step + i % columns * Type.getColumns();
    };
    std::vector<float> scales(rows * columns);
    float largest = 0;
    for (auto [i, scale] : llvm::enumerate(scales)) {
      scale = Packer.find(Block(gather(place(i), step)), outer).scale;
      largest = std::max(largest, std::fabs(scale));
    }
    StoredFloat shared(Inner.getScale());
    constexpr float MostCode = 255;
    float unit = shared.round(largest / MostCode);
    bytes = shared.write(unit, bytes);
    uint8_t *codes = bytes;
    bytes += scales.size();
    for (auto [i, scale] : llvm::enumerate(scales)) {
      Block block(gather(place(i), step));
      float nearest = unit == 0 ? 0 : std::clamp(std::nearbyint(scale / unit), 0.0f, MostCode);
      Trial best = Packer.measure(block, nearest * unit, outer, 0);
      codes[i] = uint8_t(nearest);
      for (float code : {nearest - 1, nearest + 1}) {
        Trial trial = code < 0 || code > MostCode ? Trial() : Packer.measure(block, code * unit, outer, 0);
        if (trial.error < best.error) {
          best = trial;
          codes[i] = uint8_t(code);
        }
      }
      bytes = writeCodes(block, best, outer, bytes);
    }
    return bytes;
  }

  /// The values of one scale, side by side.
  ArrayRef<float> gather(const float *values, int64_t step) {
    int64_t rows = Type.getRows(), columns = Type.getColumns();
    if (rows == 1)
      return {values, size_t(columns)};
    Gathered.clear();
    for (int64_t row = 0; row < rows; ++row)
      Gathered.insert(Gathered.end(), values + row * step, values + row * step + columns);
    return Gathered;
  }

  uint8_t *writeCodes(const Block &block, const Trial &trial, float outer, uint8_t *bytes) {
    bytes = Zero.write(trial.zero, bytes);
    Bits.resize(block.values.size());
    Packer.writeCodes(block, trial, outer, Bits.data());
    int64_t width = Type.getCodeBits(), count = Type.getCodeBytes();
    if (width == 8) {
      std::memcpy(bytes, Bits.data(), Bits.size());
      return bytes + count;
    }
    std::memset(bytes, 0, count);
    uint32_t pending = 0, bits = 0;
    uint8_t *to = bytes;
    for (uint8_t code : Bits) {
      pending |= uint32_t(code) << bits;
      for (bits += width; bits >= 8; bits -= 8, pending >>= 8)
        *to++ = uint8_t(pending);
    }
    if (bits)
      *to = uint8_t(pending);
    return bytes + count;
  }

  BlockedType Type, Inner;
  const Code &Codes;
  StoredFloat Scale;
  StoredInteger Zero;
  StoredFloat Outer;
  BlockPacker<Code> Packer;
  std::vector<float> Gathered;
  std::vector<uint8_t> Bits;
};

} // namespace

/// Of the numbers of a block, packing knows: integer codes, E2M1, E4M3, E5M2 and NF4; scales in f32, f16, bf16, E4M3,
/// E5M2, E8M0, or quantized to unsigned bytes with an f32; integer zeros of 8 bits beside unsigned codes.
bool BlockedType::canPack() const {
  BlockedType type = *this;
  auto inner = dyn_cast<BlockedType>(type.getScale());
  bool innerFits = inner && inner.getCode().isUnsignedInteger(8) && inner.getScale().isF32();
  auto code = dyn_cast<IntegerType>(type.getCode());
  bool zeroFits =
      isa<NoneType>(type.getZero()) || (code && code.isUnsigned() && StoredInteger(type.getZero()).isPresent() &&
                                        !inner && !isa<NoneType>(type.getScale()));
  return getCodeNumber(type.getCode()) != Number::None &&
         (innerFits || (!inner && StoredFloat::has(type.getScale()))) && zeroFits &&
         StoredFloat::has(type.getOuterScale()) &&
         !(isa<NoneType>(type.getScale()) && isa<NoneType>(type.getOuterScale()));
}

/// Calls `use` with a packer of the type's codes and returns what it does.
template <typename Use> static auto withPacker(BlockedType type, Use use) {
  // Floats have nearly the same error wherever they are in their range; what counts is where it ends within a power of
  // two. Those of four bits have a fine and a coarse part.
  auto with = [&](const auto &code) {
    TensorPacker packer(type, code);
    return use(packer);
  };
  switch (getCodeNumber(type.getCode())) {
  case Number::E2M1:
    return with(FloatCode<E2M1>({6, 4, 4.4f, 4.8f, 5.2f, 5.6f, 6.4f, 6.8f, 7.2f, 3, 3.5f, 7.6f, 7.999f}));
  case Number::E4M3:
    return with(FloatCode<E4M3>({448, 416, 384, 352, 320, 288, 256}));
  case Number::E5M2:
    return with(FloatCode<E5M2>({57344, 49152, 40960, 32768}));
  case Number::Nf4:
    return with(Nf4Code());
  default:
    return with(IntegerCode(type.getCodeBits(), !type.getCode().isUnsignedInteger()));
  }
}

FailureOr<float> lathe::findOuterScale(BlockedType type, ValueReader read) {
  assert(type.canPack() && "the caller has asked whether values are packed into the type");
  if (isa<NoneType>(type.getOuterScale()))
    return 1.0f;
  return withPacker(type, [&](auto &packer) { return packer.findOuter(read); });
}

LogicalResult lathe::packWithOuterScale(BlockedType type, float outer, ArrayRef<int64_t> shape, ArrayRef<float> values,
                                        MutableArrayRef<uint8_t> bytes) {
  FailureOr<int64_t> wanted = type.getByteSize(shape);
  if (!type.canPack() || failed(wanted) || *wanted != int64_t(bytes.size()) ||
      int64_t(values.size()) != ShapedType::getNumElements(shape) || !isFinite(values))
    return failure();
  if (values.empty())
    llvm::fill(bytes, 0);
  else
    withPacker(type, [&](auto &packer) { return packer.pack(shape, values, outer, bytes.data()); });
  return success();
}

LogicalResult BlockedType::pack(ArrayRef<int64_t> shape, ArrayRef<float> values, MutableArrayRef<uint8_t> bytes) const {
  if (!canPack())
    return failure();
  FailureOr<float> outer = findOuterScale(*this, [&](ValueSink sink) { return sink(values); });
  return failed(outer) ? failure() : packWithOuterScale(*this, *outer, shape, values, bytes);
}
