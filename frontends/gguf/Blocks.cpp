#include "frontends/gguf/Blocks.h"
#include "dialects/lathe/LoopOps.h"

using namespace mlir;
using namespace lathe;

/// `type` with its last dimension replaced.
static RankedTensorType withWidth(Value value, int64_t width) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> sizes(type.getShape());
  sizes.back() = width;
  return type.clone(sizes);
}

static int64_t getWidth(Value value) { return cast<RankedTensorType>(value.getType()).getShape().back(); }

//===- Weights and arithmetic -------------------------------------------------------------------------------------===//

Value Blocks::getFloatWeight(const Twine &name, ArrayRef<int64_t> weightShape) {
  Value weight = reader.getWeight(builder, name.str(), weightShape);
  auto type = cast<RankedTensorType>(weight.getType());
  if (!type.getElementType().isF16() && !type.getElementType().isBF16())
    return weight;
  return CastOp::create(builder, locate(name), type.clone(builder.getF32Type()), weight);
}

Value Blocks::constant(ArrayRef<float> values, ArrayRef<int64_t> sizes, const Twine &name) {
  auto type = RankedTensorType::get(sizes, builder.getF32Type());
  return ConstantOp::create(builder, locate(name), DenseElementsAttr::get(type, values));
}

Value Blocks::add(Value lhs, Value rhs, const Twine &name) {
  return AddOp::create(builder, locate(name), lhs.getType(), lhs, rhs);
}

Value Blocks::multiply(Value lhs, Value rhs, const Twine &name) {
  return MulOp::create(builder, locate(name), lhs.getType(), lhs, rhs);
}

Value Blocks::scale(Value input, double factor, const Twine &name) {
  return factor == 1 ? input : multiply(input, constant(float(factor), {}, name), name);
}

Value Blocks::limit(Value input, double cap, const Twine &name) {
  if (cap == 0)
    return input;
  return scale(TanhOp::create(builder, locate(name), scale(input, 1 / cap, name)), cap, name);
}

Value Blocks::activate(Value input, const Twine &name) {
  if (style.activation == Activation::GeluTanh)
    return GeluTanhOp::create(builder, locate(name), input);
  return SiluOp::create(builder, locate(name), input);
}

Value Blocks::slice(Value input, int64_t first, int64_t count, const Twine &name) {
  auto type = cast<RankedTensorType>(input.getType());
  unsigned rank = type.getRank();
  SmallVector<AffineExpr> starts(rank, builder.getAffineConstantExpr(0)), sizes;
  for (unsigned d = 0; d < rank; ++d)
    sizes.push_back(builder.getAffineSymbolExpr(d));
  starts.back() = builder.getAffineConstantExpr(first);
  sizes.back() = builder.getAffineConstantExpr(count);
  auto map = [&](ArrayRef<AffineExpr> results) { return AffineMap::get(0, rank, results, builder.getContext()); };
  return SliceOp::create(builder, locate(name), withWidth(input, count), input, ValueRange(), map(starts),
                         SmallVector<int64_t>(rank, 1), map(sizes));
}

//===- Rows -------------------------------------------------------------------------------------------------------===//

Value Blocks::embedTokens() {
  Value table = reader.getWeight(builder, "token_embd.weight", {shape.vocabulary, shape.width});
  auto type = RankedTensorType::get({ShapedType::kDynamic, shape.width}, builder.getF32Type());
  Value rows = GatherOp::create(builder, locate("token_embd"), type, table, entry.getTokens());
  return scale(rows, style.embeddingScale, "token_embd");
}

Value Blocks::embedPositions() {
  Value table = getFloatWeight("position_embd.weight", {shape.contextLength, shape.width});
  auto flat = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  Value positions =
      ReshapeOp::create(builder, locate("position_embd"), flat, entry.getPositions(), ArrayRef<int64_t>{0});
  auto type = RankedTensorType::get({ShapedType::kDynamic, shape.width}, builder.getF32Type());
  return GatherOp::create(builder, locate("position_embd"), type, table, positions);
}

Value Blocks::embedTokenType() {
  int64_t types = reader.getDimension("token_types.weight", 0);
  Value table = getFloatWeight("token_types.weight", {types, shape.width});
  auto constants = [&](ArrayRef<int64_t> values) {
    SmallVector<AffineExpr> results;
    for (int64_t value : values)
      results.push_back(builder.getAffineConstantExpr(value));
    return AffineMap::get(0, 2, results, builder.getContext());
  };
  auto type = RankedTensorType::get({1, shape.width}, builder.getF32Type());
  return SliceOp::create(builder, locate("token_types"), type, table, ValueRange(), constants({0, 0}),
                         ArrayRef<int64_t>{1, 1}, constants({1, shape.width}));
}

Value Blocks::normalize(Value input, const Twine &name) {
  int64_t width = getWidth(input);
  FloatAttr epsilon = builder.getF32FloatAttr(float(shape.epsilon));
  Value weight = reader.getWeight(builder, (name + ".weight").str(), {width});
  if (style.norm == NormKind::Rms)
    return RmsNormOp::create(builder, locate(name), input, weight, epsilon);
  std::string bias = (name + ".bias").str();
  int64_t axis = cast<RankedTensorType>(input.getType()).getRank() - 1;
  return LayerNormOp::create(builder, locate(name), input.getType(), input, weight,
                             reader.hasTensor(bias) ? reader.getWeight(builder, bias, {width}) : Value(),
                             builder.getI64IntegerAttr(axis), epsilon);
}

Value Blocks::project(Value input, const Twine &name, int64_t width) {
  Value weight = getFloatWeight(name + ".weight", {width, getWidth(input)});
  RankedTensorType type = withWidth(input, width);
  Value product = MatmulOp::create(builder, locate(name), type, input, weight, /*transpose_rhs=*/builder.getUnitAttr());
  std::string bias = (name + ".bias").str();
  return reader.hasTensor(bias) ? add(product, getFloatWeight(bias, {width}), name) : product;
}

Value Blocks::feedForward(Value input, const Twine &gateName, const Twine &upName, const Twine &downName,
                          int64_t hidden) {
  Value activated;
  if (style.feedForward == FeedForward::Plain) {
    activated = activate(project(input, upName, hidden), upName);
  } else {
    bool isFused = style.feedForward == FeedForward::FusedGate;
    Value both = isFused ? project(input, upName, 2 * hidden) : Value();
    Value gate = isFused ? slice(both, 0, hidden, upName) : project(input, gateName, hidden);
    Value up = isFused ? slice(both, hidden, hidden, upName) : project(input, upName, hidden);
    activated = multiply(activate(gate, gateName), up, upName);
  }
  return project(activated, downName, shape.width);
}

Value Blocks::feedForward(Value input, int64_t layer) {
  if (style.experts.count > 0 && layer >= style.experts.denseLayers)
    return mixExperts(input, layer);
  std::string prefix = ("blk." + Twine(layer) + ".ffn").str();
  return feedForward(input, prefix + "_gate", prefix + "_up", prefix + "_down", shape.hidden);
}

void Blocks::finish(Value input) {
  if (entry.isEncoder()) {
    reader.ignoreTensor("output.weight");
    reader.ignoreTensor("output.bias");
    entry.finish(builder, locate("output_norm"), normalize(input, "output_norm"));
    return;
  }
  // Only the rows asked for meet the last norm and the vocabulary.
  Value rows = GatherOp::create(builder, locate("rows"), input.getType(), input, entry.getRows());
  rows = normalize(rows, "output_norm");
  Value logits;
  if (reader.hasTensor("output.weight")) {
    logits = project(rows, "output", shape.vocabulary);
  } else {
    Value table = getFloatWeight("token_embd.weight", {shape.vocabulary, shape.width});
    logits = MatmulOp::create(builder, locate("output"), withWidth(rows, shape.vocabulary), rows, table,
                              builder.getUnitAttr());
  }
  logits = limit(scale(logits, style.logitScale, "output"), style.logitCap, "output");
  entry.finish(builder, locate("output"), logits);
}

//===- Attention --------------------------------------------------------------------------------------------------===//

Value Blocks::splitHeads(Value input, const Twine &name, int64_t heads, int64_t width) {
  auto type = RankedTensorType::get({ShapedType::kDynamic, heads, width}, builder.getF32Type());
  return ReshapeOp::create(builder, locate(name), type, input, ArrayRef<int64_t>{0, heads, width});
}

Value Blocks::joinHeads(Value input, const Twine &name) {
  ArrayRef<int64_t> sizes = cast<RankedTensorType>(input.getType()).getShape();
  int64_t width = sizes[1] * sizes[2];
  auto type = RankedTensorType::get({ShapedType::kDynamic, width}, builder.getF32Type());
  return ReshapeOp::create(builder, locate(name), type, input, ArrayRef<int64_t>{0, width});
}

/// Factors of the file, for models whose factors follow no rule, times those of the rule; null where there are none.
Value Blocks::getRopeFactors(const RopeScaling &scaling, const Twine &name) {
  int64_t pairs = shape.ropeDimensions / 2;
  Value own = reader.hasTensor(style.ropeFactors) ? reader.getWeight(builder, style.ropeFactors, {pairs}) : Value();
  if (scaling.factors.empty())
    return own;
  Value ruled = constant(scaling.factors, {pairs}, name);
  return own ? multiply(own, ruled, name) : ruled;
}

Value Blocks::rotate(Value input, const Twine &name, const LayerStyle &layer) {
  const RopeScaling &scaling = layer.rope ? *layer.rope : rope;
  double base = layer.ropeBase ? layer.ropeBase : shape.ropeBase;
  return RopeOp::create(builder, locate(name), input, entry.getPositions(), getRopeFactors(scaling, name),
                        style.pairing, llvm::APFloat(float(base)), shape.ropeDimensions,
                        llvm::APFloat(float(scaling.magnitude)));
}

Blocks::Projections Blocks::projectHeads(Value input, const Twine &prefix) {
  int64_t queries = shape.heads * shape.keyWidth, keys = shape.kvHeads * shape.keyWidth;
  int64_t values = shape.kvHeads * shape.valueWidth;
  if (!style.fusedQkv)
    return {project(input, prefix + "_q", queries), project(input, prefix + "_k", keys),
            project(input, prefix + "_v", values)};
  Value all = project(input, prefix + "_qkv", queries + keys + values);
  return {slice(all, 0, queries, prefix + "_q"), slice(all, queries, keys, prefix + "_k"),
          slice(all, queries + keys, values, prefix + "_v")};
}

/// Norms of queries and keys: of each head, of the whole row, or with a scale of its own for each head.
Value Blocks::normalizeHeads(Value input, const Twine &name) {
  ArrayRef<int64_t> sizes = cast<RankedTensorType>(input.getType()).getShape();
  int64_t heads = sizes[1], width = sizes[2];
  std::string weight = (name + ".weight").str();
  if (!reader.hasTensor(weight))
    return input;
  if (reader.getRank(weight) == 2) {
    if (style.norm == NormKind::Rms)
      reader.emitError() << "tensor '" << weight << "' has a scale for each head, which only layer norms can have here";
    Value normal = LayerNormOp::create(builder, locate(name), input.getType(), input, Value(), Value(),
                                       builder.getI64IntegerAttr(2), builder.getF32FloatAttr(float(shape.epsilon)));
    return multiply(normal, getFloatWeight(weight, {heads, width}), name);
  }
  if (reader.getDimension(weight, 0) == width)
    return normalize(input, name);
  return splitHeads(normalize(joinHeads(input, name), name), name, heads, width);
}

Value Blocks::attendText(Value query, Value key, Value value, int64_t layer, const Twine &name) {
  int64_t window = getLayer(layer).window;
  if (style.sinks || style.attentionCap != 0 || (window > 0 && window < entry.getMaxTokens()))
    reader.emitError() << "'" << name.str() << "' has "
                       << (style.sinks          ? "sinks"
                           : style.attentionCap ? "a cap"
                                                : "a window")
                       << ", which attention of an encoder lacks; compile the model as a language model"
                       << (window > 0 ? ", or with a shorter --context" : "");
  return RaggedAttentionOp::create(builder, locate(name), withWidth(query, shape.valueWidth), query, key, value,
                                   entry.getRowOffsets(), llvm::APFloat(float(shape.attentionScale)), style.causal);
}

Value Blocks::attendTokens(Value query, Value key, Value value, int64_t layer, const Twine &name) {
  if (entry.isEncoder())
    return attendText(query, key, value, layer, name);
  LayerState &state = entry.getState(layer);
  int64_t place = entry.getPlace(layer);
  state.kv = AppendKvOp::create(builder, locate(name), key, value, state.kv, state.slots, place);
  Value sinks = style.sinks ? reader.getWeight(builder, (name + "_sinks.weight").str(), {shape.heads}) : Value();
  return PagedAttentionOp::create(builder, locate(name), withWidth(query, shape.valueWidth), query, state.kv,
                                  entry.getRowOffsets(), entry.getLengths(), state.blockTables, sinks, place,
                                  llvm::APFloat(float(shape.attentionScale)), llvm::APFloat(float(style.attentionCap)),
                                  getLayer(layer).window);
}

Value Blocks::attend(Value input, int64_t layer) {
  std::string prefix = ("blk." + Twine(layer) + ".attn").str();
  LayerStyle own = getLayer(layer);
  Projections flat = projectHeads(input, prefix);
  Value query = splitHeads(flat.query, prefix + "_q", shape.heads, shape.keyWidth);
  Value key = splitHeads(flat.key, prefix + "_k", shape.kvHeads, shape.keyWidth);
  Value value = splitHeads(flat.value, prefix + "_v", shape.kvHeads, shape.valueWidth);
  query = normalizeHeads(query, prefix + "_q_norm");
  key = normalizeHeads(key, prefix + "_k_norm");
  if (own.rotates) {
    query = rotate(query, prefix + "_q", own);
    key = rotate(key, prefix + "_k", own);
  }
  Value attended = attendTokens(query, key, value, layer, prefix);
  return project(joinHeads(attended, prefix), prefix + "_output", shape.width);
}
