// Which operators are evaluated while importing, and from which version on they have the meaning of Known.h.
#include "frontends/onnx/ops/Known.h"

using namespace lathe::onnx;

namespace {

struct Evaluator {
  llvm::StringRef name;
  int64_t minOpset;
  EvaluateFunction evaluate;
};

} // namespace

// Sorted by name.
static constexpr Evaluator Evaluators[] = {
    {"Abs", 6, evaluateAbs},
    {"Add", 7, evaluateAdd},
    {"And", 7, evaluateAnd},
    {"Cast", 6, evaluateCast},
    {"Ceil", 6, evaluateCeil},
    {"Concat", 1, evaluateConcat},
    {"ConstantOfShape", 1, evaluateConstantOfShape},
    {"Div", 7, evaluateDiv},
    {"Equal", 7, evaluateEqual},
    {"Expand", 1, evaluateExpand},
    {"Floor", 6, evaluateFloor},
    {"Gather", 1, evaluateGather},
    {"GatherElements", 1, evaluateGatherElements},
    {"Greater", 7, evaluateGreater},
    {"GreaterOrEqual", 1, evaluateGreaterOrEqual},
    {"Identity", 1, evaluateIdentity},
    {"Less", 7, evaluateLess},
    {"LessOrEqual", 1, evaluateLessOrEqual},
    {"Max", 8, evaluateMax},
    {"Min", 8, evaluateMin},
    {"Mod", 10, evaluateMod},
    {"Mul", 7, evaluateMul},
    {"Neg", 6, evaluateNeg},
    {"NonZero", 1, evaluateNonZero},
    {"Not", 1, evaluateNot},
    {"Or", 7, evaluateOr},
    {"Range", 1, evaluateRange},
    {"ReduceMax", 1, evaluateReduceMax},
    {"ReduceMin", 1, evaluateReduceMin},
    {"ReduceProd", 1, evaluateReduceProd},
    {"ReduceSum", 1, evaluateReduceSum},
    {"Reshape", 5, evaluateReshape},
    {"Shape", 1, evaluateShape},
    {"Size", 1, evaluateSize},
    {"Slice", 1, evaluateSlice},
    {"Split", 1, evaluateSplit},
    {"Sqrt", 6, evaluateSqrt},
    {"Squeeze", 1, evaluateSqueeze},
    {"Sub", 7, evaluateSub},
    {"Tile", 6, evaluateTile},
    {"Transpose", 1, evaluateTranspose},
    {"Unsqueeze", 1, evaluateUnsqueeze},
    {"Where", 9, evaluateWhere},
};

EvaluateFunction lathe::onnx::findEvaluator(llvm::StringRef name, int64_t opset) {
  const Evaluator *found = llvm::find_if(Evaluators, [&](const Evaluator &each) { return each.name == name; });
  bool exists = found != std::end(Evaluators) && opset >= found->minOpset && opset <= NewestOpset;
  return exists ? found->evaluate : nullptr;
}

std::vector<llvm::StringRef> lathe::onnx::listEvaluators() {
  std::vector<llvm::StringRef> names;
  for (const Evaluator &each : Evaluators)
    names.push_back(each.name);
  return names;
}
