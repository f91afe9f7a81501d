#include "compiler/Cost.h"
#include "dialects/lathe/LoopOps.h"

using namespace mlir;
using namespace lathe;

namespace {
/// Operations for each element of the first operand or of the result. An elementwise operation that is not here has one
/// for each element of its result; any other that is not here moves data and has none.
struct Rule {
  StringLiteral Op;
  bool OfOperand;
  int64_t Count;
};
} // namespace

static constexpr Rule Rules[] = {
    {"lathe.arg_max", true, 1},  {"lathe.arg_min", true, 1},    {"lathe.cast", true, 0},
    {"lathe.cumulate", true, 1}, {"lathe.layer_norm", true, 7}, // mean (1), variance (3), subtract, scale, shift
    {"lathe.reduce", true, 1},   {"lathe.resize", false, 8},    // four neighbours, weighted and added
    {"lathe.rms_norm", true, 4},                                // square, add, scale, weight
    {"lathe.rope", true, 3},                                    // of each pair four products and two sums
    {"lathe.softmax", true, 5},                                 // maximum, subtract, exp, add, divide
};

static AffineExpr multiply(ArrayRef<AffineExpr> sizes, MLIRContext *context, int64_t factor = 1) {
  AffineExpr product = getAffineConstantExpr(factor, context);
  for (AffineExpr size : sizes)
    product = product * size;
  return product;
}

/// Elements in the window of a pool or a convolution.
static int64_t getWindow(Operation *op) {
  int64_t elements = 1;
  if (auto window = op->getAttrOfType<DenseI64ArrayAttr>("window"))
    for (int64_t size : window.asArrayRef())
      elements *= size;
  return elements;
}

/// Scores and weighted sums: for each query and key one product of the key's and one of the value's width, and a
/// softmax.
static AffineExpr countAttention(AffineExpr pairs, AffineExpr keyWidth, AffineExpr valueWidth) {
  return pairs * ((keyWidth + valueWidth) * 2 + 5);
}

/// One product for each element of the weights, token and sequence.
static AffineExpr countRecurrent(ArrayRef<DimList> operands, MLIRContext *context) {
  AffineExpr weights = multiply(operands[1], context) + multiply(operands[2], context);
  return operands[0][0] * operands[0][1] * weights * 2;
}

AffineExpr lathe::countFlops(Operation *op, ArrayRef<DimList> operands, ArrayRef<DimList> results) {
  MLIRContext *context = op->getContext();
  StringRef name = op->getName().getStringRef();
  AffineExpr none = getAffineConstantExpr(0, context);
  if (results.empty() || operands.empty())
    return none;
  AffineExpr elements = multiply(results[0], context);
  if (name == "lathe.matmul" || name == "lathe.panel_matmul" || name == "lathe.tile_matmul" ||
      name == "lathe.int8_matmul")
    return elements * operands[0].back() * 2;
  if (name == "lathe.expert_matmul")
    return elements * operands[0].back() * 2;
  if (name == "lathe.panel_conv")
    return elements * operands[1][2] * 2;
  if (name == "lathe.tile_conv")
    return elements * operands[0].back() * getWindow(op) * 2;
  if (name == "lathe.depthwise_conv")
    return elements * operands[1][0] * operands[1][1] * 2;
  if (name == "lathe.conv")
    return elements * multiply(ArrayRef(operands[1]).drop_front(), context, 2);
  if (name == "lathe.conv_transpose")
    return multiply(operands[0], context) * multiply(ArrayRef(operands[1]).drop_front(), context, 2);
  if (name == "lathe.attention")
    return countAttention(multiply(ArrayRef(operands[0]).drop_back(), context) *
                              operands[1][cast<AttentionOp>(op).getTokenDim()],
                          operands[0].back(), operands[2].back());
  if (name == "lathe.ragged_attention") // as if all rows were of one text
    return countAttention(multiply(ArrayRef(operands[0]).drop_back(), context) * operands[0][0], operands[0].back(),
                          results[0].back());
  if (isa<PagedAttentionOp>(op)) {
    // Each query row meets the tokens of its own sequence alone.
    AffineExpr tokens = operands[4].back() * int64_t(StateType::PageTokens);
    return countAttention(multiply(ArrayRef(operands[0]).drop_back(), context) * tokens, operands[0].back(),
                          results[0].back());
  }
  if (name == "lathe.lstm" || name == "lathe.gru" || name == "lathe.rnn")
    return operands.size() > 2 && operands[0].size() == 3 ? countRecurrent(operands, context) : none;
  if (name.ends_with("_pool") || name == "lathe.pool")
    return elements * getWindow(op);
  for (const Rule &rule : Rules)
    if (name == rule.Op)
      return (rule.OfOperand ? multiply(operands[0], context) : elements) * rule.Count;
  return isElementwise(op) ? elements : none;
}

/// Bytes of a tensor with these dimensions. Blocks are counted whole.
static AffineExpr countBytes(RankedTensorType type, ArrayRef<AffineExpr> dims, MLIRContext *context) {
  if (auto quantized = dyn_cast<QuantizedTypeInterface>(type.getElementType())) {
    auto [rows, columns] = quantized.getBlockShape();
    return multiply(dims, context).ceilDiv(rows * columns) * quantized.getBlockBytes();
  }
  return multiply(dims, context, getElementBytes(type.getElementType()));
}

namespace {
/// Walks the body of one launch.
class CostCounter {
public:
  explicit CostCounter(plan::LaunchOp launch) : Launch(launch), Context(launch.getContext()) {}
  LaunchCost count();

private:
  void countOp(Operation &op);
  AffineExpr countRead(BlockArgument argument);
  AffineExpr countWrite(Value yielded, ArrayRef<AffineExpr> dims);
  AffineExpr none() const { return getAffineConstantExpr(0, Context); }

  plan::LaunchOp Launch;
  MLIRContext *Context;
  llvm::DenseMap<Value, DimList> Dims;
  LaunchCost Cost;
};
} // namespace

void CostCounter::countOp(Operation &op) {
  SmallVector<DimList> operands, results;
  for (Value operand : op.getOperands())
    operands.push_back(Dims.lookup(operand));
  if (auto shaped = dyn_cast<ShapeOpInterface>(op); !shaped || failed(shaped.inferResultDims(operands, results)))
    return; // sizes of the body are known where it was formed; what is not is left out of the count
  for (auto [result, dims] : llvm::zip_equal(op.getResults(), results))
    Dims[result] = dims;
  Cost.Flops = Cost.Flops + countFlops(&op, operands, results);
  Cost.Ops.push_back(op.getName().stripDialect().str());
  if (isa<MatmulOp, ExpertMatmulOp, ConvOp, PanelMatmulOp, TileConvOp, TileMatmulOp, PanelConvOp, DepthwiseConvOp,
          AttentionOp, RaggedAttentionOp, PagedAttentionOp, IntegerMatmulOp>(op)) {
    std::string element;
    llvm::raw_string_ostream(element) << cast<RankedTensorType>(op.getOperand(0).getType()).getElementType();
    Cost.Math = element;
  }
}

/// Bytes of a state that its reader goes through.
static AffineExpr countStateRead(PagedAttentionOp op, ArrayRef<DimList> operands) {
  auto state = cast<StateType>(op.getState().getType());
  AffineExpr tokens = multiply(operands[4], op.getContext(), StateType::PageTokens);
  return tokens * getRowBytes(state.getElement(), ShapedType::getNumElements(state.getShape().drop_front()));
}

AffineExpr CostCounter::countRead(BlockArgument argument) {
  auto type = dyn_cast<RankedTensorType>(argument.getType());
  AffineExpr rows = none();
  bool gathered = true;
  for (OpOperand &use : argument.getUses()) {
    Operation *user = use.getOwner();
    if (isa<GatherOp, GatherAlongOp>(user) && use.getOperandNumber() == 0 && Dims.contains(user->getResult(0))) {
      rows = rows + countBytes(type, Dims.lookup(user->getResult(0)), Context);
    } else if (auto paged = dyn_cast<PagedAttentionOp>(user); paged && !type) {
      SmallVector<DimList> operands;
      for (Value operand : user->getOperands())
        operands.push_back(Dims.lookup(operand));
      rows = rows + countStateRead(paged, operands);
    } else {
      gathered = !type; // appending to a state reads nothing of it
    }
    if (!gathered)
      break;
  }
  return gathered ? rows : countBytes(type, Dims.lookup(argument), Context);
}

AffineExpr CostCounter::countWrite(Value yielded, ArrayRef<AffineExpr> dims) {
  if (auto type = dyn_cast<RankedTensorType>(yielded.getType()))
    return countBytes(type, dims, Context);
  AffineExpr bytes = none();
  for (auto append = yielded.getDefiningOp<AppendKvOp>(); append;
       append = append.getState().getDefiningOp<AppendKvOp>()) {
    StateType state = cast<StateType>(append.getState().getType());
    bytes = bytes + Dims.lookup(append.getKey()).front() *
                        getRowBytes(state.getElement(), ShapedType::getNumElements(state.getShape().drop_front()));
  }
  return bytes;
}

LaunchCost CostCounter::count() {
  Cost.Flops = none();
  Block &body = Launch.getBody().front();
  auto shape = [&](size_t port) { return cast<AffineMapAttr>(Launch.getShapes()[port]).getValue().getResults(); };
  for (BlockArgument argument : body.getArguments())
    Dims[argument] = DimList(shape(argument.getArgNumber()));
  for (Operation &op : body.without_terminator())
    countOp(op);
  for (BlockArgument argument : body.getArguments())
    Cost.Reads.push_back(countRead(argument));
  size_t port = body.getNumArguments();
  for (Value yielded : body.getTerminator()->getOperands())
    Cost.Writes.push_back(countWrite(yielded, shape(port++)));
  return std::move(Cost);
}

LaunchCost lathe::computeCost(plan::LaunchOp launch) { return CostCounter(launch).count(); }
