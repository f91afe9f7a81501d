// The meaning of a plan: runs `plan.program` against byte memory, its launches through the reference evaluator.
#ifndef LATHE_DIALECTS_PLAN_REFERENCE_PLANEVALUATOR_H
#define LATHE_DIALECTS_PLAN_REFERENCE_PLANEVALUATOR_H

#include "dialects/lathe/reference/Evaluator.h"
#include "dialects/plan/Plan.h"

namespace lathe::plan {

/// Memory that nothing wrote yet holds this byte.
inline constexpr uint8_t Poison = 0xA5;

/// Arena and outputs start as poison, and a launch poisons its outputs before it reads its inputs: buffers that overlap
/// in place or time, and launches in the wrong order, give wrong numbers. Accesses beyond a buffer are diagnostics.
class PlanEvaluator {
public:
  /// `evaluator` reads the weights.
  explicit PlanEvaluator(Evaluator &evaluator) : Reference(evaluator) {}

  /// Runs the clone that serves `arguments`: the inputs, then the states, in the order of the program's ports. Returns
  /// the outputs, then the states. Fails with a diagnostic.
  llvm::FailureOr<llvm::SmallVector<ReferenceValue>> run(ProgramOp program, llvm::ArrayRef<ReferenceValue> arguments);

private:
  Evaluator &Reference;
  llvm::DenseMap<mlir::Operation *, ReferenceValue> Data; ///< what each `plan.data` holds
};

} // namespace lathe::plan

#endif // LATHE_DIALECTS_PLAN_REFERENCE_PLANEVALUATOR_H
