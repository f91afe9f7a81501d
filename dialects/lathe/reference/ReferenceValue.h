// A value of the reference evaluator: a tensor in its own storage format, or the bytes of a state.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_REFERENCEVALUE_H
#define LATHE_DIALECTS_LATHE_REFERENCE_REFERENCEVALUE_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include <memory>
#include <vector>

namespace lathe {

/// Tensors hold row-major elements as the machine stores them (bool and i1 as one byte), quantized tensors their
/// blocks, states their pool or slots. Copies share the bytes; `mutableBytes` makes them unique first.
class ReferenceValue {
public:
  ReferenceValue() = default;
  /// A value of `type` with `shape`, all bytes zero. For a state, `shape` is unused and `bytes` its size.
  ReferenceValue(mlir::Type type, llvm::ArrayRef<int64_t> shape, int64_t bytes);

  /// A tensor of `elementType`; its size follows from the type.
  static ReferenceValue tensor(mlir::Type elementType, llvm::ArrayRef<int64_t> shape);
  /// A tensor over bytes that somebody else keeps alive (a mapped file).
  static ReferenceValue borrowed(mlir::Type elementType, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<uint8_t> bytes);
  static ReferenceValue fromElements(mlir::ElementsAttr elements);

  /// The element type of a tensor, or the state type.
  mlir::Type getType() const { return Type; }
  llvm::ArrayRef<int64_t> getShape() const { return Shape; }
  int64_t getNumElements() const;
  llvm::ArrayRef<uint8_t> getBytes() const { return Borrowed.data() ? Borrowed : llvm::ArrayRef<uint8_t>(*Owned); }
  llvm::MutableArrayRef<uint8_t> mutableBytes();

  // Elements of plain (not quantized) tensors, by row-major index. Floats round to nearest even on the way in.
  double getFloat(int64_t index) const;
  void setFloat(int64_t index, double value);
  int64_t getInt(int64_t index) const;
  void setInt(int64_t index, int64_t value);

  /// All values as f32, unpacking quantized blocks. Fails when the blocks do not fit the shape.
  llvm::FailureOr<std::vector<float>> toFloats() const;

private:
  mlir::Type Type;
  llvm::SmallVector<int64_t> Shape;
  std::shared_ptr<std::vector<uint8_t>> Owned = std::make_shared<std::vector<uint8_t>>();
  llvm::ArrayRef<uint8_t> Borrowed;
};

/// Reads and writes one float of type f16, bf16, f32 or f64 in memory.
double loadFloat(mlir::Type type, const uint8_t *address);
void storeFloat(mlir::Type type, uint8_t *address, double value);

/// Bytes of one element in memory: i1 takes one.
int64_t getElementBytes(mlir::Type type);

// Rows of elements in memory: numbers as above, or blocks of 32 of `!lathe.gguf<q8_0>`, the only ones that are written.
int64_t getRowBytes(mlir::Type type, int64_t elements);
std::vector<double> loadElements(mlir::Type type, llvm::ArrayRef<uint8_t> bytes);
/// Writes to `bytes` of the right size. What an f8E4M3FN cannot hold becomes its largest number.
void storeElements(mlir::Type type, llvm::ArrayRef<double> elements, llvm::MutableArrayRef<uint8_t> bytes);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_REFERENCE_REFERENCEVALUE_H
