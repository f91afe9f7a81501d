// See NarrowProducts in Passes.td.
#include "passes/quantization/NarrowProducts.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/quantization/WeightValues.h"
#include "runtime/gguf/BlockPanels.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_NARROWPRODUCTS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

static Type parseElement(MLIRContext *context, StringRef name) {
  return llvm::StringSwitch<Type>(name)
      .Case("f32", Float32Type::get(context))
      .Case("f16", Float16Type::get(context))
      .Case("bf16", BFloat16Type::get(context))
      .Default({});
}

static Type parseStateElement(MLIRContext *context, StringRef name) {
  return llvm::StringSwitch<Type>(name)
      .Case("q8_0", GgufType::get(context, "q8_0"))
      .Case("fp8", Float8E4M3FNType::get(context))
      .Default(parseElement(context, name));
}

static bool is16Bit(Type element) { return element.isF16() || element.isBF16(); }

/// What `value` was before casts from a 16-bit type to f32, which lose nothing.
static Value skipWidening(Value value) {
  while (auto op = value.getDefiningOp<CastOp>()) {
    if (!getElementTypeOrSelf(op.getResult()).isF32() || !is16Bit(op.getInput().getType().getElementType()))
      break;
    value = op.getInput();
  }
  return value;
}

Value lathe::castTo(OpBuilder &builder, Value value, Type element) {
  auto reshape = value.getDefiningOp<ReshapeOp>();
  if (reshape && isa<FloatType>(reshape.getInput().getType().getElementType())) {
    IRMapping map;
    map.map(reshape.getInput(), castTo(builder, reshape.getInput(), element));
    if (map.lookup(reshape.getInput()) == reshape.getInput())
      return value;
    Operation *moved = builder.clone(*reshape, map);
    moved->getResult(0).setType(reshape.getResult().getType().clone(element));
    return moved->getResult(0);
  }
  Value source = skipWidening(value);
  auto type = cast<RankedTensorType>(source.getType());
  if (getElementTypeOrSelf(value) == element && type.getElementType() != element)
    return value;
  if (type.getElementType() == element || isa<QuantizedTypeInterface>(type.getElementType()))
    return source;
  return CastOp::create(builder, value.getLoc(), type.clone(element), source);
}

/// Erases casts and reshapes that make `value` as far as nobody reads them.
static void eraseCasts(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<CastOp, ReshapeOp>(op) || !op->use_empty())
      return;
    value = op->getOperand(0);
    op->erase();
  }
}

/// `mixes`: whether products read 16-bit weights beside f32.
static void narrowOperands(Operation *op, ArrayRef<unsigned> operands, Type element, bool mixes = true) {
  OpBuilder builder(op);
  for (unsigned index : operands) {
    Value value = op->getOperand(index);
    // As they are in the file, at half the size.
    bool readsNarrow = mixes && isa<MatmulOp, ExpertMatmulOp>(op) && index == 1 && element.isF32();
    op->setOperand(index, readsNarrow ? skipWidening(value) : castTo(builder, value, element));
    eraseCasts(value);
  }
}

/// Attention has one type for query and result: the result goes back to what its readers had.
static void narrowAttention(PagedAttentionOp attention, Type element) {
  auto type = attention.getResult().getType();
  if (type.getElementType() == element)
    return;
  narrowOperands(attention, {0}, element);
  attention.getResult().setType(type.clone(element));
  OpBuilder builder(attention->getContext());
  builder.setInsertionPointAfter(attention);
  Value back = CastOp::create(builder, attention.getLoc(), type, attention.getResult());
  attention.getResult().replaceAllUsesExcept(back, back.getDefiningOp());
}

/// Attention over tensors gives its operands' type or f32: a result of another type is rounded from f32.
static void narrowTensorAttention(Operation *op, Type element) {
  narrowOperands(op, {0, 1, 2}, element);
  Value result = op->getResult(0);
  auto type = cast<RankedTensorType>(result.getType());
  if (type.getElementType() == element || type.getElementType().isF32())
    return;
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  result.setType(type.clone(builder.getF32Type()));
  Value back = CastOp::create(builder, op->getLoc(), type, result);
  result.replaceAllUsesExcept(back, back.getDefiningOp());
}

/// Reports heads that are not made of whole blocks.
static LogicalResult checkBlocks(func::FuncOp function, Type element) {
  auto blocks = dyn_cast<QuantizedTypeInterface>(element);
  int64_t block = blocks ? blocks.getBlockShape()[1] : 1;
  WalkResult result = function.walk([&](AppendKvOp append) {
    int64_t key = append.getKey().getType().getDimSize(2), value = append.getValue().getType().getDimSize(2);
    if (key % block == 0 && value % block == 0)
      return WalkResult::advance();
    append.emitError() << "has heads of " << key << " and " << value
                       << " elements, but the KV cache is to hold blocks of " << block
                       << "; choose another element type for it";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

/// Why the rows that a product reads are not rounded to 8 bits, or an empty string.
static std::string findObstacle(MatmulOp matmul) {
  RankedTensorType rhs = matmul.getRhs().getType();
  auto blocks = dyn_cast<GgufType>(rhs.getElementType());
  if (!blocks)
    return "its weights are not in blocks";
  if (!gguf::findBlockPanels(*gguf::findBlockFormat(std::string_view(blocks.getFormat()))))
    return llvm::formatv("its weights are {0}, for which there is no product with 8-bit rows", blocks.getFormat());
  if (!isOfWeightsAlone(matmul.getRhs()) || rhs.getRank() != 2)
    return "its right operand is not one matrix of the model's file";
  return "";
}

/// A product of rows that are rounded to 8 bits in place of one of f32, where there is such a product.
static void roundRows(MatmulOp matmul) {
  auto options = remark::RemarkOpts::name("NarrowProducts").category("quantization");
  if (std::string obstacle = findObstacle(matmul); !obstacle.empty()) {
    remark::missed(matmul.getLoc(), options) << remark::add("a product reads f32: {0}", obstacle);
    return;
  }
  OpBuilder builder(matmul);
  auto product =
      Int8MatmulOp::create(builder, matmul.getLoc(), matmul.getResult().getType(), matmul.getLhs(), matmul.getRhs());
  remark::passed(matmul.getLoc(), options) << remark::add("a product rounds its rows to 8 bits");
  matmul.getResult().replaceAllUsesWith(product);
  matmul.erase();
}

static void setStateElement(func::FuncOp function, Type element) {
  auto convert = [&](Type type) -> Type {
    auto state = dyn_cast<StateType>(type);
    if (!state || state.getKind() != StateKind::Paged)
      return type;
    return StateType::get(type.getContext(), state.getKind(), state.getShape(), element, state.getWindow());
  };
  for (BlockArgument argument : function.getArguments())
    argument.setType(convert(argument.getType()));
  function.walk([&](Operation *op) {
    for (OpResult result : op->getResults())
      result.setType(convert(result.getType()));
  });
  auto type = function.getFunctionType();
  function.setFunctionType(FunctionType::get(type.getContext(), llvm::map_to_vector(type.getInputs(), convert),
                                             llvm::map_to_vector(type.getResults(), convert)));
}

namespace {
struct NarrowProducts : lathe::impl::NarrowProductsBase<NarrowProducts> {
  using NarrowProductsBase::NarrowProductsBase;

  void runOnOperation() override {
    bool int8 = activations == "int8", tf32 = activations == "tf32";
    Type element = parseElement(&getContext(), int8 || tf32 ? StringRef("f32") : StringRef(activations));
    Type state = kv.empty() ? element : parseStateElement(&getContext(), kv);
    if (!element || !state) {
      getOperation().emitError() << "activations are '" << activations << "' and kv '" << kv
                                 << "', needed f32, f16 or bf16, for activations also tf32 or int8, for kv q8_0 or fp8";
      return signalPassFailure();
    }
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (failed(checkBlocks(function, state)))
        return signalPassFailure();
      function.walk([&](Operation *op) {
        if (isa<MatmulOp, ExpertMatmulOp, ConvOp>(op))
          narrowOperands(op, {0, 1}, element, !(tf32 && isa<MatmulOp>(op)));
        if (auto matmul = dyn_cast<MatmulOp>(op); matmul && int8)
          roundRows(matmul);
        else if (auto attention = dyn_cast<PagedAttentionOp>(op))
          narrowAttention(attention, element);
        else if (isa<AttentionOp, RaggedAttentionOp>(op))
          narrowTensorAttention(op, element);
      });
      setStateElement(function, state);
    }
  }
};
} // namespace
