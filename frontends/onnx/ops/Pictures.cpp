// Pictures sampled between their elements.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/DataSizes.h"
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

/// How much larger or smaller a picture becomes, and the sizes that it then has.
struct ResizeParameters {
  Term scales; ///< f32, one for each dimension
  SizeList sizes;
};

} // namespace

static SizeList sizesAlong(const Term &x, ArrayRef<int64_t> axes) {
  return llvm::map_to_vector(axes, [&](int64_t axis) { return x.dim(axis); });
}

/// Numbers for `axes` in a list with 1 for the other dimensions.
static Term spread(const Term &numbers, ArrayRef<int64_t> axes, int64_t rank) {
  if (!numbers || llvm::equal(axes, llvm::seq<int64_t>(0, rank)))
    return numbers;
  NodeImporter &node = *numbers.node;
  Term ones = constant(node, numbers.type(), SmallVector<double>(rank, 1), rank);
  return placeAtAxes(ones, listOf(node, axes), numbers);
}

static ResizeParameters makeParameters(const Term &x, ArrayRef<int64_t> axes, const Term &scales,
                                       const SizeList &sizes) {
  ResizeParameters parameters{spread(scales, axes, x.rank()), SizeList(x.dims())};
  for (auto [axis, size] : llvm::zip_equal(axes, sizes))
    parameters.sizes[axis] = size;
  return parameters;
}

/// Sizes that known scales give, rounded down; nothing where the program must compute one.
static FailureOr<std::optional<SizeList>> scaleSizes(NodeImporter &node, ArrayRef<AffineExpr> dims,
                                                     ArrayRef<double> scales) {
  SizeList sizes;
  for (auto [dim, scale] : llvm::zip_equal(dims, scales)) {
    if (!(scale > 0) || scale > 65536)
      return node.fail("a scale is {0}, needed more than 0 and at most 65536", scale);
    if (auto number = dyn_cast<AffineConstantExpr>(dim))
      sizes.push_back(node.constantSize(int64_t(std::floor(double(number.getValue()) * scale))));
    else if (scale == std::floor(scale))
      sizes.push_back(dim * int64_t(scale));
    else
      return std::optional<SizeList>();
  }
  return std::optional(sizes);
}

/// `input` is that of the scales, or 0 where they are an attribute.
static FailureOr<ResizeParameters> getScaled(NodeImporter &node, const Term &x, ArrayRef<int64_t> axes, size_t input) {
  SizeList dims = sizesAlong(x, axes);
  auto count = int64_t(axes.size());
  Type narrow = node.builder().getF32Type(), wide = node.builder().getF64Type();
  const KnownTensor *known = input > 0 ? node.knownInput(input) : nullptr;
  FailureOr<SmallVector<double>> given = SmallVector<double>();
  if (input == 0)
    for (float scale : node.floatsAttribute("scales").value_or(ArrayRef<float>()))
      given->push_back(scale);
  else if (known && known->isConstant())
    given = node.constantNumbers(input);
  bool isData = input > 0 && !(known && known->isConstant());
  Term scales =
      isData ? cast(lathe::onnx::input(node, input), narrow) : constant(node, narrow, *given, int64_t(given->size()));
  if (!scales)
    return failure();
  if (scales.rank() != 1 || scales.size(0) != count)
    return node.fail("has scales of shape {0} for {1} dimensions", node.print(scales.dims()), count);
  FailureOr<std::optional<SizeList>> sizes = std::optional<SizeList>();
  if (!isData)
    sizes = scaleSizes(node, dims, *given);
  if (failed(sizes))
    return failure();
  if (!*sizes) {
    Term scaled = apply<FloorOp>(cast(listOf(node, ArrayRef<AffineExpr>(dims)), wide) * cast(scales, wide));
    FailureOr<SizeList> read = readList(cast(scaled, node.builder().getI64Type()), AnyDataSize, "scaled");
    if (failed(read))
      return failure();
    *sizes = *read;
  }
  return makeParameters(x, axes, scales, **sizes);
}

/// The scales that sizes give. Where 'keep_aspect_ratio_policy' says so one scale, the least or the largest, is that of
/// all axes.
static FailureOr<ResizeParameters> getSized(NodeImporter &node, const Term &x, ArrayRef<int64_t> axes,
                                            StringRef policy) {
  auto count = int64_t(axes.size());
  Type wide = node.builder().getF64Type();
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
    return node.fail("'keep_aspect_ratio_policy' is '{0}', needed stretch, not_larger or not_smaller", policy);
  Term given = listInput(node, 3);
  if (!given)
    return failure();
  if (*given.size(0) != count)
    return node.fail("has {0} sizes for {1} dimensions", *given.size(0), count);
  Term dims = cast(listOf(node, ArrayRef<AffineExpr>(sizesAlong(x, axes))), wide), scales = cast(given, wide) / dims;
  FailureOr<SizeList> sizes = failure();
  if (policy == "stretch") {
    sizes = node.sizesInput(3, AnyDataSize);
  } else {
    Term one = fold(scales, policy == "not_larger" ? ReduceKind::Min : ReduceKind::Max);
    scales = one ? expand(one, node.constantSize(count)) : one;
    sizes = readList(cast(apply<FloorOp>(scales * dims + 0.5), given.type()), AnyDataSize, node.inputName(3));
  }
  if (failed(sizes))
    return failure();
  return makeParameters(x, axes, cast(scales, node.builder().getF32Type()), *sizes);
}

static FailureOr<ResizeParameters> getResizeParameters(NodeImporter &node, const Term &x, ArrayRef<int64_t> axes) {
  if (node.opset() < 9)
    return getScaled(node, x, axes, 0);
  size_t scalesInput = node.opset() < 11 ? 1 : 2;
  StringRef policy = node.opset() >= 18 ? node.stringAttribute("keep_aspect_ratio_policy", "stretch") : "stretch";
  FailureOr<DimList> scaleDims = DimList{node.constantSize(0)};
  if (node.hasInput(scalesInput))
    scaleDims = node.inputDims(scalesInput);
  if (failed(scaleDims))
    return failure();
  bool hasScales = *scaleDims != DimList{node.constantSize(0)};
  return hasScales ? getScaled(node, x, axes, scalesInput) : getSized(node, x, axes, policy);
}

/// Starts and ends of the part that tf_crop_and_resize takes: those of all dimensions, 0 and 1 where none is given.
static Term getRoi(NodeImporter &node, const Term &x, ArrayRef<int64_t> axes) {
  SmallVector<double> all(2 * x.rank(), 0);
  std::fill(all.begin() + x.rank(), all.end(), 1);
  if (node.opset() >= 11 && node.hasInput(1) &&
      node.stringAttribute("coordinate_transformation_mode", "") == "tf_crop_and_resize") {
    Term given = cast(input(node, 1), node.builder().getF32Type());
    if (given && (given.rank() != 1 || given.size(0) != int64_t(2 * axes.size()))) {
      (void)node.fail("roi has shape {0}, needed two numbers for each of {1} dimensions", node.print(given.dims()),
                      axes.size());
      return Term();
    }
    SmallVector<int64_t> places(axes);
    for (int64_t axis : axes)
      places.push_back(x.rank() + axis);
    return placeAtAxes(constant(node, node.builder().getF32Type(), all, int64_t(all.size())), listOf(node, places),
                       given);
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
  Term scales = parameters->scales;
  if (!scales)
    return failure();
  auto [from, maps] = node.mapSizes({x.value, scales.value, roi.value}, ArrayRef<AffineExpr>(parameters->sizes));
  return setOutput(node, 0,
                   Term(node, node.create<ResizeOp>(x.type(), x.value, scales.value, roi.value, from,
                                                    mode == "bilinear" ? StringRef("linear") : mode, coordinates,
                                                    nearest, llvm::APFloat(cubic), antialias, exclude,
                                                    llvm::APFloat(extrapolation), maps[0])));
}

static LogicalResult importRoiAlign(NodeImporter &node) {
  StringRef mode = node.stringAttribute("mode", "avg");
  int64_t height = node.intAttribute("output_height", 1), width = node.intAttribute("output_width", 1);
  int64_t samples = node.intAttribute("sampling_ratio", 0);
  float scale = node.floatAttribute("spatial_scale", 1);
  StringRef coordinates =
      node.opset() < 16 ? "output_half_pixel" : node.stringAttribute("coordinate_transformation_mode", "half_pixel");
  Term x = realInput(node, 0), rois = realInput(node, 1), batches = cast(input(node, 2), node.builder().getI64Type());
  if (!x || !rois || !batches)
    return failure();
  if (height < 1 || width < 1 || height > 65536 || width > 65536 || samples < 0 || samples > 65536 || x.rank() != 4)
    return node.fail(
        "the result is {0} x {1}, 'sampling_ratio' {2} and the rank {3}, needed 1 to 65536, at least 0 and 4", height,
        width, samples, x.rank());
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
    return node.fail("'coordinate_transformation_mode' is '{0}', needed half_pixel or output_half_pixel", coordinates);
  constexpr int64_t Any = ShapedType::kDynamic;
  return setOutput(
      node, 0,
      Term(node, node.createSized<RoiAlignOp>(RankedTensorType::get({Any, Any, height, width}, x.type()), x.value,
                                              rois.value, batches.value, mode == "avg" ? StringRef("average") : mode,
                                              samples, llvm::APFloat(scale), coordinates == "half_pixel")));
}

/// The places that an affine map of the places of a picture names: theta [N, D, D + 1] gives [N, d..., D].
static LogicalResult importAffineGrid(NodeImporter &node) {
  bool corners = node.intAttribute("align_corners", 0);
  Term theta = realInput(node, 0);
  FailureOr<SizeList> size = node.sizesInput(1, AnyDataSize);
  if (!theta || failed(size))
    return failure();
  auto rank = int64_t(size->size()) - 2;
  if (theta.rank() != 3 || rank < 1 || theta.size(1) != rank || theta.size(2) != rank + 1)
    return node.fail("theta has shape {0} and size {1} numbers, needed [N, D, D + 1] and D + 2",
                     node.print(theta.dims()), size->size());
  SizeList ones(rank + 2, node.constantSize(1)), column = ones;
  column[0] = theta.dim(0), column[rank + 1] = theta.dim(1);
  auto factor = [&](int64_t k) {
    Term part = slice(theta, 2, node.constantSize(k), node.constantSize(1));
    return part ? reshape(part, column) : part;
  };
  Term result = factor(rank);
  for (int64_t k = 0; k < rank; ++k) {
    // The last dimension of the picture is the first coordinate.
    SizeList along = ones;
    along[rank - k] = (*size)[rank + 1 - k];
    Term places = iota(node, theta.type(), along, rank - k);
    Term count = places ? sizeOf(places, (*size)[rank + 1 - k], theta.type()) : places;
    Term place = corners ? places * 2.0 / apply<MaximumOp>(count - 1.0, constant(theta, 1)) - 1.0
                         : (places * 2.0 + 1.0) / count - 1.0;
    result = result + factor(k) * place;
  }
  return setOutput(node, 0, result);
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "AffineGrid", 20, NewestOpset, "", importAffineGrid},
    {"", "GridSample", 16, NewestOpset, "", importGridSample},
    {"", "Resize", 10, NewestOpset, "", importResize},
    {"", "RoiAlign", 10, NewestOpset, "", importRoiAlign},
    {"", "Upsample", 7, 9, "", importResize},
};

llvm::ArrayRef<Operator> lathe::onnx::pictureOperators() { return Operators; }
