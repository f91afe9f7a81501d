// The native build of the loops, which is the meaning of the operations with a LoopOpInterface.
#include "dialects/lathe/reference/Evaluator.h"
#include "dialects/lathe/reference/LoopTensor.h"
#include "dialects/lathe/reference/loops/Loops.h"
#include "runtime/MathApi.h"

using namespace mlir;
using namespace lathe;

namespace {
struct Loop {
  llvm::StringLiteral Name;
  int64_t (*Tiles)(const loops::Tensor *, const loops::Tensor *, const int64_t *);
  int32_t (*Run)(const loops::LoopCall &);
};
} // namespace

static constexpr Loop Loops[] = {
#define LATHE_LOOP(name, Struct) {#name, loops::Struct::tiles, loops::Struct::run},
#include "dialects/lathe/reference/loops/Loops.def"
};

loops::Element lathe::getLoopElement(Type type) {
  if (type.isF32())
    return loops::Element::F32;
  if (type.isF16())
    return loops::Element::F16;
  if (type.isBF16())
    return loops::Element::BF16;
  if (type.isF64())
    return loops::Element::F64;
  if (type.isInteger(1))
    return loops::Element::Bool;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return loops::Element::None;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 8:
    return isUnsigned ? loops::Element::U8 : loops::Element::I8;
  case 16:
    return isUnsigned ? loops::Element::U16 : loops::Element::I16;
  case 32:
    return isUnsigned ? loops::Element::U32 : loops::Element::I32;
  case 64:
    return isUnsigned ? loops::Element::U64 : loops::Element::I64;
  default:
    return loops::Element::None;
  }
}

static loops::Tensor describe(const ReferenceValue &value, uint8_t *bytes) {
  return {bytes, value.getShape().data(), int32_t(value.getShape().size()), getLoopElement(value.getType())};
}

/// The attributes of a loop where all dimensions are numbers.
static SmallVector<int64_t> evaluateAttributes(LoopOpInterface op, ArrayRef<DimList> dims) {
  SmallVector<AffineExpr> expressions;
  op.getLoopAttributes(dims, expressions);
  return llvm::map_to_vector(expressions, [](AffineExpr e) {
    auto constant = dyn_cast<AffineConstantExpr>(e);
    assert(constant && "an expression over numbers is a number");
    return constant.getValue();
  });
}

LogicalResult lathe::evaluateLoop(Operation *op, ArrayRef<ReferenceValue> operands,
                                  SmallVectorImpl<ReferenceValue> &results) {
  auto interface = cast<LoopOpInterface>(op);
  std::string name = interface.getLoopName();
  const Loop *loop = llvm::find_if(Loops, [&](const Loop &each) { return each.Name == name; });
  assert(loop != std::end(Loops) && "Loops.def has a line for each operation that is a loop");
  SmallVector<DimList> dims, resultDims;
  for (const ReferenceValue &operand : operands)
    dims.push_back(llvm::map_to_vector(operand.getShape(),
                                       [&](int64_t size) { return getAffineConstantExpr(size, op->getContext()); }));
  if (failed(cast<ShapeOpInterface>(op).inferResultDims(dims, resultDims)))
    return op->emitOpError() << "has results whose sizes do not follow from its operands'";
  for (auto [result, sizes] : llvm::zip_equal(op->getResults(), resultDims)) {
    SmallVector<int64_t> shape =
        llvm::map_to_vector(sizes, [](AffineExpr size) { return cast<AffineConstantExpr>(size).getValue(); });
    if (llvm::any_of(shape, [](int64_t size) { return size < 0; }))
      return op->emitOpError() << "has a result of shape " << formatShape(shape);
    results.push_back(ReferenceValue::tensor(getElementTypeOrSelf(result.getType()), shape));
  }
  // A loop reads and writes memory, so 16-bit floats are stored even inside of a kernel.
  SmallVector<ReferenceValue> stored;
  for (auto [value, operand] : llvm::zip_equal(operands, op->getOperands()))
    stored.push_back(isa<RankedTensorType>(operand.getType()) ? roundToStored(value, operand.getType()) : value);
  SmallVector<loops::Tensor> inputs, outputs;
  for (Value input : interface.getLoopInputs()) {
    if (!input) {
      inputs.push_back({nullptr, nullptr, 0, loops::Element::None});
      continue;
    }
    const ReferenceValue &value = stored[llvm::find(op->getOperands(), input).getIndex()];
    inputs.push_back(describe(value, const_cast<uint8_t *>(value.getBytes().data()))); // loops only read inputs
  }
  for (ReferenceValue &result : results)
    outputs.push_back(describe(result, result.mutableBytes().data()));
  SmallVector<int64_t> attributes = evaluateAttributes(interface, dims);
  int64_t tiles = loop->Tiles(inputs.data(), outputs.data(), attributes.data());
  loops::LoopCall call{&runtime::MathFunctions, inputs.data(), outputs.data(), attributes.data(), 0, tiles};
  switch (loop->Run(call)) {
  case runtime::HostDone:
    return success();
  case runtime::HostIndexOutOfRange:
    return op->emitOpError() << "has an index outside of its tensor";
  default:
    return op->emitOpError() << "has a value outside of what the operation defines";
  }
}
