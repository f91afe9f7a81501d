// Arguments of kernels/Attention.cpp and kernels/DenseAttention.cpp.
#include "compiler/targets/cpu/RootEmitter.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::cpu;

// As in kernels/Attention.cpp and kernels/DenseAttention.cpp.
static constexpr int64_t MaxHeadWidth = 640, AttentionRows = 64;

llvm::Value *RootEmitter::getLayer(Operation *op) {
  const auto *place = llvm::find(Body.getLayered(), op);
  return Frame.Sizes[Body.getNumSizes() + (place - Body.getLayered().begin())];
}

/// base^(-2 i / dimensions) for each pair, in f64: computed here, once, rather than in every call.
static llvm::Constant *makeFrequencies(RopeOp op, llvm::Module &module) {
  int64_t dimensions = op.getDimensions();
  double base = op.getBase().convertToFloat();
  SmallVector<double> values;
  for (int64_t i = 0; i < dimensions / 2; ++i)
    values.push_back(std::pow(base, -2.0 * i / dimensions));
  auto *data = llvm::ConstantDataArray::get(module.getContext(), values);
  auto *global = new llvm::GlobalVariable(module, data->getType(), true, llvm::GlobalValue::PrivateLinkage, data,
                                          "lathe_rope_frequencies");
  global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
  return global;
}

LogicalResult RootEmitter::emit(RopeOp op) {
  FailureOr<Operand> input = getOperand(op, op.getInput());
  FailureOr<llvm::Value *> positions = getAddress(op, op.getPositions());
  FailureOr<llvm::Value *> factors(llvm::ConstantPointerNull::get(Builder.getPtrTy()));
  if (op.getFactors())
    factors = getAddress(op, op.getFactors());
  if (failed(input) || failed(positions) || failed(factors))
    return failure();
  AffineExpr width = Body.getDim(op.getInput(), 2);
  Call.Template = getTemplate("lathe_rope");
  Call.Tiles = Body.getDim(op.getInput(), 0);
  add(input->Address);
  add(*positions);
  add(*factors);
  add(makeFrequencies(op, Library.getModule()));
  add(Body.getDim(op.getPositions(), 1));
  add(Body.getDim(op.getInput(), 1));
  add(width);
  add(op.getDimensions());
  addFloat(op.getMagnitude());
  addFlag(op.getPairing() == RopePairing::Adjacent);
  add(emitBytes(width, input->Element));
  addFunction("lathe_unpack_", *input);
  return success();
}

LogicalResult RootEmitter::emit(AppendKvOp op) {
  FailureOr<Operand> key = getOperand(op, op.getKey()), value = getOperand(op, op.getValue());
  FailureOr<llvm::Value *> pool = getAddress(op, op.getState()), slots = getAddress(op, op.getSlots());
  FailureOr<std::string> format = getFormatName(op, op.getState().getType().getElement());
  if (failed(key) || failed(value) || failed(pool) || failed(slots) || failed(format))
    return failure();
  StateType state = op.getState().getType();
  AffineExpr keyWidth = Body.getDim(op.getKey(), 2), valueWidth = Body.getDim(op.getValue(), 2);
  Call.Template = getTemplate("lathe_append_kv");
  Call.Tiles = Body.getDim(op.getKey(), 0);
  Call.TakesStore = false;
  add(key->Address);
  add(value->Address);
  add(*pool);
  add(*slots);
  add(state.getShape()[0]);
  add(getLayer(op));
  add(state.getShape()[1]);
  add(keyWidth);
  add(valueWidth);
  add(emitBytes(keyWidth, key->Element));
  add(emitBytes(valueWidth, value->Element));
  add(emitBytes(keyWidth, state.getElement()));
  add(emitBytes(valueWidth, state.getElement()));
  addFunction("lathe_unpack_", *key);
  addFunction("lathe_unpack_", *value);
  add(getTemplate("lathe_pack_" + *format));
  return success();
}

/// The templates have room for heads of so many elements.
static LogicalResult checkHeadWidth(Operation *op, Value heads, AffineExpr width) {
  if (auto known = dyn_cast<AffineConstantExpr>(width); known && known.getValue() <= MaxHeadWidth)
    return success();
  return op->emitOpError() << "has heads of type " << heads.getType() << ", but the CPU's kernel takes at most "
                           << MaxHeadWidth << " elements in each";
}

LogicalResult RootEmitter::emit(PagedAttentionOp op) {
  StateType state = op.getState().getType();
  FailureOr<Operand> query = getOperand(op, op.getQuery());
  FailureOr<std::string> format = getFormatName(op, state.getElement());
  if (failed(query) || failed(format))
    return failure();
  AffineExpr keyWidth = Body.getDim(op.getQuery(), 2), valueWidth = Body.getDim(op.getResult(), 2);
  if (failed(checkHeadWidth(op, op.getQuery(), keyWidth)) || failed(checkHeadWidth(op, op.getResult(), valueWidth)))
    return failure();
  Call.Template = getTemplate("lathe_paged_attention");
  Call.Tiles = Body.getDim(op.getQuery(), 0) * state.getShape()[1];
  add(query->Address);
  for (Value value : {Value(op.getState()), Value(op.getRowOffsets()), Value(op.getLengths()),
                      Value(op.getBlockTables()), Value(op.getSinks())}) {
    FailureOr<llvm::Value *> address(llvm::ConstantPointerNull::get(Builder.getPtrTy()));
    if (value)
      address = getAddress(op, value);
    if (failed(address))
      return failure();
    add(*address);
  }
  add(Body.getDim(op.getLengths(), 0));
  add(Body.getDim(op.getBlockTables(), 1));
  add(state.getShape()[0]);
  add(getLayer(op));
  add(Body.getDim(op.getQuery(), 1));
  add(state.getShape()[1]);
  add(keyWidth);
  add(valueWidth);
  add(op.getVisibleTokens());
  addFloat(op.getScale());
  addFloat(op.getCap());
  // Keys that begin with their value are stored without it.
  AffineExpr storedWidth = state.getShape()[2] - valueWidth;
  add(storedWidth);
  add(emitBytes(keyWidth, query->Element));
  add(emitBytes(storedWidth, state.getElement()));
  add(emitBytes(valueWidth, state.getElement()));
  addFunction("lathe_unpack_", *query);
  add(getTemplate("lathe_unpack_" + *format));
  return success();
}

LogicalResult RootEmitter::emit(RaggedAttentionOp op) {
  FailureOr<Operand> query = getOperand(op, op.getQuery()), key = getOperand(op, op.getKey()),
                     value = getOperand(op, op.getValue());
  FailureOr<llvm::Value *> offsets = getAddress(op, op.getRowOffsets());
  AffineExpr rows = Body.getDim(op.getQuery(), 0), heads = Body.getDim(op.getQuery(), 1);
  AffineExpr keyWidth = Body.getDim(op.getQuery(), 2), valueWidth = Body.getDim(op.getValue(), 2);
  if (failed(query) || failed(key) || failed(value) || failed(offsets) ||
      failed(checkHeadWidth(op, op.getValue(), valueWidth)))
    return failure();
  Call.Template = getTemplate("lathe_ragged_attention");
  Call.Tiles = rows.ceilDiv(AttentionRows) * heads;
  for (const Operand *operand : {&*query, &*key, &*value})
    add(operand->Address);
  add(*offsets);
  add(Body.getDim(op.getRowOffsets(), 0) - 1);
  add(rows);
  add(heads);
  add(Body.getDim(op.getKey(), 1));
  add(keyWidth);
  add(valueWidth);
  add(emitBytes(keyWidth, query->Element));
  add(emitBytes(valueWidth, value->Element));
  addFloat(op.getScale());
  addFlag(op.getCausal());
  addFunction("lathe_unpack_", *query);
  return success();
}

/// Bytes from one batch, head and token of an operand of attention to the next.
void RootEmitter::appendSteps(AttentionOp op, Value operand, SmallVectorImpl<AffineExpr> &steps) {
  ArrayRef<AffineExpr> dims = Body.getDims(operand);
  int64_t bytes = getElementBytes(cast<RankedTensorType>(operand.getType()).getElementType());
  AffineExpr inner = dims[3] * bytes, middle = inner * dims[2];
  steps.append({middle * dims[1], op.getTokensFirst() ? inner : middle, op.getTokensFirst() ? middle : inner});
}

LogicalResult RootEmitter::emit(AttentionOp op) {
  FailureOr<Operand> query = getOperand(op, op.getQuery()), key = getOperand(op, op.getKey()),
                     value = getOperand(op, op.getValue()), mask = getOptional(op, op.getMask());
  if (failed(query) || failed(key) || failed(value) || failed(mask))
    return failure();
  ArrayRef<AffineExpr> queryDims = Body.getDims(op.getQuery()), keyDims = Body.getDims(op.getKey());
  AffineExpr keyWidth = queryDims[3], valueWidth = Body.getDim(op.getValue(), 3);
  if (failed(checkHeadWidth(op, op.getValue(), valueWidth)))
    return failure();
  unsigned head = op.getHeadDim(), token = op.getTokenDim();
  Call.Template = getTemplate("lathe_attention");
  Call.Tiles = queryDims[0] * queryDims[head] * queryDims[token].ceilDiv(AttentionRows);
  for (const Operand *operand : {&*query, &*key, &*value, &*mask})
    add(operand->Address);
  SmallVector<AffineExpr> steps;
  for (Value operand : {op.getQuery(), op.getKey(), op.getValue()})
    appendSteps(op, operand, steps);
  AffineExpr one = getAffineConstantExpr(1, op.getContext());
  SmallVector<AffineExpr> maskDims(4, one), maskSteps(4, one * 0);
  if (op.getMask())
    maskDims.assign(Body.getDims(op.getMask()).begin(), Body.getDims(op.getMask()).end());
  AffineExpr step = one;
  for (unsigned d = 4; d-- > 0; step = step * maskDims[d])
    if (maskDims[d] != one)
      maskSteps[d] = step;
  llvm::append_range(steps, maskSteps);
  addArray(steps);
  for (AffineExpr size : {queryDims[head], keyDims[head], queryDims[token], keyDims[token], keyWidth, valueWidth})
    add(size);
  addFloat(op.getScale());
  addFlag(op.getCausal());
  addFlag(op.getTokensFirst());
  addFunction("lathe_unpack_", *query);
  addFunction("lathe_unpack_", *mask);
  return success();
}
