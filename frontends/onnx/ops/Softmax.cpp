// Softmax and what is like it: operators on rows that changed in opset 13.
#include "frontends/onnx/ops/Terms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// Until opset 12 these ran over all dimensions from `axis` on, together; then along it alone.
template <typename Along> static LogicalResult importAlong(NodeImporter &node, Along along) {
  bool together = node.opset() < 13;
  Term x = realInput(node, 0);
  if (!x)
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(together ? 1 : -1, x.rank(), together ? x.rank() : x.rank() - 1);
  if (failed(axis))
    return failure();
  if (!together || *axis == x.rank() - 1)
    return setOutput(node, 0, along(x, *axis));
  AffineExpr rows = node.constantSize(1), columns = rows;
  for (int64_t d = 0; d < x.rank(); ++d)
    (d < *axis ? rows : columns) = (d < *axis ? rows : columns) * x.dim(d);
  Term flat = reshape(x, {rows, columns});
  return setOutput(node, 0, flat ? reshape(along(flat, 1), x.dims()) : flat);
}

static LogicalResult importSoftmax(NodeImporter &node) { return importAlong(node, softmax); }

static LogicalResult importLogSoftmax(NodeImporter &node) { return importAlong(node, logSoftmax); }

/// One for the first largest element of each row, zero for the others.
static LogicalResult importHardmax(NodeImporter &node) {
  return importAlong(node, [](const Term &x, int64_t axis) {
    NodeImporter &node = *x.node;
    Type type = node.builder().getI64Type();
    Term largest(node, node.create<ArgMaxOp>(type, x.value, axis, /*select_last=*/false, /*keep=*/true));
    SmallVector<AffineExpr> shape(x.rank(), node.constantSize(1));
    shape[axis] = x.dim(axis);
    return cast(test<EqualOp>(largest, iota(node, type, shape, axis)), x.type());
  });
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "Hardmax", 1, NewestOpset, "", importHardmax},
    {"", "LogSoftmax", 1, NewestOpset, "", importLogSoftmax},
    {"", "Softmax", 1, NewestOpset, "", importSoftmax},
};

llvm::ArrayRef<Operator> lathe::onnx::softmaxOperators() { return Operators; }
