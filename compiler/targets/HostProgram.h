// From a `plan.program` to the three functions that a host image holds for it (runtime/HostAbi.h).
//
// How a launch is started depends on the device: a target gives a `LaunchLowering`. All else is the same everywhere:
// choosing the clone, addresses, sizes, copies.
#ifndef LATHE_COMPILER_TARGETS_HOSTPROGRAM_H
#define LATHE_COMPILER_TARGETS_HOSTPROGRAM_H

#include "dialects/plan/Plan.h"
#include "runtime/HostAbi.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

namespace lathe {

/// Functions of the table that the runtime lends to a call, in its order; `Math` is the table `math`.
enum class HostFunction { ParallelFor, Launch, Copy, Allocate, BindOutput, Read, Write, Explain, Math, Collective };

/// Layouts of runtime/HostAbi.h as LLVM types.
struct HostAbiTypes {
  explicit HostAbiTypes(llvm::LLVMContext &context);

  /// Loads a field of `struct HostCall`: 0 is `api`, 7 is `arena`, 9 is `faults`.
  llvm::Value *loadCallField(llvm::IRBuilderBase &builder, llvm::Value *call, unsigned field) const;
  /// Loads `target` of `struct HostCall`, an i64.
  llvm::Value *loadCallTarget(llvm::IRBuilderBase &builder, llvm::Value *call) const;
  /// Loads the address of a function of the table.
  llvm::Value *loadFunction(llvm::IRBuilderBase &builder, llvm::Value *call, HostFunction function) const;

  llvm::StructType *Call, *Api, *CudaLaunch;
};

/// The point of the program at which a launch is lowered.
class HostLaunch {
public:
  HostLaunch(llvm::IRBuilderBase &builder, llvm::Value *call, llvm::SmallVectorImpl<llvm::AllocaInst *> &arrays)
      : Builder(builder), Call(call), Arrays(arrays) {}

  /// Stores `values` to array number `slot` of the stack frame and returns its address. Launches run one after the
  /// other, so the arrays of one are those of the next.
  llvm::Value *createArray(unsigned slot, llvm::ArrayRef<llvm::Value *> values);

  llvm::IRBuilderBase &Builder;
  llvm::Value *Call;                        ///< const HostCall *
  llvm::Value *Node = nullptr;              ///< the name of the model's node, const char *
  llvm::SmallVector<llvm::Value *> Buffers; ///< addresses of the inputs, then the outputs
  llvm::SmallVector<llvm::Value *> Dims;    ///< values of LaunchOp::getDynamicDims
  llvm::SmallVector<llvm::Value *> Symbols; ///< values of the program's symbols and of data symbols, where known

private:
  llvm::SmallVectorImpl<llvm::AllocaInst *> &Arrays;
};

/// How a target starts a kernel.
class LaunchLowering {
public:
  virtual ~LaunchLowering();
  /// Emits the start of one launch and returns its i32 result, which ends the call when it is not 0. Fails with a
  /// diagnostic on the launch.
  virtual llvm::FailureOr<llvm::Value *> lower(plan::LaunchOp launch, HostLaunch &host) = 0;
  /// Called once when all programs are lowered.
  virtual llvm::LogicalResult finish() { return llvm::success(); }
};

/// The value of an affine expression for given symbols, as i64.
llvm::Value *emitAffine(llvm::IRBuilderBase &builder, mlir::AffineExpr expression,
                        llvm::ArrayRef<llvm::Value *> symbols);

/// The operation by which ranks exchange something, where that is what `launch` is: no kernel, but a call of the
/// runtime.
mlir::Operation *findCollective(plan::LaunchOp launch);

/// Names of a program's functions in the LLVM module.
struct HostEntryNames {
  explicit HostEntryNames(plan::ProgramOp program);
  std::string Run, ArenaBytes, OutputDims;
};

/// Adds the functions of `program` to `module`.
llvm::LogicalResult emitHostProgram(plan::ProgramOp program, llvm::Module &module, LaunchLowering &lowering);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_HOSTPROGRAM_H
