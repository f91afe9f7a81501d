// The numbers that blocks are made of, as they lie in memory.
#ifndef LATHE_DIALECTS_LATHE_BLOCKEDNUMBERS_H
#define LATHE_DIALECTS_LATHE_BLOCKEDNUMBERS_H

#include "dialects/lathe/Lathe.h"
#include "runtime/SmallNumbers.h"

namespace lathe {

/// How codes of this type are stored: None for one that neither packing nor kernels know.
Number getCodeNumber(mlir::Type code);
/// The same of a scale, an outer scale or a zero. None also for `none`.
Number getPartNumber(mlir::Type type);

/// A code, scale or zero of any type by LLVM's arithmetic: a float as it is, an integer sign-extended unless it is
/// unsigned, a place in the table of NF4.
float decodeNumber(mlir::Type type, uint64_t bits);
/// Bytes of a part of a block, 0 of `none`.
int64_t getPartBytes(mlir::Type type);
/// The part at `bytes`, or `absent` for `none`.
float readPart(mlir::Type type, const uint8_t *bytes, float absent);

/// A scale, or `none`, which is 1 and takes no bytes.
class StoredFloat {
public:
  /// True when there is such a scale.
  static bool has(mlir::Type type);
  explicit StoredFloat(mlir::Type type) : Kind(getPartNumber(type)) {}

  bool isAbsent() const { return Kind == Number::None; }
  /// True when there are too many of them to try each.
  bool isWide() const { return Kind == Number::F32 || Kind == Number::F16 || Kind == Number::BF16; }
  /// The nearest, finite: beyond the largest the largest.
  float round(float value) const;
  /// The least magnitude: 0, or of powers of two 2^-127.
  float getLeast() const;
  float getLeastPositive() const;
  /// The largest of a scale that has a fraction, 0 of one that has none.
  float getLargestFraction() const;
  /// All of them in [low, high], which are positive. For those that are not wide.
  llvm::SmallVector<float> getBetween(float low, float high) const;
  /// Writes one of them and returns where the next byte goes.
  uint8_t *write(float value, uint8_t *bytes) const;

private:
  uint8_t encode(float value) const;
  float decode(uint8_t code) const;
  Number Kind;
};

/// An integer zero of 8 bits, or `none`, which is 0 and takes no bytes.
class StoredInteger {
public:
  explicit StoredInteger(mlir::Type type);
  bool isPresent() const { return Present; }
  /// The nearest that is stored.
  float round(float value) const;
  uint8_t *write(float value, uint8_t *bytes) const;

private:
  bool Present = false, Signed = true;
};

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_BLOCKEDNUMBERS_H
