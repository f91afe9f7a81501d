// Arguments of the templates of kernels/: what Roots.cpp and AttentionRoots.cpp share.
#ifndef LATHE_COMPILER_TARGETS_CPU_ROOTEMITTER_H
#define LATHE_COMPILER_TARGETS_CPU_ROOTEMITTER_H

#include "compiler/targets/cpu/KernelEmitter.h"
#include "dialects/lathe/Windows.h"
#include <concepts>

namespace lathe::cpu {

/// A tensor that the root reads from memory.
struct Operand {
  llvm::Value *Address = nullptr;
  mlir::Type Element;
  std::string Format;
  llvm::Function *Unpack = nullptr; ///< of a type that has a function of its own
};

class RootEmitter {
public:
  RootEmitter(const KernelBody &body, llvm::IRBuilderBase &builder, const KernelFrame &frame, TemplateLibrary &library)
      : Body(body), Builder(builder), Frame(frame), Library(library) {}

  llvm::LogicalResult emit(ExpertMatmulOp op);
  llvm::LogicalResult emit(MatmulOp op);
  llvm::LogicalResult emit(RmsNormOp op);
  llvm::LogicalResult emit(ChannelMaxPoolOp op);
  llvm::LogicalResult emit(DepthwiseConvOp op);
  llvm::LogicalResult emit(LayerNormOp op);
  llvm::LogicalResult emit(PanelConvOp op);
  llvm::LogicalResult emit(PanelMatmulOp op);
  llvm::LogicalResult emit(Int8MatmulOp op);
  llvm::LogicalResult emit(AttentionOp op);
  llvm::LogicalResult emit(SoftmaxOp op);
  llvm::LogicalResult emit(ReduceOp op);
  llvm::LogicalResult emitArg(mlir::Operation *op, mlir::RankedTensorType type, int64_t axis, bool last);
  llvm::LogicalResult emit(ArgMaxOp op) {
    return emitArg(op, op.getInput().getType(), op.getAxis(), op.getSelectLast());
  }
  llvm::LogicalResult emit(ArgMinOp op) {
    return emitArg(op, op.getInput().getType(), op.getAxis(), op.getSelectLast());
  }
  llvm::LogicalResult emit(GatherOp op);
  llvm::LogicalResult emit(ConvOp op);
  llvm::LogicalResult emit(MaxPoolOp op);
  llvm::LogicalResult emit(RopeOp op);
  llvm::LogicalResult emit(AppendKvOp op);
  llvm::LogicalResult emit(PagedAttentionOp op);
  llvm::LogicalResult emit(RaggedAttentionOp op);

  RootCall Call;

private:
  /// The address of an operand that is not computed in the body.
  llvm::FailureOr<llvm::Value *> getAddress(mlir::Operation *op, mlir::Value value);
  llvm::FailureOr<Operand> getOperand(mlir::Operation *op, mlir::Value value);
  /// The same of one that the template reads row by row, which may be of a type whose rows have no address.
  llvm::FailureOr<Operand> getRows(mlir::Operation *op, mlir::Value value);
  /// Of operands that a template reads in their own type: the address, and how to read f16 and bf16, else null.
  llvm::FailureOr<std::pair<llvm::Value *, llvm::Value *>> getPlainOperand(mlir::Operation *op, mlir::Value value);
  /// `results` in tiles of `block`; adds both, which the templates of kernels/Reduce.cpp take in this order.
  void addResults(mlir::AffineExpr results, int64_t block);
  /// The same of an operand that may be absent: then null, in a format that nobody reads.
  llvm::FailureOr<Operand> getOptional(mlir::Operation *op, mlir::Value value);
  void appendSteps(AttentionOp op, mlir::Value operand, llvm::SmallVectorImpl<mlir::AffineExpr> &steps);
  llvm::Value *getLayer(mlir::Operation *op);
  /// Adds the bytes and the elements from one row of `length` to the next, as a template counts them.
  void addRowSteps(mlir::AffineExpr length, const Operand &operand);
  /// Bytes of so many elements of a row.
  llvm::Value *emitBytes(mlir::AffineExpr elements, mlir::Type element);
  llvm::Function *getTemplate(const llvm::Twine &name) {
    llvm::Function *function = Library.get(name.str());
    assert(function && "kernels/ defines a template of this name");
    return function;
  }

  void add(llvm::Value *value) { Call.Arguments.push_back(value); }
  void add(mlir::AffineExpr size) { add(Frame.emit(Builder, size)); }
  void add(int64_t value) { add(Builder.getInt64(value)); }
  void addFlag(bool value) { add(Builder.getInt1(value)); }
  void addFloat(const llvm::APFloat &value) { add(llvm::ConstantFP::get(Builder.getContext(), value)); }
  void add(std::unsigned_integral auto value) { add(int64_t(value)); }
  void addArray(llvm::ArrayRef<mlir::AffineExpr> values);
  void addBatch(llvm::ArrayRef<mlir::AffineExpr> left, llvm::ArrayRef<mlir::AffineExpr> right,
                llvm::ArrayRef<mlir::AffineExpr> result);
  static mlir::AffineExpr countProductTiles(mlir::AffineExpr m, mlir::AffineExpr n, int64_t rows);
  void addFunction(llvm::StringRef prefix, const Operand &operand) {
    add(operand.Unpack ? operand.Unpack : getTemplate(prefix + operand.Format));
  }
  void addWindows(const Windows &windows, llvm::ArrayRef<mlir::AffineExpr> input,
                  llvm::ArrayRef<mlir::AffineExpr> output);

  const KernelBody &Body;
  llvm::IRBuilderBase &Builder;
  const KernelFrame &Frame;
  TemplateLibrary &Library;
};

} // namespace lathe::cpu

#endif // LATHE_COMPILER_TARGETS_CPU_ROOTEMITTER_H
