// Builds the LLVM functions of one kernel.
#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELEMITTER_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELEMITTER_H

#include "compiler/targets/HostProgram.h"
#include "compiler/targets/cpu/KernelBody.h"

namespace lathe::cpu {

/// A kernel of the module and the function that says how many tiles it has: `i64 (const int64_t *dims)`.
struct CpuKernelFunctions {
  llvm::Function *Kernel = nullptr, *Tiles = nullptr;
};

/// The templates: declarations for the kernels to call.
class TemplateLibrary {
public:
  /// `templates` is the parsed bitcode; `module` gets the declarations.
  TemplateLibrary(llvm::Module &templates, llvm::Module &module) : Templates(templates), Module(module) {}
  /// The declaration of a template, or null when there is none of that name.
  llvm::Function *get(llvm::StringRef name);
  llvm::Module &getModule() { return Module; }

private:
  llvm::Module &Templates;
  llvm::Module &Module;
};

/// What a function of a kernel reads at its beginning: buffers and sizes.
struct KernelFrame {
  KernelFrame(llvm::IRBuilderBase &builder, const KernelBody &body, llvm::Value *buffers, llvm::Value *dims);

  /// The value of a size.
  llvm::Value *emit(llvm::IRBuilderBase &builder, mlir::AffineExpr size) const {
    return emitAffine(builder, size, Sizes);
  }

  llvm::SmallVector<llvm::Value *> Buffers; ///< inputs, then outputs
  llvm::SmallVector<llvm::Value *> Sizes;   ///< `dims`, layers included
};

/// The kernel function: its parameters, and the record of them that store functions take.
struct KernelShell {
  KernelShell(llvm::Module &module, llvm::StringRef name);

  llvm::IRBuilder<> Builder;
  llvm::Function *Function;
  llvm::Value *Call, *Buffers, *Dims, *Begin, *End, *Launch;
};

/// A function that nothing outside of the module calls, with an empty first block.
llvm::Function *createInternalFunction(llvm::Module &module, llvm::Type *result,
                                       llvm::ArrayRef<llvm::Type *> parameters, const llvm::Twine &name);

/// Suffix of the template functions for an element type: "f32", "q4_k". Fails with a diagnostic on `op` when the CPU
/// has none.
llvm::FailureOr<std::string> getFormatName(mlir::Operation *op, mlir::Type element);

/// The function that unpacks a tensor of blocks with rows of `columns`, as kernels/Kernel.h says; the module has one
/// for each type and length. Null when there is no kernel for its numbers.
llvm::Function *getBlockedUnpack(TemplateLibrary &library, BlockedType type, int64_t columns);

/// The type in which the CPU computes elements of a plain type, as functions have it in their names: "f32" for f16,
/// "ui8".
std::string getScalarName(mlir::Type element);

/// The store function of a root: `void (Launch *, const void *values, int64_t first, int64_t count)` takes elements of
/// its result, f32 for f16 and bf16, through the generated operations and writes `outputs` (numbers of yielded values).
/// That of a root which is not the part's last writes the elements themselves. Without a root `values` is null and
/// elements are those of the outputs. Fails with a diagnostic.
llvm::FailureOr<llvm::Function *> emitStoreFunction(const KernelBody &body, const KernelPart &part,
                                                    mlir::Operation *root, llvm::ArrayRef<unsigned> outputs,
                                                    TemplateLibrary &library, llvm::StringRef name);

/// One call of the root's template.
struct RootCall {
  llvm::Function *Template = nullptr;
  llvm::SmallVector<llvm::Value *> Arguments; ///< up to the store function
  mlir::AffineExpr Tiles;                     ///< number of tiles, over `dims`
  bool TakesStore = true;                     ///< false: writes state, not elements
};

/// Chooses the template of a root and gives its arguments, emitting loads where `builder` stands. Fails with a
/// diagnostic on the root.
llvm::FailureOr<RootCall> emitRootCall(const KernelBody &body, mlir::Operation *root, llvm::IRBuilderBase &builder,
                                       const KernelFrame &frame, TemplateLibrary &library);

/// Emits the kernel of a root that has the LoopOpInterface. Fails with a diagnostic on the root.
llvm::FailureOr<CpuKernelFunctions> emitLoopKernel(const KernelBody &body, mlir::Operation *root,
                                                   TemplateLibrary &library, llvm::StringRef name);

/// Emits the kernel of `body`; `name` is unique in the module.
llvm::FailureOr<CpuKernelFunctions> emitKernel(const KernelBody &body, TemplateLibrary &library, llvm::StringRef name);

} // namespace lathe::cpu

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELEMITTER_H
