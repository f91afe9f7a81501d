// From a launch to CUDA C++: one template with its parameters, and what the launch does to each element in between.
//
// A printed kernel takes the addresses of the launch's inputs and outputs (p0, p1, ...), the sizes that are unknown
// when it is compiled (d0, d1, ...: LaunchOp::getDynamicDims), the layer of each operation that has one (l0, ...), so
// that the layers of a model share their kernels, and where its data may be wrong what it is told with
// (kernels/faults.cuh). It is printed for each of PtxTargets, with the same parameters.
#ifndef LATHE_COMPILER_TARGETS_CUDA_KERNELPRINTER_H
#define LATHE_COMPILER_TARGETS_CUDA_KERNELPRINTER_H

#include "compiler/targets/cuda/ConvolutionTile.h"
#include "compiler/targets/cuda/ElementPrinter.h"
#include "compiler/targets/cuda/ElementWork.h"
#include "compiler/targets/cuda/KernelChoice.h"
#include "compiler/targets/cuda/TemplateWork.h"
#include "dialects/lathe/LoopOps.h"
#include <array>

namespace lathe::cuda {

/// Multiprocessors of the GPUs that matter most. Persistent kernels of sm_90a have no more blocks; with fewer tiles
/// some have nothing to do.
inline constexpr int64_t Multiprocessors = 132;

/// One instance of a template.
struct TemplateUse {
  std::string Header;                                      ///< "matmul.cuh"
  std::set<std::string> OtherHeaders;                      ///< of the templates that it is made of
  std::string Type;                                        ///< "Matmul<Half, float, MediumTile, Rhs::NK>"
  std::string Config;                                      ///< what of it was chosen, in words
  std::vector<std::pair<std::string, std::string>> Params; ///< members and values
  std::string Functors;                                    ///< definitions
  std::string Body = "NoBody{}";                           ///< the last argument of gridTiles
  mlir::AffineExpr Tiles;                                  ///< over the kernel's dims
  int64_t Threads = 256, SharedBytes = 0;
  int64_t Blocks = Multiprocessors;  ///< the parameter of templates of sm_90a that have it
  int64_t Cluster = 1;               ///< blocks that share memory; divides the tiles
  int64_t MostResident = 32;         ///< blocks for which a multiprocessor has registers
  llvm::SmallVector<int64_t> Layers; ///< of this launch
  bool Faults = false;               ///< the data may be wrong: the kernel takes a FaultReport
  bool WaitsFirst = false;           ///< another kernel writes what the template fetches before it waits
  std::optional<TemplateWork> Work;  ///< where the template is known so well
  std::string Choice;                ///< why this one, where there were others

  /// Sets Work, and of it what follows from the rest: Tiles, Cluster, Threads and SharedBytes must be there.
  void setWork(report::KernelWork numbers, mlir::AffineExpr items, mlir::AffineExpr steps);
};

/// Seconds of a launch. `size` gives the value of an expression over the kernel's dims.
double predictUse(const TemplateUse &use, const report::Machine &machine,
                  llvm::function_ref<int64_t(mlir::AffineExpr)> size);

/// Chooses among ways to compute a launch: the one that was the fastest when it was measured, or else the one that is
/// expected to be. `key` says what is computed; there is at least one candidate, each with Work and a Config of its
/// own. `size` gives the greatest value of an expression over the kernel's dims.
TemplateUse chooseUse(const KernelChooser &chooser, unsigned target, llvm::StringRef key,
                      llvm::ArrayRef<TemplateUse> candidates, llvm::function_ref<int64_t(mlir::AffineExpr)> size);
/// The same, for the greatest sizes of a launch's clone.
TemplateUse chooseUse(const LaunchBody &body, llvm::StringRef key, llvm::ArrayRef<TemplateUse> candidates);

/// A kernel for one target.
struct KernelVariant {
  std::string Config, Choice;
  std::set<std::string> Headers;
  std::string Source;
  int64_t Threads, SharedBytes, Cluster;
};

/// A kernel of the translation units.
struct PrintedKernel {
  std::string Name, Template, Reason;
  std::array<KernelVariant, PtxTargetCount> Variants;
};

/// A launch's kernel, and what starting it takes.
struct KernelCall {
  unsigned Kernel = 0;
  std::array<mlir::AffineExpr, PtxTargetCount> Tiles;
  std::array<std::optional<TemplateWork>, PtxTargetCount> Works;
  llvm::SmallVector<int64_t> Layers;
  bool Faults = false;
};

/// The kernels of a module, in order of their first launch. Launches with the same text share one.
class KernelTable {
public:
  explicit KernelTable(KernelChooser chooser = {}) : Chooser(std::move(chooser)) {}
  /// Prints the kernel of `launch`. Fails with a diagnostic on what has no kernel.
  llvm::LogicalResult add(plan::LaunchOp launch);
  /// Prints the kernel by which the runtime may add up what ranks have, where `launch`, a collective, does.
  llvm::LogicalResult addSum(plan::LaunchOp launch);
  /// All kernels of one of PtxTargets as one translation unit.
  std::string printSource(unsigned target) const;

  /// Kernels are compiled in so many modules, which are all about as large and the same on all targets.
  unsigned getModuleCount() const;
  unsigned getModule(unsigned kernel) const { return kernel % getModuleCount(); }
  /// The translation unit of one module.
  std::string printModule(unsigned target, unsigned module) const;

  llvm::ArrayRef<PrintedKernel> getKernels() const { return Kernels; }
  const KernelCall &getCall(plan::LaunchOp launch) const { return Calls.find(launch)->second; }

private:
  static std::string printUnit(llvm::ArrayRef<const PrintedKernel *> kernels, unsigned target);

  KernelChooser Chooser;
  std::vector<PrintedKernel> Kernels;
  llvm::StringMap<unsigned> Known; // by the texts of all targets without a name
  llvm::DenseMap<mlir::Operation *, KernelCall> Calls;
};

// One function for each group of root operations. Each fails with a diagnostic.
llvm::FailureOr<TemplateUse> printElementwise(const LaunchBody &body);
llvm::FailureOr<TemplateUse> printGather(const LaunchBody &body, GatherOp op);
/// Of rows of a table by the same template, else as a loop.
llvm::FailureOr<TemplateUse> printGatherAlong(const LaunchBody &body, GatherAlongOp op);
llvm::FailureOr<TemplateUse> printLoop(const LaunchBody &body, mlir::Operation *op);
llvm::FailureOr<TemplateUse> printMatmul(const LaunchBody &body, MatmulOp op);
llvm::FailureOr<TemplateUse> printIntegerMatmul(const LaunchBody &body, IntegerMatmulOp op);
/// A product on tiles of blocks that shares no template with others.
llvm::FailureOr<TemplateUse> printMatmul(const LaunchBody &body, TileMatmulOp op);
/// True for products on tiles that are one template, however many there are.
bool areOneTileProduct(llvm::ArrayRef<LaunchBody> parts);
llvm::FailureOr<TemplateUse> printTileMatmuls(llvm::ArrayRef<LaunchBody> parts);
llvm::FailureOr<TemplateUse> printUnpackTiles(const LaunchBody &body, UnpackTilesOp op);
llvm::FailureOr<TemplateUse> printExpertMatmul(const LaunchBody &body, ExpertMatmulOp op);
llvm::FailureOr<TemplateUse> printConvolution(const LaunchBody &body, ConvOp op);
/// `use` with each tile of convolution_sm90.cuh that may compute a convolution of so many `rows`, which are at most
/// those of the shape. `types` are those of an operand and of the result; `overlap`: windows do.
std::vector<TemplateUse> listWarpgroupWindows(const ConvolutionShape &shape, mlir::AffineExpr rows,
                                              llvm::StringRef types, const EpilogueWork &epilogue, bool overlap,
                                              const report::Machine &machine, const TemplateUse &use);
llvm::FailureOr<TemplateUse> printTileConv(const LaunchBody &body, TileConvOp op);
llvm::FailureOr<TemplateUse> printChannelMaxPool(const LaunchBody &body, ChannelMaxPoolOp op);
llvm::FailureOr<TemplateUse> printMaxPool(const LaunchBody &body, MaxPoolOp op);
llvm::FailureOr<TemplateUse> printSoftmax(const LaunchBody &body, SoftmaxOp op);
llvm::FailureOr<TemplateUse> printArgMax(const LaunchBody &body, ArgMaxOp op);
llvm::FailureOr<TemplateUse> printLayerNorm(const LaunchBody &body, LayerNormOp op);
llvm::FailureOr<TemplateUse> printReduce(const LaunchBody &body, ReduceOp op);
llvm::FailureOr<TemplateUse> printReduce(const LaunchBody &body, ArgMaxOp op);
llvm::FailureOr<TemplateUse> printReduce(const LaunchBody &body, ArgMinOp op);
llvm::FailureOr<TemplateUse> printRmsNorm(const LaunchBody &body, RmsNormOp op);
llvm::FailureOr<TemplateUse> printRoundRows(const LaunchBody &body, RoundRowsOp op);
llvm::FailureOr<TemplateUse> printRope(const LaunchBody &body, RopeOp op);
llvm::FailureOr<TemplateUse> printAppendKv(const LaunchBody &body, AppendKvOp op);
llvm::FailureOr<TemplateUse> printAttention(const LaunchBody &body, AttentionOp op);
llvm::FailureOr<TemplateUse> printRaggedAttention(const LaunchBody &body, RaggedAttentionOp op);
llvm::FailureOr<TemplateUse> printPagedAttention(const LaunchBody &body, PagedAttentionOp op);

/// Gives `use` the functor `(acc, row, col)` that makes the first result from the root's; the first `split`
/// dimensions of the root's result make up `row`. Further results are stored by the functor. With two roots it takes an
/// element of each, `first` and `second`.
llvm::LogicalResult addEpilogue(const LaunchBody &body, unsigned split, TemplateUse &use);
/// Checks that nothing but casts follows a root whose template takes no epilogue.
llvm::LogicalResult checkNoEpilogue(const LaunchBody &body);

/// The left operand of a product, as it is in memory or of the norm that the launch computes.
struct PrintedLeft {
  std::string A;
  std::string Type, Norm; ///< the templates' parameter `Left` and its member of Params; empty when A is as it is
};
llvm::FailureOr<PrintedLeft> printLeft(const LaunchBody &body, mlir::Value lhs);

/// Gives `use` the parameters with which its kernel reports what is wrong with its data.
void addFaults(TemplateUse &use);

/// `{.A = p0, .B = p1}`
std::string printMembers(llvm::ArrayRef<std::pair<std::string, std::string>> members);

/// "p3" for an operand of the root. Fails with a diagnostic when it is computed in the launch.
llvm::FailureOr<std::string> getParameter(const LaunchBody &body, mlir::Value operand);

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_KERNELPRINTER_H
