// Operators that undo windows, or bend them: Col2Im, MaxUnpool, DeformConv.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/DataSizes.h"
#include "frontends/onnx/ops/WindowAttributes.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static AffineExpr multiply(NodeImporter &node, ArrayRef<AffineExpr> sizes) {
  AffineExpr product = node.constantSize(1);
  for (AffineExpr size : sizes)
    product = product * size;
  return product;
}

namespace {

/// Blocks of an image of any number of dimensions, with a place for each element of each block.
struct Blocks {
  SizeList image, block, count; ///< sizes of the image and of a block, and how many blocks stand along each dimension
  SmallVector<int64_t> strides, dilations, low, high;
};

} // namespace

static FailureOr<Blocks> getBlocks(NodeImporter &node, const Term &x) {
  FailureOr<DimList> shape = node.inputDims(1);
  if (failed(shape))
    return failure();
  if (x.rank() != 3 || shape->size() != 1 || !isa<AffineConstantExpr>((*shape)[0]))
    return node.fail("input has rank {0} and the list of sizes {1}, needed 3 and a list of a fixed length", x.rank(),
                     shape->size());
  size_t rank = cast<AffineConstantExpr>((*shape)[0]).getValue();
  FailureOr<SmallVector<int64_t>> strides = getPositive(node, "strides", rank, std::nullopt),
                                  dilations = getPositive(node, "dilations", rank, std::nullopt);
  SmallVector<int64_t> pads(node.intsAttribute("pads").value_or(SmallVector<int64_t>(2 * rank, 0)));
  if (failed(strides) || failed(dilations))
    return failure();
  if (pads.size() != 2 * rank || rank == 0)
    return node.fail("'pads' has {0} numbers for {1} dimensions, needed two for each", pads.size(), rank);
  // A block has no more elements than there are channels, and an image no more blocks than the input.
  int64_t most = largestOf(node, x.dim(1)), extent = 0;
  for (auto [stride, dilation] : llvm::zip_equal(*strides, *dilations))
    extent = std::max(extent, largestOf(node, x.dim(2)) * stride + (most - 1) * dilation + 1);
  FailureOr<SizeList> image = node.sizesInput(1, {0, std::min(extent, MaximumDataSize)}),
                      block = node.sizesInput(2, {1, std::max<int64_t>(most, 1)});
  if (failed(image) || failed(block))
    return failure();
  if (block->size() != rank)
    return node.fail("has {0} sizes of the image and {1} of a block, needed as many", rank, block->size());
  Blocks blocks{*image, *block, {}, *strides, *dilations, {}, {}};
  blocks.low.assign(pads.begin(), pads.begin() + rank);
  blocks.high.assign(pads.begin() + rank, pads.end());
  for (size_t d = 0; d < rank; ++d) {
    AffineExpr room =
        blocks.image[d] + (blocks.low[d] + blocks.high[d] - 1) - (blocks.block[d] - 1) * blocks.dilations[d];
    blocks.count.push_back(room.floorDiv(blocks.strides[d]) + 1);
  }
  return blocks;
}

/// Where each element of each block lies in the image, of shape [block..., count...]; one behind the last place for
/// those that lie outside.
static Term placesOf(NodeImporter &node, const Blocks &blocks) {
  size_t rank = blocks.image.size();
  Type i64 = node.builder().getI64Type();
  Term places, inside;
  for (size_t d = 0; d < rank; ++d) {
    SizeList ones(2 * rank, node.constantSize(1)), within = ones, along = ones;
    within[d] = blocks.block[d];
    along[rank + d] = blocks.count[d];
    Term at = iota(node, i64, within, d) * double(blocks.dilations[d]) +
              iota(node, i64, along, rank + d) * double(blocks.strides[d]) - double(blocks.low[d]);
    Term size = sizeOf(at, blocks.image[d], i64);
    Term exists = apply<AndOp>(test<LessEqualOp>(constant(at, 0), at), test<LessOp>(at, size));
    places = d == 0 ? at : places * size + at;
    inside = d == 0 ? exists : apply<AndOp>(inside, exists);
  }
  return select(inside, places, sizeOf(places, multiply(node, blocks.image), i64));
}

/// Blocks [N, C * block, count] added up where they lie in images [N, C, image...].
static LogicalResult importCol2Im(NodeImporter &node) {
  Term x = input(node, 0);
  FailureOr<Blocks> blocks = x ? getBlocks(node, x) : FailureOr<Blocks>(failure());
  if (failed(blocks))
    return failure();
  AffineExpr elements = multiply(node, blocks->block), number = multiply(node, blocks->count),
             whole = multiply(node, blocks->image), one = node.constantSize(1);
  AffineExpr channels = divideDimExactly(x.dim(1), elements);
  if (!channels) {
    // Where the division leaves a rest, or blocks are missing, the reshape of `x` ends the call.
    FailureOr<SizeList> read =
        readList(listOf(node, x.dim(1)) / listOf(node, elements), DimRange(0, largestOf(node, x.dim(1))), "channels");
    if (failed(read))
      return failure();
    channels = (*read)[0];
  }
  Term places = placesOf(node, *blocks);
  if (!places)
    return failure();
  AffineExpr rows = x.dim(0) * channels, width = elements * number;
  Term flat(node, node.reshapeToSizes(places.value, {one, width}));
  flat = flat ? expand(flat, {rows, width}) : flat;
  Term updates(node, node.reshapeToSizes(x.value, {rows, width}));
  Term empty = expand(constant(x, 0), {rows, whole + 1});
  if (!flat || !updates || !empty)
    return failure();
  Term sums(node,
            node.create<ScatterElementsOp>(x.type(), empty.value, flat.value, updates.value, StringRef("add"), 1));
  Term images = sums ? slice(sums, 1, node.constantSize(0), whole) : sums;
  if (!images)
    return failure();
  SizeList shape = {x.dim(0), channels};
  shape.append(blocks->image);
  return setOutput(node, 0, Term(node, node.reshapeToSizes(images.value, shape)));
}

/// Values at the places that MaxPool took them from, zero elsewhere; behind that as many zeros as 'output_shape' asks.
static LogicalResult importMaxUnpool(NodeImporter &node) {
  Term x = input(node, 0), indices = input(node, 1);
  if (!x || !indices)
    return failure();
  int64_t rank = x.rank() - 2;
  if (rank < 1)
    return node.fail("input has rank {0}, needed at least 3", x.rank());
  FailureOr<SmallVector<int64_t>> kernel = getPositive(node, "kernel_shape", rank, std::nullopt),
                                  strides = getPositive(node, "strides", rank, std::nullopt);
  SmallVector<int64_t> pads(node.intsAttribute("pads").value_or(SmallVector<int64_t>(2 * rank, 0)));
  if (failed(kernel) || failed(strides))
    return failure();
  if (int64_t(pads.size()) != 2 * rank)
    return node.fail("'pads' has {0} numbers, needed {1}", pads.size(), 2 * rank);
  SizeList sizes = {x.dim(0), x.dim(1)};
  for (int64_t d = 0; d < rank; ++d)
    sizes.push_back((x.dim(d + 2) - 1) * (*strides)[d] + ((*kernel)[d] - pads[d] - pads[rank + d]));
  Term empty = expand(constant(x, 0), multiply(node, sizes));
  Term flat = reshape(x, ArrayRef<int64_t>(-1)), places = reshape(indices, ArrayRef<int64_t>(-1));
  if (!empty || !flat || !places)
    return failure();
  Term filled(node,
              node.create<ScatterElementsOp>(x.type(), empty.value, places.value, flat.value, StringRef("none"), 0));
  Term result = filled ? reshape(filled, sizes) : filled;
  if (!result || !node.hasInput(2))
    return setOutput(node, 0, result);
  FailureOr<SizeList> asked = node.sizesInput(2, AnyDataSize);
  if (failed(asked))
    return failure();
  if (int64_t(asked->size()) != x.rank())
    return node.fail("'output_shape' has {0} sizes, needed {1}", asked->size(), x.rank());
  SizeList low(x.rank(), node.constantSize(0));
  return setOutput(node, 0, pad(result, constant(x, 0), "constant", low, *asked));
}

namespace {

/// A convolution whose elements are read at places moved by offsets.
struct Deformation {
  Term x, filter, offsets, mask; ///< mask is empty where there is none
  WindowAttributes windows;
  int64_t groups = 1;
};

} // namespace

/// Coordinate `d` of the places that are read, [N, K, oh, ow], scaled so that -1 and 1 are the edges of the image. In
/// f64, so that the scaling moves none.
static Term getCoordinate(const Deformation &bent, const Term &offsets, int64_t d) {
  NodeImporter &node = *bent.x.node;
  Type type = node.builder().getF64Type();
  const WindowAttributes &windows = bent.windows;
  SmallVector<double> within;
  for (int64_t y = 0; y < windows.size[0]; ++y)
    for (int64_t x = 0; x < windows.size[1]; ++x)
      within.push_back(double((d == 0 ? y : x) * windows.dilations[d] - windows.low[d]));
  SizeList ones(4, node.constantSize(1)), along = ones;
  along[2 + d] = bent.offsets.dim(2 + d);
  Term places = iota(node, type, along, 2 + d) * double(windows.strides[d]) +
                constant(node, type, within, {1, int64_t(within.size()), 1, 1});
  // [N, K, 2, oh, ow]: the vertical offset comes first.
  Term moved = cast(slice(offsets, 2, node.constantSize(d), node.constantSize(1)), type);
  if (!moved)
    return moved;
  places = places + reshape(moved, {moved.dim(0), moved.dim(1), moved.dim(3), moved.dim(4)});
  return (places * 2.0 + 1.0) / sizeOf(places, bent.x.dim(2 + d), type) - 1.0;
}

/// The elements that the windows read from the channels of one group of offsets: [N, C / groups, K, oh, ow].
static Term readBent(const Deformation &bent, int64_t group) {
  NodeImporter &node = *bent.x.node;
  AffineExpr channels = divideDimExactly(bent.x.dim(1), node.constantSize(bent.groups));
  AffineExpr batch = bent.x.dim(0), height = bent.offsets.dim(2), width = bent.offsets.dim(3);
  int64_t count = bent.windows.size[0] * bent.windows.size[1];
  AffineExpr places = node.constantSize(count), one = node.constantSize(1);
  Term image = slice(bent.x, 1, channels * group, channels);
  Term offsets = reshape(slice(bent.offsets, 1, node.constantSize(2 * count * group), node.constantSize(2 * count)),
                         {batch, places, node.constantSize(2), height, width});
  Term grid = concat({unsqueeze(getCoordinate(bent, offsets, 1), 4), unsqueeze(getCoordinate(bent, offsets, 0), 4)}, 4);
  grid = grid ? reshape(grid, {batch, places * height, width, node.constantSize(2)}) : grid;
  if (!image || !grid)
    return Term();
  Term read(node, node.create<GridSampleOp>(bent.x.type(), image.value, grid.value, StringRef("linear"),
                                            StringRef("zeros"), /*align_corners=*/false));
  read = read ? reshape(read, {batch, channels, places, height, width}) : read;
  if (!bent.mask)
    return read;
  Term weights = slice(bent.mask, 1, node.constantSize(count * group), places);
  return weights ? read * reshape(weights, {batch, one, places, height, width}) : weights;
}

static LogicalResult importDeformConv(NodeImporter &node) {
  Deformation bent;
  int64_t filterGroups = node.intAttribute("group", 1);
  bent.groups = node.intAttribute("offset_group", 1);
  bent.x = realInput(node, 0), bent.filter = realInput(node, 1), bent.offsets = realInput(node, 2);
  if (!bent.x || !bent.filter || !bent.offsets)
    return failure();
  FailureOr<WindowAttributes> windows = getFilterWindows(node, bent.x, bent.filter);
  if (failed(windows))
    return failure();
  bent.windows = *windows;
  if (bent.x.rank() != 4 || bent.offsets.rank() != 4 || bent.groups < 1 ||
      !divideDimExactly(bent.x.dim(1), node.constantSize(bent.groups)))
    return node.fail(
        "input and offsets have ranks {0} and {1} and 'offset_group' is {2}, needed rank 4 and groups that "
        "divide the channels",
        bent.x.rank(), bent.offsets.rank(), bent.groups);
  if (node.hasInput(4) && !(bent.mask = realInput(node, 4)))
    return failure();
  SmallVector<Term> parts;
  for (int64_t group = 0; group < bent.groups; ++group)
    if (!parts.emplace_back(readBent(bent, group)))
      return failure();
  Term read = concat(parts, 1);
  if (!read)
    return failure();
  // Channels and places of a window together are the channels of a convolution of single elements.
  AffineExpr one = node.constantSize(1), places = read.dim(2);
  read = reshape(read, {read.dim(0), read.dim(1) * places, read.dim(3), read.dim(4)});
  Term filter = reshape(bent.filter, {bent.filter.dim(0), bent.filter.dim(1) * places, one, one});
  if (!read || !filter)
    return failure();
  WindowAttributes single{{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}};
  return setOutput(node, 0, addBias(convolve(read, filter, single, filterGroups), 3));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "Col2Im", 18, NewestOpset, "", importCol2Im},
    {"", "DeformConv", 19, NewestOpset, "two spatial dimensions, filters of fixed size", importDeformConv},
    {"", "MaxUnpool", 9, NewestOpset, "", importMaxUnpool},
};

llvm::ArrayRef<Operator> lathe::onnx::unfoldingOperators() { return Operators; }
