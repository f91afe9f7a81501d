// `--verify`: evaluates a model on the reference before and after every pass, and names the pass that changed its
// numbers.
#ifndef LATHE_COMPILER_VERIFY_H
#define LATHE_COMPILER_VERIFY_H

#include "dialects/lathe/reference/ReferenceValue.h"
#include "dialects/lathe/reference/Tolerance.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace lathe {

struct NumericsOptions {
  uint64_t seed = 0;
  /// Relative paths of `lathe.files` are looked up here, or where the process runs if it is empty.
  std::string directory;
  /// Where language models are cut into clones (PipelineOptions::tokenBoundaries): each clone gets inputs of its own,
  /// as those do that ChooseCloneRanges names.
  std::vector<int64_t> tokenBoundaries = {8};
};

/// Runs an entry point of the compiled model. Arguments: its inputs, then its states, in the order of the ports.
/// Returns the outputs and, if the runtime shows them, the states.
using NativeCall =
    std::function<llvm::FailureOr<std::vector<ReferenceValue>>(llvm::StringRef, llvm::ArrayRef<ReferenceValue>)>;

/// Holds random inputs and expected results of every entry point. Passes that narrow a value on purpose (a narrower
/// float type appears) are held to that type's tolerance once, and what they compute is expected from then on. What is
/// computed with weights that QuantizeWeights has rounded is expected whatever it is: the recipe says how near it has
/// to be.
class NumericsCheck {
public:
  explicit NumericsCheck(NumericsOptions options = {}) : Options(std::move(options)) {}

  /// Evaluates the module as it was imported. Fails with a diagnostic when an entry point cannot be evaluated.
  llvm::LogicalResult recordBaseline(mlir::ModuleOp module);

  /// Checks the module after every pass of `pm`, which must run within this object's life. Turns off multithreading of
  /// the context. Records the baseline itself when nobody did. A difference is an error that names the pass, `phase`,
  /// the entry point, the result and the place; see getStatus().
  void addTo(mlir::PassManager &pm, llvm::StringRef phase);

  /// Compares the compiled model with the reference. Fails with an error that names phase 'codegen'.
  llvm::LogicalResult checkNative(mlir::ModuleOp module, const NativeCall &run);

  /// Failure once any check has failed. A pass manager cannot fail for an instrumentation: ask after each run.
  llvm::LogicalResult getStatus() const { return llvm::success(!Failed); }

  /// Evaluates `changed` (a module, or one of its functions) and compares. `culprit` begins the message.
  /// `expectsChange`: any numbers are right, and expected from then on.
  llvm::LogicalResult check(mlir::Operation *changed, const llvm::Twine &culprit, bool expectsChange = false);

  bool hasBaseline() const { return Recorded; }

private:
  /// One call: inputs then states, outputs then states.
  struct Case {
    std::string entry, setting; ///< setting: "tokens = 1, rows = 3"
    std::map<std::string, int64_t> symbols;
    std::vector<ReferenceValue> arguments, expected;
    std::vector<std::string> resultNames;
  };

  llvm::LogicalResult addCases(mlir::func::FuncOp entry);
  llvm::LogicalResult addCasesOfClones(mlir::ModuleOp module);
  llvm::LogicalResult addCase(mlir::func::FuncOp entry, uint64_t seed, const std::map<std::string, int64_t> &symbols);
  /// What became of the numbers: the same, narrower, or others.
  enum class Change { None, Narrowed, Expected };
  llvm::LogicalResult checkCase(Case &one, mlir::Operation *changed, Change change, const llvm::Twine &culprit);
  llvm::LogicalResult compare(const Case &one, llvm::ArrayRef<ReferenceValue> found, Comparison comparison,
                              mlir::Location location, const llvm::Twine &culprit);

  NumericsOptions Options;
  std::vector<Case> Cases;
  mlir::Type Narrowest; ///< float type that values have been rounded to so far
  bool Recorded = false, Failed = false;
};

} // namespace lathe

#endif // LATHE_COMPILER_VERIFY_H
