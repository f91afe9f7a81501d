// Normalizations: operations of their own where these fit, else put together from reductions and elementwise ones.
#include "frontends/onnx/ops/Norms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// `x` shifted to mean 0 and scaled to variance 1 over `axes`. What was computed on the way goes to the other two.
static Term standardize(const Term &x, ArrayRef<int64_t> axes, double epsilon, Term *average = nullptr,
                        Term *inverse = nullptr) {
  Term center = reduce(x, ReduceKind::Mean, axes, /*keep=*/true);
  Term shifted = x - center;
  Term variance = reduce(shifted * shifted, ReduceKind::Mean, axes, true);
  Term scale = apply<ReciprocalOp>(apply<SqrtOp>(variance + epsilon));
  if (average)
    *average = center;
  if (inverse)
    *inverse = scale;
  return shifted * scale;
}

/// One number for each channel, in a shape that broadcasts along dimension 1 of `rank`.
static Term perChannel(const Term &x, int64_t rank) {
  if (!x || x.rank() != 1) {
    if (x)
      (void)x.node->fail("has an input of rank {0}, needed one number for each channel", x.rank());
    return Term();
  }
  SmallVector<AffineExpr> shape(rank, x.node->constantSize(1));
  shape[1] = x.dim(0);
  return reshape(x, shape);
}

static LogicalResult importBatchNormalization(NodeImporter &node) {
  float epsilon = node.floatAttribute("epsilon", 1e-5f), momentum = node.floatAttribute("momentum", 0.9f);
  if (node.opset() < 14 && node.numOutputs() > 1)
    return node.fail("has {0} outputs, only inference, with 1, is supported", node.numOutputs());
  if (node.opset() < 7) {
    node.attribute("consumed_inputs");
    if (node.intAttribute("is_test", 0) == 0)
      return node.fail("'is_test' is 0, only inference is supported");
  }
  if (node.opset() < 9 && node.intAttribute("spatial", 1) != 1)
    return node.fail("'spatial' is 0, needed 1");
  bool training = node.opset() >= 14 && node.intAttribute("training_mode", 0);
  Term x = realInput(node, 0);
  if (!x)
    return failure();
  if (x.rank() < 2)
    return node.fail("input has rank {0}, needed at least 2", x.rank());
  Term scale = perChannel(input(node, 1), x.rank()), bias = perChannel(input(node, 2), x.rank());
  Term center = input(node, 3), variance = input(node, 4);
  if (training) {
    SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
    axes.erase(axes.begin() + 1);
    Term found = reduce(x, ReduceKind::Mean, axes, false), shifted = x - perChannel(found, x.rank());
    Term spread = reduce(shifted * shifted, ReduceKind::Mean, axes, false);
    auto running = [&](const Term &before, const Term &now) {
      return before * momentum + cast(now, before ? before.type() : Type()) * (1.0 - double(momentum));
    };
    if (!center || !variance || !found || !spread)
      return failure();
    if ((node.hasOutput(1) && failed(setOutput(node, 1, running(center, found)))) ||
        (node.hasOutput(2) && failed(setOutput(node, 2, running(variance, spread)))))
      return failure();
    center = found, variance = spread;
  }
  if (!scale || !bias || !center || !variance)
    return failure();
  Type type = x.type();
  center = perChannel(cast(center, type), x.rank());
  variance = perChannel(cast(variance, type), x.rank());
  Term factor = cast(scale, type) / apply<SqrtOp>(variance + epsilon);
  return setOutput(node, 0, (x - center) * factor + cast(bias, type));
}

/// [N, C, ...] as [N, G, C / G * ...]; null if that is not known to be possible.
static Term inGroups(const Term &x, int64_t groups) {
  if (!x)
    return x;
  AffineExpr rest = x.node->constantSize(1);
  for (int64_t d = 1; d < x.rank(); ++d)
    rest = rest * x.dim(d);
  AffineExpr each = divideDimExactly(rest, x.node->constantSize(groups));
  if (groups < 1 || !each) {
    (void)x.node->fail("cannot split {0} elements into {1} groups", x.node->print(rest), groups);
    return Term();
  }
  return reshape(x, {x.dim(0), x.node->constantSize(groups), each});
}

/// Standardized within groups of channels, then scaled for each channel.
static LogicalResult importGroups(NodeImporter &node, const Term &x, int64_t groups, float epsilon, Type computed,
                                  bool perGroup) {
  if (!x)
    return failure();
  if (x.rank() < 2)
    return node.fail("input has rank {0}, needed at least 2", x.rank());
  Term scale = cast(input(node, 1), computed), bias = cast(input(node, 2), computed);
  Term split = standardize(cast(inGroups(x, groups), computed), {2}, epsilon);
  if (perGroup)
    return setOutput(node, 0, cast(reshape(split * perChannel(scale, 3) + perChannel(bias, 3), x.dims()), x.type()));
  Term whole = split ? reshape(split, x.dims()) : split;
  return setOutput(node, 0, cast(whole * perChannel(scale, x.rank()) + perChannel(bias, x.rank()), x.type()));
}

/// 'stash_type': what the computation is done in.
static Type getStashType(NodeImporter &node) {
  auto type = DataType(node.intAttribute("stash_type", int64_t(DataType::Float)));
  if (type != DataType::Float && type != DataType::Double && type != DataType::Float16 && type != DataType::Bfloat16) {
    (void)node.fail("'stash_type' is {0}, needed a float type", dataTypeName(type));
    return Type();
  }
  return convertType(node.context(), type);
}

static LogicalResult importGroupNormalization(NodeImporter &node) {
  float epsilon = node.floatAttribute("epsilon", 1e-5f);
  int64_t groups = node.intAttribute("num_groups", 0);
  Term x = realInput(node, 0);
  bool isOld = node.opset() < 21; // scale and bias for each group
  Type computed = isOld ? (x ? x.type() : Type()) : getStashType(node);
  return computed ? importGroups(node, x, groups, epsilon, computed, isOld) : failure();
}

static LogicalResult importInstanceNormalization(NodeImporter &node) {
  float epsilon = node.floatAttribute("epsilon", 1e-5f);
  Term x = realInput(node, 0);
  if (!x)
    return failure();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, x.rank()));
  Term scale = perChannel(input(node, 1), x.rank()), bias = perChannel(input(node, 2), x.rank());
  return setOutput(node, 0, standardize(x, axes, epsilon) * scale + bias);
}

/// True when `x` can be normalized by one operation, which computes in f32, and scaled by `scale` there.
static bool isNormalizedByOne(const Term &x, Type computed, const Term &scale, int64_t axis) {
  return isNarrowFloat(x.type()) && computed.isF32() && isNarrowFloat(scale.type()) &&
         scale.rank() == x.rank() - axis && llvm::all_of_zip(scale.dims(), x.dims().drop_front(axis), isSameDim);
}

static SmallVector<int64_t> axesFrom(const Term &x, int64_t axis) {
  return llvm::to_vector(llvm::seq<int64_t>(axis, x.rank()));
}

Term lathe::onnx::layerNorm(const Term &x, const Term &scale, const Term &bias, int64_t axis, float epsilon,
                            Type computed) {
  if (!x || !scale)
    return Term();
  if (isNormalizedByOne(x, computed, scale, axis) && (!bias || isNormalizedByOne(x, computed, bias, axis)) &&
      epsilon >= 0)
    return Term(*x.node,
                x.node->create<LayerNormOp>(x.type(), x.value, scale.value, bias.value, axis, llvm::APFloat(epsilon)));
  Term result = cast(standardize(cast(x, computed), axesFrom(x, axis), epsilon), x.type()) * scale;
  return bias ? result + bias : result;
}

Term lathe::onnx::rmsNorm(const Term &x, const Term &scale, int64_t axis, float epsilon, Type computed) {
  if (!x || !scale)
    return Term();
  if (scale.rank() == 1 && isNormalizedByOne(x, computed, scale, axis) && epsilon > 0)
    return Term(*x.node, x.node->create<RmsNormOp>(x.type(), x.value, scale.value, llvm::APFloat(epsilon)));
  Term wide = cast(x, computed);
  Term root = apply<SqrtOp>(reduce(wide * wide, ReduceKind::Mean, axesFrom(x, axis), /*keep=*/true) + epsilon);
  return cast(wide / root, x.type()) * scale;
}

static LogicalResult importLayerNormalization(NodeImporter &node) {
  float epsilon = node.floatAttribute("epsilon", 1e-5f);
  Type computed = getStashType(node);
  Term x = realInput(node, 0);
  if (!x || !computed)
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(-1, x.rank(), x.rank() - 1);
  if (failed(axis))
    return failure();
  Term scale = input(node, 1), bias = node.hasInput(2) ? input(node, 2) : Term();
  if (!scale || (node.hasInput(2) && !bias))
    return failure();
  if (!node.hasOutput(1) && !node.hasOutput(2))
    return setOutput(node, 0, layerNorm(x, scale, bias, *axis, epsilon, computed));
  Term average, inverse;
  Term result = cast(standardize(cast(x, computed), axesFrom(x, *axis), epsilon, &average, &inverse), x.type()) * scale;
  if (bias)
    result = result + bias;
  if ((node.hasOutput(1) && failed(setOutput(node, 1, average))) ||
      (node.hasOutput(2) && failed(setOutput(node, 2, inverse))))
    return failure();
  return setOutput(node, 0, result);
}

static LogicalResult importRmsNormalization(NodeImporter &node) {
  float epsilon = node.floatAttribute("epsilon", 1e-5f);
  Type computed = getStashType(node);
  Term x = realInput(node, 0);
  if (!x || !computed)
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(-1, x.rank(), x.rank() - 1);
  if (failed(axis))
    return failure();
  return setOutput(node, 0, rmsNorm(x, input(node, 1), *axis, epsilon, computed));
}

static LogicalResult importLpNormalization(NodeImporter &node) {
  int64_t p = node.intAttribute("p", 2);
  Term x = realInput(node, 0);
  if (!x)
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(-1, x.rank(), x.rank() - 1);
  if (failed(axis))
    return failure();
  if (p != 1 && p != 2)
    return node.fail("'p' is {0}, needed 1 or 2", p);
  Term norm = p == 1 ? reduce(apply<AbsOp>(x), ReduceKind::Sum, *axis, true)
                     : apply<SqrtOp>(reduce(x * x, ReduceKind::Sum, *axis, true));
  // Rows of zeros stay.
  return setOutput(node, 0, x / select(test<EqualOp>(norm, constant(norm, 0)), constant(norm, 1), norm));
}

/// Divides by the squares of neighbouring channels.
static LogicalResult importLrn(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 1e-4f), beta = node.floatAttribute("beta", 0.75f);
  float bias = node.floatAttribute("bias", 1);
  int64_t size = node.intAttribute("size", 0);
  Term x = realInput(node, 0);
  if (!x)
    return failure();
  if (size < 1 || size > 4096 || x.rank() < 2)
    return node.fail("'size' is {0} and the input has rank {1}, needed 1 to 4096 and at least 2", size, x.rank());
  Term squares = x * x;
  SmallVector<AffineExpr> low(x.rank(), node.constantSize(0)), sizes(x.dims());
  low[1] = node.constantSize((size - 1) / 2);
  sizes[1] = sizes[1] + (size - 1);
  Term padded = pad(squares, constant(x, 0), "constant", low, sizes), sum;
  for (int64_t i = 0; i < size && padded; ++i) {
    Term shifted = slice(padded, 1, node.constantSize(i), x.dim(1));
    sum = i == 0 ? shifted : sum + shifted;
  }
  return setOutput(node, 0, x / apply<PowOp>(sum * (double(alpha) / size) + bias, constant(x, beta)));
}

static LogicalResult importMeanVarianceNormalization(NodeImporter &node) {
  SmallVector<int64_t> axes(node.intsAttribute("axes").value_or(ArrayRef<int64_t>({0, 2, 3})));
  Term x = realInput(node, 0);
  if (!x)
    return failure();
  FailureOr<SmallVector<int64_t>> sorted = node.normalizeAxes(axes, x.rank());
  if (failed(sorted))
    return failure();
  Term shifted = x - reduce(x, ReduceKind::Mean, *sorted, true);
  Term spread = apply<SqrtOp>(reduce(shifted * shifted, ReduceKind::Mean, *sorted, true));
  return setOutput(node, 0, shifted / (spread + 1e-9));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "BatchNormalization", 1, NewestOpset, "before opset 14 inference", importBatchNormalization},
    {"", "GroupNormalization", 18, NewestOpset, "", importGroupNormalization},
    {"", "InstanceNormalization", 6, NewestOpset, "", importInstanceNormalization},
    {"", "LRN", 1, NewestOpset, "", importLrn},
    {"", "LayerNormalization", 17, NewestOpset, "", importLayerNormalization},
    {"", "LpNormalization", 1, NewestOpset, "", importLpNormalization},
    {"", "MeanVarianceNormalization", 9, NewestOpset, "", importMeanVarianceNormalization},
    {"", "RMSNormalization", 23, NewestOpset, "", importRmsNormalization},
    {"", "SimplifiedLayerNormalization", 1, NewestOpset, "", importRmsNormalization}, // onnxruntime's, in this domain
};

llvm::ArrayRef<Operator> lathe::onnx::normalizationOperators() { return Operators; }
