// Convolution and pooling of images, with channels first and last.
#include "compiler/targets/cuda/KernelPrinter.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

static void addWindows(TemplateUse &use, ArrayRef<int64_t> strides, ArrayRef<int64_t> pads,
                       ArrayRef<int64_t> dilations) {
  for (auto [name, value] : {std::pair{"StrideH", strides[0]},
                             {"StrideW", strides[1]},
                             {"PadTop", pads[0]},
                             {"PadLeft", pads[1]},
                             {"DilationH", dilations[0]},
                             {"DilationW", dilations[1]}})
    use.Params.push_back({name, std::to_string(value)});
}

FailureOr<TemplateUse> cuda::printConvolution(const LaunchBody &body, ConvOp op) {
  FailureOr<std::string> input = getElementType(op, op.getInput().getType()),
                         filter = getElementType(op, op.getFilter().getType()),
                         output = getElementType(op, body.getYielded()[0].getType()),
                         x = getParameter(body, op.getInput()), w = getParameter(body, op.getFilter());
  if (failed(input) || failed(filter) || failed(output) || failed(x) || failed(w))
    return failure();
  ArrayRef<AffineExpr> in = body.getDims(op.getInput()), kernel = body.getDims(op.getFilter()),
                       out = body.getDims(op.getResult());
  TemplateUse use;
  use.Header = "convolution.cuh";
  use.Type = llvm::formatv("Convolution<{0}, {1}, {2}>", *input, *filter, *output);
  use.Config = "one thread a result";
  use.Params = {{"X", *x}, {"Weights", *w}, {"Y", "p" + std::to_string(body.getOutputPort(0))}};
  auto add = [&](const char *name, const std::string &value) { use.Params.push_back({name, value}); };
  for (auto [name, size] : {std::pair{"N", in[0]},
                            {"C", in[1]},
                            {"H", in[2]},
                            {"W", in[3]},
                            {"O", out[1]},
                            {"KH", kernel[2]},
                            {"KW", kernel[3]},
                            {"OH", out[2]},
                            {"OW", out[3]}})
    add(name, printSize(size));
  add("Groups", std::to_string(op.getGroups()));
  addWindows(use, op.getStrides(), op.getPads(), op.getDilations());
  use.Tiles = LaunchBody::getProduct(out, op.getContext()).ceilDiv(256);
  if (failed(addEpilogue(body, /*split=*/2, use)))
    return failure();
  return use;
}

FailureOr<TemplateUse> cuda::printMaxPool(const LaunchBody &body, MaxPoolOp op) {
  FailureOr<std::string> input = getElementType(op, op.getInput().getType()),
                         output = getElementType(op, body.getYielded()[0].getType()),
                         x = getParameter(body, op.getInput());
  if (failed(input) || failed(output) || failed(x))
    return failure();
  ArrayRef<AffineExpr> in = body.getDims(op.getInput()), out = body.getDims(op.getResult());
  TemplateUse use;
  use.Header = "pooling.cuh";
  use.Type = llvm::formatv("Pooling<{0}, {1}, Pool::Max>", *input, *output);
  use.Config = "one thread a result";
  use.Params = {{"X", *x}, {"Y", "p" + std::to_string(body.getOutputPort(0))}};
  auto add = [&](const char *name, const std::string &value) { use.Params.push_back({name, value}); };
  add("Planes", printSize(out[0] * out[1]));
  add("H", printSize(in[2]));
  add("W", printSize(in[3]));
  add("KH", std::to_string(op.getWindow()[0]));
  add("KW", std::to_string(op.getWindow()[1]));
  add("OH", printSize(out[2]));
  add("OW", printSize(out[3]));
  ArrayRef<int64_t> strides = op.getStrides(), pads = op.getPads(), dilations = op.getDilations();
  for (auto [name, value] : {std::pair{"StrideH", strides[0]},
                             {"StrideW", strides[1]},
                             {"PadTop", pads[0]},
                             {"PadLeft", pads[1]},
                             {"PadBottom", pads[2]},
                             {"PadRight", pads[3]},
                             {"DilationH", dilations[0]},
                             {"DilationW", dilations[1]}})
    add(name, std::to_string(value));
  add("CountPads", "false");
  use.Tiles = LaunchBody::getProduct(out, op.getContext()).ceilDiv(256);
  if (failed(addEpilogue(body, /*split=*/2, use)))
    return failure();
  return use;
}

namespace {
/// A tile of convolution_tiles.cuh: M places x N filters.
struct ConvolutionTile {
  StringRef Name;
  int64_t M, N, Stages, Threads;
  int64_t count(int64_t rows, int64_t outputs) const {
    return llvm::divideCeil(rows, M) * llvm::divideCeil(outputs, N);
  }
};
} // namespace

// The template has the same numbers; a kernel that disagrees does not compile.
static constexpr ConvolutionTile LargeTile = {"ConvolutionLargeTile", 128, 128, 3, 256},
                                 TallTile = {"ConvolutionTallTile", 128, 64, 3, 256},
                                 MediumTile = {"ConvolutionMediumTile", 64, 64, 4, 128};

// A multiprocessor runs three blocks of the medium tile at once, and needs them: a step waits for memory longer than it
// multiplies. Larger tiles, of which it has fewer, win where there are many.
static constexpr int64_t ResidentBlocks = 3 * Multiprocessors;

static ConvolutionTile chooseTile(int64_t rows, int64_t outputs) {
  if (MediumTile.count(rows, outputs) < 2 * ResidentBlocks)
    return MediumTile;
  return outputs > TallTile.N ? LargeTile : TallTile;
}

/// Blocks of a cluster that share a tile where there are few: each has some steps along K left, or it waits for memory
/// alone.
static int64_t chooseSplit(int64_t tiles, int64_t steps) {
  constexpr int64_t MaxSplit = 8, MinSteps = 3;
  int64_t split = 1;
  while (split < MaxSplit && tiles * split * 2 <= ResidentBlocks + Multiprocessors / 4 && steps >= split * 2 * MinSteps)
    split *= 2;
  return split;
}

/// Fails with a diagnostic where places of the image do not fit the numbers that the templates keep of them.
static LogicalResult checkImage(const LaunchBody &body, Operation *op, ArrayRef<AffineExpr> image) {
  constexpr int64_t MaxSide = 1 << 13, MaxUnits = int64_t(1) << 31;
  for (AffineExpr side : image.slice(1, 2))
    if (body.getMax(side) >= MaxSide)
      return op->emitOpError() << "reads images of up to " << body.getMax(side)
                               << " places a side, but its CUDA kernel takes less than " << MaxSide
                               << "; give the dimension a smaller bound";
  int64_t channels = body.getMax(image[3]), unit = channels % 8 == 0 ? 8 : 1;
  if (body.getMax(LaunchBody::getProduct(image, op->getContext())) / unit >= MaxUnits)
    return op->emitOpError() << "reads images of more than " << MaxUnits * unit
                             << " elements, which its CUDA kernel cannot count; give the batch a smaller bound";
  return success();
}

FailureOr<TemplateUse> cuda::printTileConv(const LaunchBody &body, TileConvOp op) {
  FailureOr<std::string> element = getElementType(op, op.getInput().getType()),
                         output = getElementType(op, body.getYielded()[0].getType()),
                         x = getParameter(body, op.getInput()), w = getParameter(body, op.getFilter());
  ArrayRef<AffineExpr> in = body.getDims(op.getInput()), out = body.getDims(op.getResult());
  if (failed(element) || failed(output) || failed(x) || failed(w) || failed(checkImage(body, op, in)))
    return failure();
  AffineExpr rows = LaunchBody::getProduct(out.drop_back(), op.getContext());
  int64_t outputs = op.getResult().getType().getDimSize(3), maxRows = body.getMax(rows);
  ConvolutionTile tile = chooseTile(maxRows, outputs);
  int64_t steps = op.getFilter().getType().getDimSize(1);
  int64_t split = body.getTarget() == HopperTarget ? chooseSplit(tile.count(maxRows, outputs), steps) : 1;
  TemplateUse use;
  use.Header = "convolution_tiles.cuh";
  use.Type = llvm::formatv("ConvolutionTiles<{0}, {1}, {2}, {3}>", *element, *output, tile.Name, split);
  use.Config = llvm::formatv("tiles of {0} x {1} x 64, {2} stages", tile.M, tile.N, tile.Stages);
  if (split > 1)
    use.Config += llvm::formatv(", a cluster of {0} blocks", split);
  use.Cluster = split;
  use.Threads = tile.Threads;
  use.SharedBytes = tile.Stages * (tile.M + tile.N) * 128 + tile.M * 8;
  use.Params = {{"X", *x}, {"Weights", *w}, {"Y", "p" + std::to_string(body.getOutputPort(0))}};
  for (auto [name, size] : {std::pair{"N", in[0]},
                            {"C", in[3]},
                            {"H", in[1]},
                            {"W", in[2]},
                            {"O", out[3]},
                            {"KH", getAffineConstantExpr(op.getWindow()[0], op.getContext())},
                            {"KW", getAffineConstantExpr(op.getWindow()[1], op.getContext())},
                            {"OH", out[1]},
                            {"OW", out[2]}})
    use.Params.push_back({name, printSize(size)});
  addWindows(use, op.getStrides(), op.getPads(), op.getDilations());
  use.Tiles = rows.ceilDiv(tile.M) * llvm::divideCeil(outputs, tile.N) * split;
  if (failed(addEpilogue(body, /*split=*/3, use)))
    return failure();
  return use;
}

FailureOr<TemplateUse> cuda::printChannelMaxPool(const LaunchBody &body, ChannelMaxPoolOp op) {
  FailureOr<std::string> input = getElementType(op, op.getInput().getType()),
                         output = getElementType(op, body.getYielded()[0].getType()),
                         x = getParameter(body, op.getInput());
  if (failed(input) || failed(output) || failed(x))
    return failure();
  ArrayRef<AffineExpr> in = body.getDims(op.getInput()), out = body.getDims(op.getResult());
  int64_t channels = op.getInput().getType().getDimSize(3), vector = 1;
  for (int64_t wider : {2, 4, 8})
    if (!ShapedType::isDynamic(channels) && channels % wider == 0)
      vector = wider;
  TemplateUse use;
  use.Header = "pooling.cuh";
  use.Type = llvm::formatv("ChannelMaxPooling<{0}, {1}, {2}>", *input, *output, vector);
  use.Config = llvm::formatv("one thread {0} results", vector);
  use.Params = {{"X", *x}, {"Y", "p" + std::to_string(body.getOutputPort(0))}};
  for (auto [name, size] : {std::pair{"N", in[0]},
                            {"H", in[1]},
                            {"W", in[2]},
                            {"C", in[3]},
                            {"KH", getAffineConstantExpr(op.getWindow()[0], op.getContext())},
                            {"KW", getAffineConstantExpr(op.getWindow()[1], op.getContext())},
                            {"OH", out[1]},
                            {"OW", out[2]}})
    use.Params.push_back({name, printSize(size)});
  addWindows(use, op.getStrides(), op.getPads(), op.getDilations());
  use.Tiles = LaunchBody::getProduct(out, op.getContext()).floorDiv(vector).ceilDiv(256);
  if (failed(addEpilogue(body, /*split=*/3, use)))
    return failure();
  return use;
}
