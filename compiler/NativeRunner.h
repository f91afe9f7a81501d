// Runs a compiled CPU image inside the compiler, for `--verify`.
#ifndef LATHE_COMPILER_NATIVERUNNER_H
#define LATHE_COMPILER_NATIVERUNNER_H

#include "compiler/targets/HostImage.h"
#include "dialects/lathe/reference/ReferenceValue.h"
#include "dialects/plan/Plan.h"
#include "llvm/Support/Memory.h"

namespace lathe {

/// The first of `images` that this machine can run, or null.
const HostImage *findRunnableImage(llvm::ArrayRef<HostImage> images);

class NativeRunner {
public:
  /// Maps `image` and computes the weights of `plan`, which both must outlive this object. Fails with a diagnostic.
  static llvm::FailureOr<std::unique_ptr<NativeRunner>> create(mlir::ModuleOp plan, const HostImage &image);
  ~NativeRunner();

  /// Runs entry point `name`. `arguments`: its inputs, then its states. Returns the outputs, then the states.
  llvm::FailureOr<std::vector<ReferenceValue>> run(llvm::StringRef name, llvm::ArrayRef<ReferenceValue> arguments);

private:
  NativeRunner(mlir::ModuleOp plan, const HostImage &image) : Plan(plan), Image(image) {}

  mlir::ModuleOp Plan;
  const HostImage &Image;
  llvm::sys::MemoryBlock Code;
  std::vector<uint8_t> Weights;
};

} // namespace lathe

#endif // LATHE_COMPILER_NATIVERUNNER_H
