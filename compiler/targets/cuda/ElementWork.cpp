#include "compiler/targets/cuda/ElementWork.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

/// Of one element. What is not here has one instruction or so.
static double countInstructions(Operation *op) {
  return llvm::StringSwitch<double>(op->getName().stripDialect())
      .Cases({"gelu", "erf"}, 60)
      .Cases({"pow", "fmod", "mod"}, 60)
      .Cases({"acos", "acosh", "asin", "asinh", "atan", "atanh", "cosh", "sinh", "tan"}, 40)
      .Cases({"cos", "sin", "gelu_tanh", "softplus"}, 35)
      .Cases({"tanh", "log"}, 25)
      .Cases({"silu", "sigmoid"}, 18)
      .Cases({"div", "reciprocal", "sqrt"}, 10)
      .Case("exp", 8)
      .Default(1);
}

namespace {
/// What lies between the results of the roots of a part and what it yields.
struct Behind {
  double Instructions = 0, Tensors = 0, Columns = 0; ///< the latter two are read, and as large as the result or not
};
} // namespace

static Behind findBehind(const LaunchBody &body) {
  Behind behind;
  llvm::SetVector<Value> needed(body.getYielded().begin(), body.getYielded().end());
  ArrayRef<AffineExpr> dims = body.getDims(body.getYielded().front());
  for (size_t i = 0; i < needed.size(); ++i) {
    Value value = needed[i];
    Operation *op = value.getDefiningOp();
    if (!op) {
      ++(body.getDims(value) == dims ? behind.Tensors : behind.Columns);
    } else if (!llvm::is_contained(body.getRoots(), op)) {
      behind.Instructions += ::countInstructions(op);
      needed.insert(op->operand_begin(), op->operand_end());
    }
  }
  return behind;
}

// Neighbours are loaded together, and turned into f32 one by one.
static constexpr double OfLoad = 2;

double cuda::countInstructions(const LaunchBody &body) {
  Behind behind = findBehind(body);
  return behind.Instructions + OfLoad * (behind.Tensors + behind.Columns);
}

EpilogueWork cuda::countEpilogue(const LaunchBody &body) {
  Behind behind = findBehind(body);
  return {PlainEpilogue.Instructions + behind.Instructions + OfLoad * behind.Columns, behind.Tensors};
}

void cuda::addEpilogue(const EpilogueWork &epilogue, double results, report::KernelWork &work) {
  // As measured there: a thread asks for some elements of a tensor and waits for them, whatever else runs.
  static constexpr double ResultsOfAccess = 18;
  work.ItemInstructions += results * epilogue.Instructions;
  work.ItemAccesses += results * epilogue.Tensors / ResultsOfAccess;
}
