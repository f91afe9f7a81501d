// Operators on quantized integers of onnxruntime's domain com.microsoft: what its quantizer and its optimizer make of
// models where ONNX has no operator of its own. Products sum integers; most others dequantize what they read, compute
// in f32 and quantize the result.
#include "frontends/onnx/ops/QuantizedTerms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

//===- Elementwise and rows ---------------------------------------------------------------------------------------===//

/// The sum in steps of the output, as onnxruntime adds up: halves are frequent (1 + erf(x) in GELU), and which way they
/// are rounded depends on it.
static LogicalResult importQLinearAdd(NodeImporter &node) {
  Type f32 = node.builder().getF32Type();
  Codes a = readCodes(node, 0, 2), b = readCodes(node, 3, 5);
  Term scale = scaleInput(node, 6), zero = node.hasInput(7) ? input(node, 7) : constant(a.values, 0);
  if (!a.zero || !b.zero || !scale || !zero)
    return failure();
  Term ratioA = scaleInput(node, 1) / scale, ratioB = scaleInput(node, 4) / scale;
  Term fixed = cast(zero, f32) - (ratioA * cast(a.zero, f32) + ratioB * cast(b.zero, f32));
  Term sum = cast(b.values, f32) * ratioB + (cast(a.values, f32) * ratioA + fixed);
  return setOutput(node, 0, saturate(apply<RoundOp>(sum), Term(), zero.type()));
}

static LogicalResult importQLinearMul(NodeImporter &node) {
  return quantizeOutput(node, dequantizeInput(node, 0) * dequantizeInput(node, 3), 6);
}

static LogicalResult importQLinearSigmoid(NodeImporter &node) {
  return quantizeOutput(node, apply<SigmoidOp>(dequantizeInput(node, 0)), 3);
}

static LogicalResult importQLinearLeakyRelu(NodeImporter &node) {
  double alpha = node.floatAttribute("alpha", 0.01f);
  Term x = dequantizeInput(node, 0);
  return quantizeOutput(node, select(test<LessOp>(x, constant(x, 0)), x * alpha, x), 3);
}

/// 'opset' is the version of Softmax: until 12 it ran over all dimensions from 'axis' on.
static LogicalResult importQLinearSoftmax(NodeImporter &node) {
  Term x = dequantizeInput(node, 0);
  int64_t opset = node.intAttribute("opset", 0);
  if (!x)
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(-1, x.rank(), x.rank() - 1);
  if (failed(axis))
    return failure();
  if (opset < 13 && *axis != x.rank() - 1)
    return node.fail("'opset' is {0} and 'axis' {1}, needed 13 or the last dimension", opset, *axis);
  return quantizeOutput(node, softmax(x, *axis), 3);
}

/// Inputs: scale and zero of the output, then codes, scale and zero of each part.
static LogicalResult importQLinearConcat(NodeImporter &node) {
  if (node.numInputs() < 5 || node.numInputs() % 3 != 2)
    return node.fail("has {0} inputs, needed 2 and then 3 for each part", node.numInputs());
  SmallVector<Term> parts;
  for (size_t index = 2; index < node.numInputs(); index += 3)
    if (parts.push_back(dequantizeInput(node, index)); !parts.back())
      return failure();
  FailureOr<int64_t> axis = node.axisAttribute(0, parts[0].rank(), parts[0].rank() - 1);
  return failed(axis) ? failure() : quantizeOutput(node, concat(parts, *axis), 0);
}

static LogicalResult importQLinearWhere(NodeImporter &node) {
  return quantizeOutput(node, select(input(node, 0), dequantizeInput(node, 1), dequantizeInput(node, 4)), 7);
}

//===- Windows ----------------------------------------------------------------------------------------------------===//

/// Images [N, C, ...] whose channels were last.
static Term moveChannelsFirst(const Term &x) {
  SmallVector<int64_t> permutation = {0, x.rank() - 1};
  llvm::append_range(permutation, llvm::seq<int64_t>(1, std::max<int64_t>(1, x.rank() - 1)));
  return x && x.rank() > 2 ? transpose(x, permutation) : x;
}

static Term moveChannelsLast(const Term &x) {
  SmallVector<int64_t> permutation = {0};
  llvm::append_range(permutation, llvm::seq<int64_t>(2, std::max<int64_t>(2, x.rank())));
  permutation.push_back(1);
  return x && x.rank() > 2 ? transpose(x, permutation) : x;
}

static LogicalResult importQLinearConv(NodeImporter &node) {
  bool last = node.intAttribute("channels_last", 0);
  Codes image = readCodes(node, 0, 2), filter = readCodes(node, 3, 5);
  image.values = last ? moveChannelsFirst(image.values) : image.values;
  Term result = requantizeConvolution(node, image, filter);
  return setOutput(node, 0, last ? moveChannelsLast(result) : result);
}

/// Pooling of dequantized images, wherever their channels are.
template <typename Pool> static LogicalResult importPool(NodeImporter &node, Pool pool) {
  bool last = node.intAttribute("channels_last", 0);
  Term x = dequantizeInput(node, 0);
  Term pooled = pool(last ? moveChannelsFirst(x) : x);
  return quantizeOutput(node, last ? moveChannelsLast(pooled) : pooled, 3);
}

static LogicalResult importQLinearAveragePool(NodeImporter &node) {
  return importPool(node, [](const Term &x) { return averagePool(x, 11); });
}

static LogicalResult importQLinearGlobalAveragePool(NodeImporter &node) {
  return importPool(node, [](const Term &x) {
    SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, std::max<int64_t>(2, x.rank())));
    return reduce(x, ReduceKind::Mean, axes, /*keep=*/true);
  });
}

//===- Products ---------------------------------------------------------------------------------------------------===//

/// Input 0 times input 3, both of rank 2, with input 6, C, added to the sums.
static LogicalResult importQGemm(NodeImporter &node) {
  if (float alpha = node.floatAttribute("alpha", 1); alpha != 1)
    return node.fail("'alpha' is {0}, only 1 is supported", alpha);
  bool transposeLhs = node.intAttribute("transA", 0), transposeRhs = node.intAttribute("transB", 0);
  Codes a = readCodes(node, 0, 2), b = readCodes(node, 3, 5);
  if (!a.values || !b.values)
    return failure();
  if (a.values.rank() != 2 || b.values.rank() != 2)
    return node.fail("'A' and 'B' have ranks {0} and {1}, needed 2", a.values.rank(), b.values.rank());
  a.values = transposeLhs ? exchange(a.values, 0, 1) : a.values;
  b.values = transposeRhs ? exchange(b.values, 0, 1) : b.values;
  Term sums = multiplyCodes(a, b), factor = scaleInput(node, 1) * scaleInput(node, 4);
  if (node.hasInput(6))
    sums = sums + input(node, 6);
  if (node.hasInput(7))
    return setOutput(node, 0, requantize(sums, factor, 7));
  return setOutput(node, 0, cast(sums, node.builder().getF32Type()) * factor);
}

/// Sums as f32, `bias` the index of what is added.
static LogicalResult setProduct(NodeImporter &node, const Term &sums, const Term &factor, size_t bias) {
  Term product = cast(sums, node.builder().getF32Type()) * factor;
  return setOutput(node, 0, node.hasInput(bias) ? product + input(node, bias) : product);
}

static LogicalResult importMatMulIntegerToFloat(NodeImporter &node) {
  Codes a = readCodes(node, 0, 4), b = readCodes(node, 1, 5);
  return setProduct(node, multiplyCodes(a, b), scaleInput(node, 2) * scaleInput(node, 3), 6);
}

static LogicalResult importDynamicQuantizeMatMul(NodeImporter &node) {
  DynamicCodes a = quantizeDynamically(realInput(node, 0));
  return setProduct(node, multiplyCodes(a.codes, readCodes(node, 1, 3)), a.scale * scaleInput(node, 2), 4);
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"com.microsoft", "DynamicQuantizeMatMul", 1, NewestOpset, "", importDynamicQuantizeMatMul},
    {"com.microsoft", "MatMulIntegerToFloat", 1, NewestOpset, "", importMatMulIntegerToFloat},
    {"com.microsoft", "QGemm", 1, NewestOpset, "alpha 1", importQGemm},
    {"com.microsoft", "QLinearAdd", 1, NewestOpset, "", importQLinearAdd},
    {"com.microsoft", "QLinearAveragePool", 1, NewestOpset, "", importQLinearAveragePool},
    {"com.microsoft", "QLinearConcat", 1, NewestOpset, "", importQLinearConcat},
    {"com.microsoft", "QLinearConv", 1, NewestOpset, "", importQLinearConv},
    {"com.microsoft", "QLinearGlobalAveragePool", 1, NewestOpset, "", importQLinearGlobalAveragePool},
    {"com.microsoft", "QLinearLeakyRelu", 1, NewestOpset, "", importQLinearLeakyRelu},
    {"com.microsoft", "QLinearMul", 1, NewestOpset, "", importQLinearMul},
    {"com.microsoft", "QLinearSigmoid", 1, NewestOpset, "", importQLinearSigmoid},
    {"com.microsoft", "QLinearSoftmax", 1, NewestOpset, "until opset 12 over the last dimension", importQLinearSoftmax},
    {"com.microsoft", "QLinearWhere", 1, NewestOpset, "", importQLinearWhere},
};

llvm::ArrayRef<Operator> lathe::onnx::microsoftQuantizationOperators() { return Operators; }
