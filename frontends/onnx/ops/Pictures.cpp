// Pictures sampled between their elements.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/Terms.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// The words of opset 16 became those of 20.
static StringRef getSampleMode(NodeImporter &node) {
  StringRef mode = node.stringAttribute("mode", node.opset() < 20 ? "bilinear" : "linear");
  return mode == "bilinear" ? "linear" : mode == "bicubic" ? "cubic" : mode;
}

static LogicalResult importGridSample(NodeImporter &node) {
  StringRef mode = getSampleMode(node), padding = node.stringAttribute("padding_mode", "zeros");
  bool corners = node.intAttribute("align_corners", 0);
  Term x = realInput(node, 0), grid = realInput(node, 1);
  if (!x || !grid)
    return failure();
  return setOutput(node, 0,
                   Term(node, node.create<GridSampleOp>(x.type(), x.value, grid.value, mode, padding, corners)));
}

namespace {

struct ResizeParameters {
  SmallVector<double> scales; ///< one for each dimension
  SmallVector<AffineExpr> sizes;
};

} // namespace

/// How 'sizes' become scales where 'keep_aspect_ratio_policy' asks for one scale of all axes.
static LogicalResult keepAspectRatio(NodeImporter &node, const Term &x, ArrayRef<int64_t> axes, ArrayRef<int64_t> sizes,
                                     StringRef policy, ResizeParameters &parameters) {
  double scale = policy == "not_larger" ? HUGE_VAL : 0;
  for (auto [axis, size] : llvm::zip_equal(axes, sizes)) {
    double each = double(size) / double(*x.size(axis));
    scale = policy == "not_larger" ? std::min(scale, each) : std::max(scale, each);
  }
  for (int64_t axis : axes) {
    parameters.scales[axis] = scale;
    parameters.sizes[axis] = node.constantSize(int64_t(std::floor(scale * double(*x.size(axis)) + 0.5)));
  }
  return success();
}

static FailureOr<ResizeParameters> getResizeParameters(NodeImporter &node, const Term &x, ArrayRef<int64_t> axes) {
  size_t scalesInput = node.opset() < 11 ? 1 : 2;
  StringRef policy = node.opset() >= 18 ? node.stringAttribute("keep_aspect_ratio_policy", "stretch") : "stretch";
  ResizeParameters parameters{SmallVector<double>(x.rank(), 1), SmallVector<AffineExpr>(x.dims())};
  for (int64_t axis : axes)
    if (!x.size(axis))
      return node.fail("dimension {0} is {1}, needed a number; give it with --shape", axis, node.print(x.dim(axis)));
  const KnownTensor *scales = node.knownInput(scalesInput);
  bool hasScales = node.hasInput(scalesInput) && !(scales && scales->elements.empty());
  if (hasScales) {
    FailureOr<SmallVector<double>> given = node.constantNumbers(scalesInput);
    if (failed(given))
      return failure();
    if (given->size() != axes.size())
      return node.fail("has {0} scales for {1} dimensions", given->size(), axes.size());
    for (auto [axis, scale] : llvm::zip_equal(axes, *given)) {
      if (!(scale > 0) || scale > 65536)
        return node.fail("a scale is {0}, needed more than 0 and at most 65536", scale);
      parameters.scales[axis] = scale;
      parameters.sizes[axis] = node.constantSize(int64_t(std::floor(double(*x.size(axis)) * scale)));
    }
    return parameters;
  }
  FailureOr<SmallVector<int64_t>> sizes = node.constantInts(3);
  if (failed(sizes))
    return failure();
  if (sizes->size() != axes.size())
    return node.fail("has {0} sizes for {1} dimensions", sizes->size(), axes.size());
  if (policy == "not_larger" || policy == "not_smaller") {
    if (failed(keepAspectRatio(node, x, axes, *sizes, policy, parameters)))
      return failure();
    return parameters;
  }
  if (policy != "stretch")
    return node.fail("'keep_aspect_ratio_policy' is '{0}', needed stretch, not_larger or not_smaller", policy);
  for (auto [axis, size] : llvm::zip_equal(axes, *sizes)) {
    parameters.scales[axis] = double(size) / double(*x.size(axis));
    parameters.sizes[axis] = node.constantSize(size);
  }
  return parameters;
}

/// Starts and ends of the part that tf_crop_and_resize takes: those of all dimensions, 0 and 1 where none is given.
static Term getRoi(NodeImporter &node, const Term &x, ArrayRef<int64_t> axes) {
  SmallVector<double> all(2 * x.rank(), 0);
  std::fill(all.begin() + x.rank(), all.end(), 1);
  if (node.opset() >= 11 && node.hasInput(1) &&
      node.stringAttribute("coordinate_transformation_mode", "") == "tf_crop_and_resize") {
    FailureOr<SmallVector<double>> given = node.constantNumbers(1);
    if (failed(given))
      return Term();
    if (given->size() != 2 * axes.size()) {
      (void)node.fail("roi has {0} numbers, needed two for each of {1} dimensions", given->size(), axes.size());
      return Term();
    }
    for (auto [i, axis] : llvm::enumerate(axes)) {
      all[axis] = (*given)[i];
      all[x.rank() + axis] = (*given)[axes.size() + i];
    }
  }
  return constant(node, node.builder().getF32Type(), all, int64_t(all.size()));
}

static LogicalResult importResize(NodeImporter &node) {
  bool isOld = node.opset() < 11, isNew = node.opset() >= 18;
  StringRef mode = node.stringAttribute("mode", "nearest");
  StringRef coordinates = isOld ? "asymmetric" : node.stringAttribute("coordinate_transformation_mode", "half_pixel");
  StringRef nearest = isOld ? "floor" : node.stringAttribute("nearest_mode", "round_prefer_floor");
  float cubic = isOld ? -0.75f : node.floatAttribute("cubic_coeff_a", -0.75f);
  bool exclude = !isOld && node.intAttribute("exclude_outside", 0);
  float extrapolation = isOld ? 0 : node.floatAttribute("extrapolation_value", 0);
  bool antialias = isNew && node.intAttribute("antialias", 0);
  Term x = input(node, 0);
  if (!x)
    return failure();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
  if (std::optional<ArrayRef<int64_t>> given = isNew ? node.intsAttribute("axes") : std::nullopt) {
    if (failed(node.normalizeAxes(*given, x.rank())))
      return failure();
    axes.assign(given->begin(), given->end());
    for (int64_t &axis : axes)
      axis = axis < 0 ? axis + x.rank() : axis;
  }
  FailureOr<ResizeParameters> parameters = getResizeParameters(node, x, axes);
  Term roi = getRoi(node, x, axes);
  if (failed(parameters) || !roi)
    return failure();
  Term scales = constant(node, node.builder().getF32Type(), parameters->scales, x.rank());
  if (!scales)
    return failure();
  SizeOperands from(node, {x.value, scales.value, roi.value}, parameters->sizes);
  return setOutput(node, 0,
                   Term(node, node.create<ResizeOp>(x.type(), x.value, scales.value, roi.value, from.from(),
                                                    mode == "bilinear" ? StringRef("linear") : mode, coordinates,
                                                    nearest, llvm::APFloat(cubic), antialias, exclude,
                                                    llvm::APFloat(extrapolation), from.map(parameters->sizes))));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "GridSample", 16, NewestOpset, "", importGridSample},
    {"", "Resize", 10, NewestOpset, "constant scales or sizes, fixed dimensions", importResize},
    {"", "Upsample", 9, 9, "constant scales, fixed dimensions", importResize},
};

llvm::ArrayRef<Operator> lathe::onnx::pictureOperators() { return Operators; }
