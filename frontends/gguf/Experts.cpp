// Mixtures of experts: a router picks some of many feed-forwards for each token (Shazeer et al., 2017).
#include "dialects/lathe/LoopOps.h"
#include "frontends/gguf/Blocks.h"

using namespace mlir;
using namespace lathe;

Experts Experts::read(ModelReader &reader, const DecoderShape &shape) {
  Experts experts;
  experts.count = reader.getInteger("expert_count", 0);
  if (experts.count == 0)
    return experts;
  experts.used = reader.getInteger("expert_used_count");
  experts.hidden = reader.getInteger("expert_feed_forward_length", shape.hidden);
  experts.denseLayers = reader.getInteger("leading_dense_block_count", 0);
  experts.shared = reader.getInteger("expert_shared_count", 0);
  experts.groups = reader.getInteger("expert_group_count", 1);
  experts.groupsUsed = reader.getInteger("expert_group_used_count", experts.groups);
  experts.scale = reader.getNumber("expert_weights_scale", 1.0);
  if (experts.scale == 0) // how files say that there is none
    experts.scale = 1;
  constexpr int64_t MaxExperts = 1 << 16, MaxHidden = 1 << 20;
  reader.checkRange("expert_count", experts.count, 1, MaxExperts);
  reader.checkRange("expert_used_count", experts.used, 1, experts.count);
  reader.checkRange("expert_feed_forward_length", experts.hidden, 1, MaxHidden);
  reader.checkRange("leading_dense_block_count", experts.denseLayers, 0, shape.layers);
  reader.checkRange("expert_shared_count", experts.shared, 0, MaxExperts);
  reader.checkRange("expert_group_count", experts.groups, 1, experts.count);
  reader.checkRange("expert_group_used_count", experts.groupsUsed, 1, experts.groups);
  reader.checkPositive("expert_weights_scale", experts.scale);
  if (experts.count % std::max<int64_t>(experts.groups, 1) != 0)
    reader.emitError() << "'" << reader.fullKey("expert_count") << "' is " << experts.count
                       << ", needed a multiple of '" << reader.fullKey("expert_group_count") << "', which is "
                       << experts.groups;
  int64_t function = reader.getInteger("expert_gating_func", 1);
  if (function < 1 || function > 3)
    reader.emitError() << "metadata '" << reader.fullKey("expert_gating_func") << "' is " << function
                       << ", needed 1 (softmax), 2 (sigmoid) or 3 (softmax of the selected)";
  experts.gating = function == 2 ? Gating::Sigmoid : function == 3 ? Gating::SelectedSoftmax : Gating::Softmax;
  return experts;
}

namespace {

/// Builds the mixture of one layer.
class Mixture {
public:
  Mixture(Blocks &blocks, const Experts &experts, int64_t layer)
      : blocks(blocks), builder(blocks.builder), experts(experts), prefix(("blk." + Twine(layer)).str()),
        location(blocks.locate(prefix + ".ffn")) {}

  Value build(Value input);

private:
  RankedTensorType getType(ArrayRef<int64_t> sizes, Type element = {}) {
    return RankedTensorType::get(sizes, element ? element : builder.getF32Type());
  }
  Value reshape(Value input, ArrayRef<int64_t> sizes) {
    SmallVector<int64_t> target(sizes); // 0 keeps the dimension
    target[0] = 0;
    return ReshapeOp::create(builder, location, getType(sizes, getElementTypeOrSelf(input)), input, target);
  }
  Value reduce(ReduceKind kind, Value input, int64_t axis, ArrayRef<int64_t> sizes, bool keep) {
    return ReduceOp::create(builder, location, getType(sizes, getElementTypeOrSelf(input)), kind, input, axis, keep);
  }
  TopKOp takeLargest(Value input, int64_t count);
  Value excludeGroups(Value scores);
  void route(Value input);
  Value multiply(Value rows, const Twine &name, int64_t width);
  Value activate(Value gate, Value up);

  Blocks &blocks;
  OpBuilder &builder;
  const Experts &experts;
  std::string prefix;
  Location location;
  Value choices; ///< [T, used], numbers of experts
  Value weights; ///< [T, used]
};

} // namespace

/// The `count` largest along the last dimension, and where they are.
TopKOp Mixture::takeLargest(Value input, int64_t count) {
  auto type = cast<RankedTensorType>(input.getType());
  unsigned rank = type.getRank();
  SmallVector<AffineExpr> sizes;
  SmallVector<int64_t> shape(type.getShape());
  for (unsigned d = 0; d < rank; ++d)
    sizes.push_back(builder.getAffineSymbolExpr(d));
  sizes.back() = builder.getAffineConstantExpr(count);
  shape.back() = count;
  return TopKOp::create(builder, location, TypeRange{type.clone(shape), getType(shape, builder.getI64Type())}, input,
                        ValueRange(), rank - 1, AffineMap::get(0, rank, sizes, builder.getContext()),
                        /*largest=*/true);
}

/// -infinity in place of the scores of all groups but the best, by the sum of the two best experts of each
/// (DeepSeek-AI, 2024).
Value Mixture::excludeGroups(Value scores) {
  constexpr int64_t Dynamic = ShapedType::kDynamic;
  int64_t groups = experts.groups, each = experts.count / groups;
  Value split = reshape(scores, {Dynamic, groups, each});
  Value best = takeLargest(split, std::min<int64_t>(each, 2)).getValues();
  Value groupScores = reduce(ReduceKind::Sum, best, 2, {Dynamic, groups}, false);
  Value kept = takeLargest(groupScores, experts.groupsUsed).getIndices();
  SmallVector<int64_t> numbers = llvm::to_vector(llvm::seq<int64_t>(groups));
  auto numbersType = getType({1, 1, groups}, builder.getI64Type());
  Value all = ConstantOp::create(builder, location, DenseElementsAttr::get(numbersType, ArrayRef<int64_t>(numbers)));
  Value column = reshape(kept, {Dynamic, experts.groupsUsed, 1});
  Value equal = EqualOp::create(builder, location, getType({Dynamic, experts.groupsUsed, groups}, builder.getI1Type()),
                                column, all);
  Value allowed = reduce(ReduceKind::Or, equal, 1, {Dynamic, groups}, false);
  Value none = blocks.constant(-std::numeric_limits<float>::infinity(), {}, prefix + ".ffn");
  Value limited =
      SelectOp::create(builder, location, split.getType(), reshape(allowed, {Dynamic, groups, 1}), split, none);
  return reshape(limited, {Dynamic, experts.count});
}

/// Finds `choices` and `weights`.
void Mixture::route(Value input) {
  constexpr int64_t Dynamic = ShapedType::kDynamic;
  std::string name = prefix + ".ffn_gate_inp";
  Value scores = blocks.project(input, name, experts.count);
  if (experts.gating == Gating::Softmax)
    scores = SoftmaxOp::create(builder, location, scores);
  else if (experts.gating == Gating::Sigmoid)
    scores = SigmoidOp::create(builder, location, scores);
  // A bias changes which experts are selected, not what they weigh.
  Value ranked = scores;
  std::string bias = prefix + ".exp_probs_b.bias";
  if (blocks.reader.hasTensor(bias))
    ranked = blocks.add(scores, blocks.getFloatWeight(bias, {experts.count}), bias);
  if (experts.groupsUsed < experts.groups)
    ranked = excludeGroups(ranked);
  choices = takeLargest(ranked, experts.used).getIndices();
  weights = GatherElementsOp::create(builder, location, getType({Dynamic, experts.used}), scores, choices, 1);
  if (experts.gating == Gating::SelectedSoftmax) {
    weights = SoftmaxOp::create(builder, location, weights);
  } else if (experts.normalize) {
    // The smallest normal number of f16 keeps the quotient finite, as in the engines that the models come from.
    Value sum = reduce(ReduceKind::Sum, weights, 1, {Dynamic, 1}, true);
    Value floor = blocks.constant(0x1p-14f, {}, name);
    sum = MaximumOp::create(builder, location, sum.getType(), sum, floor);
    weights = DivOp::create(builder, location, weights.getType(), weights, sum);
  }
  weights = blocks.scale(weights, experts.scale, name);
}

/// Products of `rows` [T, 1 or used, k] with the chosen matrices of `name`, plus their biases where the file has some.
Value Mixture::multiply(Value rows, const Twine &name, int64_t width) {
  int64_t k = cast<RankedTensorType>(rows.getType()).getShape().back();
  Value matrices = blocks.getFloatWeight(name + ".weight", {experts.count, width, k});
  auto type = getType({ShapedType::kDynamic, experts.used, width});
  Value product = ExpertMatmulOp::create(builder, blocks.locate(name), type, rows, matrices, choices);
  std::string bias = (name + ".bias").str();
  if (!blocks.reader.hasTensor(bias))
    return product;
  Value biases = GatherAlongOp::create(builder, blocks.locate(name), type,
                                       blocks.getFloatWeight(bias, {experts.count, width}), choices, 0);
  return blocks.add(product, biases, name);
}

Value Mixture::activate(Value gate, Value up) {
  std::string name = prefix + ".ffn_gate_exps";
  if (!experts.clamped)
    return blocks.multiply(blocks.activate(gate, name), up, name);
  // x = min(gate, 7): x * sigmoid(1.702 x) * (clamp(up, -7, 7) + 1) (OpenAI, gpt-oss model card, 2025).
  constexpr float Alpha = 1.702f, Limit = 7.0f;
  Value limit = blocks.constant(Limit, {}, name), low = blocks.constant(-Limit, {}, name);
  Value x = MinimumOp::create(builder, location, gate.getType(), gate, limit);
  up = MinimumOp::create(builder, location, up.getType(), up, limit);
  up = MaximumOp::create(builder, location, up.getType(), up, low);
  Value share = SigmoidOp::create(builder, location, blocks.scale(x, Alpha, name));
  Value raised = AddOp::create(builder, location, up.getType(), up, blocks.constant(1.0f, {}, name));
  return blocks.multiply(blocks.multiply(x, share, name), raised, name);
}

Value Mixture::build(Value input) {
  constexpr int64_t Dynamic = ShapedType::kDynamic;
  int64_t width = cast<RankedTensorType>(input.getType()).getShape().back();
  route(input);
  Value rows = reshape(input, {Dynamic, 1, width});
  Value gate = multiply(rows, prefix + ".ffn_gate_exps", experts.hidden);
  Value up = multiply(rows, prefix + ".ffn_up_exps", experts.hidden);
  Value down = multiply(activate(gate, up), prefix + ".ffn_down_exps", width);
  Value weighted = MulOp::create(builder, location, down.getType(), down, reshape(weights, {Dynamic, experts.used, 1}));
  Value sum = reduce(ReduceKind::Sum, weighted, 1, {Dynamic, width}, false);
  if (experts.shared == 0)
    return sum;
  Value shared = blocks.feedForward(input, prefix + ".ffn_gate_shexp", prefix + ".ffn_up_shexp",
                                    prefix + ".ffn_down_shexp", experts.hidden * experts.shared);
  return blocks.add(sum, shared, prefix + ".ffn_shexp");
}

Value Blocks::mixExperts(Value input, int64_t layer) { return Mixture(*this, style.experts, layer).build(input); }
