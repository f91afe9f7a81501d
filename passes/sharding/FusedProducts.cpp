#include "passes/sharding/FusedProducts.h"
#include "dialects/lathe/LoopOps.h"
#include "mlir/IR/Remarks.h"
#include "passes/sharding/ShardingRules.h"

using namespace mlir;
using namespace lathe;

//===- Parts of weights -------------------------------------------------------------------------------------------===//

namespace {
struct Part {
  int64_t start, size;
};
} // namespace

/// Whether a weight's rows lie one behind the other in their file, and `dim` counts them.
static bool isOfRows(Value value, int64_t dim) {
  Type element = getElementTypeOrSelf(value);
  return dim == 0 && value.getDefiningOp<WeightOp>() &&
         (isa<GgufType>(element) || !isa<QuantizedTypeInterface>(element));
}

static bool canTakePart(Value value, int64_t dim, Part part) {
  ArrayRef<int64_t> shape = getSplitShape(value);
  auto quantized = dyn_cast<QuantizedTypeInterface>(getElementTypeOrSelf(value));
  if (!quantized)
    return true;
  SmallVector<int64_t> offsets(shape.size(), 0), sizes(shape);
  offsets[dim] = part.start;
  sizes[dim] = part.size;
  if (!quantized.isLegalSlice(shape, offsets, sizes))
    return false;
  // Formats of GGUF have nothing that rows share, so that rounding some rows gives the blocks that they have in the
  // whole.
  auto quantize = value.getDefiningOp<QuantizeOp>();
  return isOfRows(value, dim) || (quantize && dim == 0 && isa<GgufType>(quantized));
}

static Value takePart(OpBuilder &builder, Value value, int64_t dim, Part part) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = part.size;
  RankedTensorType partType = type.clone(shape);
  if (auto quantize = value.getDefiningOp<QuantizeOp>())
    return QuantizeOp::create(builder, value.getLoc(), partType, takePart(builder, quantize.getInput(), dim, part));
  if (isOfRows(value, dim)) {
    auto weight = value.getDefiningOp<WeightOp>();
    uint64_t row = weight.getBytes() / uint64_t(type.getDimSize(0));
    return WeightOp::create(builder, weight.getLoc(), partType, weight.getName(), weight.getFile(),
                            weight.getOffset() + uint64_t(part.start) * row, uint64_t(part.size) * row);
  }
  SmallVector<AffineExpr> starts(shape.size(), builder.getAffineConstantExpr(0)), sizes;
  starts[dim] = builder.getAffineConstantExpr(part.start);
  for (int64_t size : shape)
    sizes.push_back(builder.getAffineConstantExpr(size));
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMapAttr::get(AffineMap::get(0, unsigned(shape.size()), results, builder.getContext()));
  };
  return SliceOp::create(builder, value.getLoc(), partType, value, ValueRange(), map(starts),
                         builder.getDenseI64ArrayAttr(SmallVector<int64_t>(shape.size(), 1)), map(sizes));
}

//===- Products ---------------------------------------------------------------------------------------------------===//

namespace {
/// One product and the slices that read its columns.
class FusedProduct {
public:
  explicit FusedProduct(Operation *product) : Product(product) {}

  bool collect() { return isProduct() && collect(Product->getResult(0)) && Slices.size() > 1 && canTakeParts(); }
  void split();

private:
  bool isProduct() const;
  bool collect(Value value);
  bool canTakeParts() const;
  /// The dimension of the weight that counts columns.
  int64_t getColumnDim() const;
  Value rebuild(OpBuilder &builder, Value value, Part part);

  Operation *Product;
  SmallVector<std::pair<SliceOp, Part>> Slices;
  SmallVector<Operation *> Between; ///< in order
};
} // namespace

bool FusedProduct::isProduct() const {
  return isa<MatmulOp, Int8MatmulOp>(Product) && isConstantLike(Product->getOperand(1)) &&
         getSplitShape(Product->getOperand(1)).size() == 2;
}

int64_t FusedProduct::getColumnDim() const {
  auto matmul = dyn_cast<MatmulOp>(Product);
  return matmul && !matmul.getTransposeRhs() ? 1 : 0;
}

/// The columns that a slice of whole rows reads.
static std::optional<Part> findPart(SliceOp slice) {
  ArrayRef<int64_t> from = getSplitShape(slice.getInput()), to = getSplitShape(slice.getResult());
  int64_t last = int64_t(from.size()) - 1;
  auto getConstant = [](AffineExpr expression) {
    auto constant = dyn_cast<AffineConstantExpr>(expression);
    return constant ? constant.getValue() : -1;
  };
  for (int64_t d = 0; d < last; ++d) {
    bool same = ShapedType::isDynamic(from[d])
                    ? slice.getSizes().getResult(d) == getAffineSymbolExpr(unsigned(d), slice.getContext())
                    : from[d] == to[d];
    if (!same || getConstant(slice.getStarts().getResult(d)) != 0)
      return {};
  }
  int64_t start = getConstant(slice.getStarts().getResult(last));
  if (start < 0 || ShapedType::isDynamic(to[last]) || llvm::any_of(slice.getSteps(), [](int64_t s) { return s != 1; }))
    return {};
  return Part{start, to[last]};
}

/// Follows a value to slices, by way of operations that treat each column by itself.
bool FusedProduct::collect(Value value) {
  int64_t columns = getSplitShape(value).back();
  for (Operation *user : value.getUsers()) {
    if (auto slice = dyn_cast<SliceOp>(user)) {
      std::optional<Part> part = findPart(slice);
      if (!part || slice->getNumOperands() != 1)
        return false;
      Slices.push_back({slice, *part});
      continue;
    }
    bool alike = isElementwise(user) && user->getNumResults() == 1 && !llvm::is_contained(Between, user) &&
                 llvm::all_of(user->getOperands(), [&](Value other) {
                   ArrayRef<int64_t> shape = getSplitShape(other);
                   return other == value || (isConstantLike(other) && !shape.empty() && shape.back() == columns) ||
                          shape.empty() || shape.back() == 1;
                 });
    if (!alike || columns == 1)
      return false;
    Between.push_back(user);
    if (!collect(user->getResult(0)))
      return false;
  }
  return true;
}

bool FusedProduct::canTakeParts() const {
  return llvm::all_of(Slices,
                      [&](auto &entry) { return canTakePart(Product->getOperand(1), getColumnDim(), entry.second); });
}

/// The columns of a value between the product and a slice.
Value FusedProduct::rebuild(OpBuilder &builder, Value value, Part part) {
  Operation *op = value.getDefiningOp();
  int64_t columns = getSplitShape(value).back();
  SmallVector<Value> operands(op->getOperands());
  if (op == Product) {
    operands[1] = takePart(builder, operands[1], getColumnDim(), part);
  } else {
    for (Value &operand : operands) {
      ArrayRef<int64_t> shape = getSplitShape(operand);
      if (shape.empty() || shape.back() != columns)
        continue;
      bool constant = isConstantLike(operand);
      operand =
          constant ? takePart(builder, operand, int64_t(shape.size()) - 1, part) : rebuild(builder, operand, part);
    }
  }
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = part.size;
  Operation *made = builder.clone(*op);
  made->setOperands(operands);
  made->getResult(0).setType(type.clone(shape));
  return made->getResult(0);
}

void FusedProduct::split() {
  remark::passed(Product->getLoc(), remark::RemarkOpts::name("PropagateShardings").category("sharding"))
      << remark::add("'{0}' is taken apart into {1} products, as its columns are used",
                     llvm::join(getWeightNames(Product->getOperand(1)), "', '"), Slices.size());
  for (auto &[slice, part] : Slices) {
    OpBuilder builder(slice);
    Value made = rebuild(builder, slice.getInput(), part);
    made.getDefiningOp()->setLoc(slice.getLoc());
    slice.replaceAllUsesWith(made);
    slice.erase();
  }
  // What nobody reads any more, from the last operation to the weights.
  SmallVector<Operation *> idle = {Product};
  llvm::append_range(idle, Between);
  while (!idle.empty()) {
    Operation *op = idle.pop_back_val();
    SmallVector<Operation *> sources;
    for (Value operand : op->getOperands())
      if (isConstantLike(operand))
        sources.push_back(operand.getDefiningOp());
    op->erase();
    for (Operation *source : sources)
      if (source->use_empty() && !llvm::is_contained(idle, source))
        idle.push_back(source);
  }
}

void lathe::splitFusedProducts(func::FuncOp function) {
  SmallVector<Operation *> products;
  for (Operation &op : function.getBody().front())
    if (isa<MatmulOp, Int8MatmulOp>(op))
      products.push_back(&op);
  for (Operation *op : products) {
    FusedProduct product(op);
    if (product.collect())
      product.split();
  }
}
