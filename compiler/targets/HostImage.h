// From the plan to flat images of machine code: one for each host level, without imports, that run wherever they are
// mapped.
#ifndef LATHE_COMPILER_TARGETS_HOSTIMAGE_H
#define LATHE_COMPILER_TARGETS_HOSTIMAGE_H

#include "compiler/targets/HostProgram.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MemoryBufferRef.h"

namespace lathe {

/// Where the functions of one program begin in an image.
struct HostEntry {
  std::string Name;
  int64_t Run, ArenaBytes, OutputDims;
};

struct HostImage {
  std::string Level;          ///< "x86-64-v3", ...: the section's name in the artifact
  std::vector<uint8_t> Bytes; ///< code, then constants
  std::vector<HostEntry> Entries;
  std::string LlvmIr; ///< optimized, when asked for
};

struct HostImageOptions {
  /// CPU names of LLVM; ascending. Code that multiplies integers (kernels/Int8.cpp) is compiled for x86-64-v4 with VNNI
  /// as well, which not every processor of that level has: level "x86-64-v4-vnni". Other code that is asked for at that
  /// level is compiled for x86-64-v4.
  std::vector<std::string> Levels = {"x86-64-v3", "x86-64-v4", "x86-64-v4-vnni"};
  bool KeepLlvmIr = false;
  /// The work is done elsewhere, and the code only starts it: it is compiled quickly.
  bool OnlyStarts = false;
};

/// Lowers every program of `plan` and compiles it for each level. Fails with a diagnostic on the operation that cannot
/// be lowered. The same plan gives the same bytes.
llvm::FailureOr<std::vector<HostImage>>
buildHostImages(mlir::ModuleOp plan, const HostImageOptions &options,
                llvm::function_ref<std::unique_ptr<LaunchLowering>(llvm::Module &)> createLowering);

/// Lays an ELF object for x86-64 out as one flat image and resolves every reference within it. Fails on undefined
/// symbols, on data that would have to be written when it is mapped, and on anything that depends on the address at
/// which the image will be mapped. `offsets` gives for each of `symbols` where it lies.
llvm::Expected<std::vector<uint8_t>> layOutFlatImage(llvm::MemoryBufferRef object, llvm::ArrayRef<std::string> symbols,
                                                     llvm::SmallVectorImpl<int64_t> &offsets);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_HOSTIMAGE_H
