// Verifiers and shapes of Attention.td.
#include "dialects/lathe/Lathe.h"

using namespace mlir;
using namespace lathe;

LogicalResult AttentionOp::verify() {
  RankedTensorType query = getQuery().getType(), key = getKey().getType(), value = getValue().getType();
  RankedTensorType result = getResult().getType();
  // (C1)
  for (RankedTensorType type : {query, key, value, result})
    if (type.getRank() != 4 ||
        type.getElementType() != (type == result && result.getElementType().isF32() ? result : query).getElementType())
      return emitOpError() << "query, key, value and result are " << query << ", " << key << ", " << value << " and "
                           << result << ", needed rank 4 and one element type (the result may be f32)";
  // (C2)
  unsigned head = getHeadDim(), token = getTokenDim();
  auto agree = [&](RankedTensorType a, RankedTensorType b, ArrayRef<unsigned> dims) {
    return llvm::all_of(dims, [&](unsigned d) { return dimsAgree(a.getDimSize(d), b.getDimSize(d)); });
  };
  if (!agree(query, key, {0, 3}) || !agree(key, value, {0, head, token}) || !agree(query, result, {0, head, token}) ||
      !agree(value, result, {3}))
    return emitOpError() << "sizes of query " << query << ", key " << key << ", value " << value << " and result "
                         << result << " do not fit";
  // (C3)
  int64_t heads = query.getDimSize(head), keyHeads = key.getDimSize(head);
  if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(keyHeads) ? !dimsAgree(heads, keyHeads)
                                                                      : keyHeads == 0 || heads % keyHeads != 0)
    return emitOpError() << "query has " << heads << " heads and key " << keyHeads << ", which do not divide them";
  // (C4)
  if (!getMask())
    return success();
  RankedTensorType mask = getMask().getType();
  std::array<int64_t, 4> scores = {query.getDimSize(0), heads, query.getDimSize(token), key.getDimSize(token)};
  if (mask.getRank() != 4 || !llvm::all_of(llvm::zip(mask.getShape(), scores), [](auto pair) {
        return std::get<0>(pair) == 1 || dimsAgree(std::get<0>(pair), std::get<1>(pair));
      }))
    return emitOpError() << "mask is " << mask << ", needed 4 dimensions that are 1 or those of [B, H, T, S]";
  return success();
}

LogicalResult AttentionOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  DimList dims = operands[0];
  dims[3] = operands[2][3];
  results.push_back(std::move(dims));
  return success();
}

LogicalResult RopeOp::verify() {
  RankedTensorType input = getInput().getType(), positions = getPositions().getType();
  // (C1)
  if (input.getRank() != 3 || positions.getRank() != 2 || !dimsAgree(input.getDimSize(0), positions.getDimSize(0)) ||
      positions.getDimSize(1) == 0)
    return emitOpError() << "input is " << input << " and positions " << positions << ", needed [T, H, D] and [T, k]";
  // (C2)
  int64_t dimensions = getDimensions(), width = input.getDimSize(2);
  if (dimensions <= 0 || dimensions % 2 != 0 || dimensions > width)
    return emitOpError() << "dimensions is " << dimensions << ", needed an even number from 2 to " << width;
  // (C3)
  if (getFactors()) {
    int64_t factors = getFactors().getType().getDimSize(0);
    if (!dimsAgree(factors, dimensions / 2))
      return emitOpError() << "factors has " << factors << " elements but " << dimensions / 2 << " pairs are rotated";
  }
  // (C4)
  if (!(getMagnitude() > llvm::APFloat(0.0f)))
    return emitOpError() << "magnitude is " << getMagnitudeAttr() << ", needed a number above 0";
  return success();
}

LogicalResult RopeOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

LogicalResult RaggedAttentionOp::verify() {
  RankedTensorType query = getQuery().getType(), key = getKey().getType(), value = getValue().getType();
  RankedTensorType result = getResult().getType();
  // (C1)
  auto agree = [](RankedTensorType a, RankedTensorType b, unsigned d) {
    return dimsAgree(a.getDimSize(d), b.getDimSize(d));
  };
  bool ranks = llvm::all_of(std::array{query, key, value, result}, [](auto type) { return type.getRank() == 3; });
  bool elements = key.getElementType() == query.getElementType() && value.getElementType() == query.getElementType() &&
                  (result.getElementType() == query.getElementType() || result.getElementType().isF32());
  if (!ranks || !elements || !agree(query, key, 0) || !agree(key, value, 0) || !agree(query, result, 0) ||
      !agree(key, value, 1) || !agree(query, result, 1) || !agree(query, key, 2) || !agree(value, result, 2))
    return emitOpError() << "query is " << query << ", key " << key << ", value " << value << " and result " << result
                         << ", needed [T, heads, key width], [T, key heads, key width], [T, key heads, value width] "
                            "and [T, heads, value width] of one element type (the result may be f32)";
  // (C2)
  int64_t heads = query.getDimSize(1), keyHeads = key.getDimSize(1);
  if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(keyHeads) ? !dimsAgree(heads, keyHeads)
                                                                      : keyHeads == 0 || heads % keyHeads != 0)
    return emitOpError() << "query has " << heads << " heads and key " << keyHeads << ", which do not divide them";
  return success();
}

LogicalResult RaggedAttentionOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back({operands[0][0], operands[0][1], operands[2][2]});
  return success();
}

/// Keys and values of a head are stored in blocks of their own.
static LogicalResult verifyBlocks(Operation *op, StateType state, int64_t keyWidth, int64_t valueWidth) {
  auto blocks = dyn_cast<QuantizedTypeInterface>(state.getElement());
  int64_t block = blocks ? blocks.getBlockShape()[1] : 1;
  if (keyWidth % block != 0 || valueWidth % block != 0)
    return op->emitOpError() << "keys and values are " << keyWidth << " and " << valueWidth << " wide, but " << state
                             << " holds blocks of " << block;
  return success();
}

static LogicalResult verifyLayer(Operation *op, StateType state, int64_t layer) {
  if (layer < 0 || layer >= state.getShape()[0])
    return op->emitOpError() << "layer is " << layer << " but the state has " << state.getShape()[0] << " layers";
  return success();
}

LogicalResult AppendKvOp::verify() {
  RankedTensorType key = getKey().getType(), value = getValue().getType(), slots = getSlots().getType();
  StateType state = getState().getType();
  // (C1)
  if (key.getRank() != 3 || value.getRank() != 3 || key.getDimSize(1) != value.getDimSize(1) ||
      !dimsAgree(key.getDimSize(0), value.getDimSize(0)) || !dimsAgree(key.getDimSize(0), slots.getDimSize(0)))
    return emitOpError() << "key is " << key << ", value " << value << " and slots " << slots
                         << ", needed [T, heads, key width], [T, heads, value width] and [T]";
  // (C2)
  int64_t width = key.getDimSize(2) + value.getDimSize(2);
  if (state.getShape()[1] != key.getDimSize(1) || state.getShape()[2] != width)
    return emitOpError() << "state is " << state << " but keys and values have " << key.getDimSize(1)
                         << " heads of width " << key.getDimSize(2) << " + " << value.getDimSize(2);
  if (failed(verifyBlocks(*this, state, key.getDimSize(2), value.getDimSize(2))) ||
      failed(verifyLayer(*this, state, getLayer())))
    return failure();
  // (C3)
  for (Operation *user : getState().getUsers()) {
    if (user == getOperation())
      continue;
    if (auto other = dyn_cast<AppendKvOp>(user); other && other.getState() == getState())
      return emitOpError() << "replaces a state that another operation replaces too; a state value is linear";
    if (user->getBlock() == (*this)->getBlock() && (*this)->isBeforeInBlock(user))
      return emitOpError() << "replaces a state that '" << user->getName()
                           << "' still uses afterwards; a state value is linear";
  }
  return success();
}

LogicalResult AppendKvOp::inferResultDims(ArrayRef<DimList>, SmallVectorImpl<DimList> &results) {
  results.push_back({});
  return success();
}

LogicalResult PagedAttentionOp::verify() {
  RankedTensorType query = getQuery().getType(), result = getResult().getType();
  StateType state = getState().getType();
  // (C1)
  if (query.getRank() != 3 || result.getRank() != 3 || query.getElementType() != result.getElementType() ||
      !dimsAgree(query.getDimSize(0), result.getDimSize(0)) || query.getDimSize(1) != result.getDimSize(1))
    return emitOpError() << "query is " << query << " and result " << result
                         << ", needed [T, heads, key width] and [T, heads, value width] of one element type";
  // (C2)
  int64_t heads = state.getShape()[1], width = state.getShape()[2], values = result.getDimSize(2);
  if (query.getDimSize(1) % heads != 0 || width <= values ||
      (width != query.getDimSize(2) + values && width != query.getDimSize(2)))
    return emitOpError() << "state is " << state << " but the query has " << query.getDimSize(1)
                         << " heads, and key and value width are " << query.getDimSize(2) << " + " << values;
  if (failed(verifyBlocks(*this, state, width - values, values)) || failed(verifyLayer(*this, state, getLayer())))
    return failure();
  // (C3)
  int64_t offsets = getRowOffsets().getType().getDimSize(0), lengths = getLengths().getType().getDimSize(0);
  bool agree = dimsAgree(lengths, getBlockTables().getType().getDimSize(0)) &&
               (ShapedType::isDynamic(offsets) || ShapedType::isDynamic(lengths) || offsets == lengths + 1);
  if (!agree)
    return emitOpError() << "row_offsets is " << getRowOffsets().getType() << ", lengths " << getLengths().getType()
                         << " and block_tables " << getBlockTables().getType() << ", needed [S + 1], [S] and [S, B]";
  // (C4)
  if (!(getCap() >= llvm::APFloat(0.0f)) || int64_t(getWindow()) < 0)
    return emitOpError() << "cap is " << getCapAttr() << " and window " << int64_t(getWindow())
                         << ", needed numbers that are not negative";
  if (int64_t kept = state.getWindow(); kept > 0 && int64_t(getWindow()) > kept)
    return emitOpError() << "window is " << int64_t(getWindow()) << " but the state keeps " << kept << " tokens";
  // (C5)
  if (getSinks() && !dimsAgree(getSinks().getType().getDimSize(0), query.getDimSize(1)))
    return emitOpError() << "sinks is " << getSinks().getType() << " but the query has " << query.getDimSize(1)
                         << " heads";
  return success();
}

LogicalResult PagedAttentionOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  Builder builder(getContext());
  results.push_back(
      {operands[0][0], operands[0][1], builder.getAffineConstantExpr(getResult().getType().getDimSize(2))});
  return success();
}
