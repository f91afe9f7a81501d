// Reductions over any dimensions.
#include "compiler/targets/cuda/KernelPrinter.h"
#include "dialects/lathe/DimArithmetic.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

/// Threads that share a result: one where neighbouring results read neighbouring elements and where there is little to
/// combine, a warp or a block where it is much.
static int64_t chooseLanes(const LaunchBody &body, ArrayRef<AffineExpr> groups) {
  int64_t inner = body.getMax(groups.back()), reduced = 1;
  for (size_t i = 1; i < groups.size(); i += 2)
    reduced *= body.getMax(groups[i]);
  if (reduced <= 8 || (inner >= 32 && reduced <= 4096))
    return 1;
  return reduced > 4096 ? 256 : 32;
}

/// `kind` is of namespace reductions, with "{0}" for the type of the values.
static FailureOr<TemplateUse> printGroups(const LaunchBody &body, Operation *op, StringRef kind,
                                          ArrayRef<int64_t> axes) {
  Value input = op->getOperand(0), result = op->getResult(0);
  FailureOr<std::string> x = getParameter(body, input), element = getElementType(op, input.getType()),
                         value = getRegisterType(op, input.getType()),
                         output = getElementType(op, body.getYielded()[0].getType());
  if (failed(x) || failed(element) || failed(value) || failed(output))
    return failure();
  SmallVector<AffineExpr> groups = groupReducedDims(body.getDims(input), axes, op->getContext());
  ArrayRef<AffineExpr> dims = body.getDims(result);
  int64_t lanes = chooseLanes(body, groups);
  TemplateUse use;
  use.Header = "reduce.cuh";
  std::string typed = llvm::formatv(kind.str().c_str(), *value);
  use.Type =
      llvm::formatv("Reduce<reductions::{0}, {1}, {2}, {3}, {4}>", typed, *element, *output, groups.size() / 2, lanes);
  use.Config = llvm::formatv("{0} threads a result", lanes);
  std::string sizes = llvm::join(llvm::map_range(groups, [](AffineExpr size) { return printSize(size); }), ", ");
  use.Params = {{"X", *x},
                {"Y", "p" + std::to_string(body.getOutputPort(0))},
                {"Sizes", "{" + sizes + "}"},
                {"Cols", dims.empty() ? "1" : printSize(dims.back())}};
  use.SharedBytes = lanes == 256 ? 128 : 0;
  use.Tiles = (LaunchBody::getProduct(dims, op->getContext()) * lanes).ceilDiv(256);
  if (failed(addEpilogue(body, dims.empty() ? 0 : dims.size() - 1, use)))
    return failure();
  return use;
}

FailureOr<TemplateUse> cuda::printReduce(const LaunchBody &body, ReduceOp op) {
  std::string kind = stringifyReduceKind(op.getKind()).str();
  kind[0] = llvm::toUpper(kind[0]);
  return printGroups(body, op, kind + "<{0}>", op.getAxes());
}

FailureOr<TemplateUse> cuda::printReduce(const LaunchBody &body, ArgMaxOp op) {
  std::string last = op.getSelectLast() ? "true" : "false";
  return printGroups(body, op, "ArgMax<" + last + ">::Of<{0}>", int64_t(op.getAxis()));
}

FailureOr<TemplateUse> cuda::printReduce(const LaunchBody &body, ArgMinOp op) {
  std::string last = op.getSelectLast() ? "true" : "false";
  return printGroups(body, op, "ArgMin<" + last + ">::Of<{0}>", int64_t(op.getAxis()));
}
