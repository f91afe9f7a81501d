// The meaning of ControlFlow.td: the regions read values from outside, which only the evaluator of the whole block has.
#include "dialects/lathe/Lathe.h"

using namespace mlir;
using namespace lathe;

LogicalResult IfOp::evaluate(ArrayRef<ReferenceValue>, SmallVectorImpl<ReferenceValue> &) {
  return emitOpError() << "has regions, which Evaluator::evaluateBlock runs";
}

LogicalResult LoopOp::evaluate(ArrayRef<ReferenceValue>, SmallVectorImpl<ReferenceValue> &) {
  return emitOpError() << "has a region, which Evaluator::evaluateBlock runs";
}
