// The CUDA target: every launch becomes a kernel in CUDA C++, compiled by NVRTC to PTX and by nvJitLink for named GPUs;
// the host code computes the geometry and starts them.
#ifndef LATHE_COMPILER_TARGETS_CUDA_CUDATARGET_H
#define LATHE_COMPILER_TARGETS_CUDA_CUDATARGET_H

#include "compiler/targets/HostImage.h"
#include "compiler/targets/cuda/KernelChoice.h"
#include "compiler/targets/cuda/TemplateWork.h"
#include <array>

namespace lathe {

struct CudaTargetOptions {
  /// Where NVRTC and nvJitLink are: see CudaLibrary::load. Empty: where they usually are.
  std::string CudaPath;
  /// GPUs to assemble machine code for: "sm_80", "sm_90a", ... May be empty: PTX runs on all of sm_80 and up.
  std::vector<std::string> Chips = {"sm_90a"};
  /// What was measured on one of the chips; null: predictions choose kernels.
  std::shared_ptr<const cuda::TuningFile> Tuning;
  /// Told what of it does not count.
  std::function<void(llvm::StringRef)> Note = [](llvm::StringRef) {};
  /// What the host does is the same work for every processor.
  HostImageOptions Host = {.Levels = {"x86-64-v3"}, .KeepLlvmIr = false, .OnlyStarts = true};
};

/// What a kernel is on one of PtxTargets.
struct CudaVariant {
  std::string Config;
  std::string Choice; ///< why this configuration, where there were others
  int64_t Threads = 0;
  int64_t SharedBytes = 0; ///< of a block, dynamic and static
  int64_t Registers = 0;   ///< on the first chip of the target; 0 without one
  int64_t StackBytes = 0;  ///< local memory of a thread on that chip
};

/// A kernel as the manifest and reports tell it; its place in the list is CudaLaunch.kernel.
struct CudaKernel {
  std::string Name, Template, Reason;
  unsigned Module = 0;
  std::array<CudaVariant, PtxTargetCount> Variants;
};

/// The kernels of a target.
struct CudaText {
  std::string Target;           ///< PtxTarget::Name
  std::string Source;           ///< CUDA C++ of all; the templates are not in it
  std::string Launches;         ///< one line a launch, for reading
  std::vector<std::string> Ptx; ///< of each module
};

/// How a launch starts its kernel.
struct CudaCall {
  unsigned Kernel = 0;                                 ///< of CudaCode::Kernels
  std::array<mlir::AffineExpr, PtxTargetCount> Blocks; ///< over the program's symbols
  std::array<std::optional<cuda::TemplateWork>, PtxTargetCount> Works;
};

struct CudaBinary {
  std::string Chip;
  std::vector<std::string> Modules;
};

struct CudaCode {
  std::vector<CudaText> Texts;    ///< in the order of PtxTargets
  std::vector<CudaBinary> Cubins; ///< in the order of Chips
  std::vector<CudaKernel> Kernels;
  llvm::DenseMap<mlir::Operation *, CudaCall> Calls; ///< by launch
  std::vector<HostImage> HostImages;
};

/// Modules as one section of an artifact holds them, each with a zero behind it, and where each begins.
struct PlacedModules {
  std::string Bytes;
  std::vector<uint64_t> Offsets;
};
PlacedModules placeModules(llvm::ArrayRef<std::string> modules);

/// "", or why there is no code for a GPU of this name ("sm_90a").
std::string checkChip(llvm::StringRef chip);
/// The same of all chips that a pass is to choose for; there must be one at least.
std::string checkChips(llvm::ArrayRef<std::string> chips);

/// Compiles all programs of a plan. Fails with a diagnostic on the operation that has no kernel, or on the module when
/// a library is missing or refuses. The same plan and options give the same bytes.
llvm::FailureOr<CudaCode> compileCuda(mlir::ModuleOp plan, const CudaTargetOptions &options);

/// The first half alone: Kernels, and of Texts Source and Launches, for which no library is needed.
llvm::FailureOr<CudaCode> printCuda(mlir::ModuleOp plan, const CudaTargetOptions &options = {});

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CUDA_CUDATARGET_H
