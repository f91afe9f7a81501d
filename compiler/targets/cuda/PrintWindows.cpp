// Convolution and pooling of images, with channels first and last.
#include "compiler/targets/cuda/ElementWork.h"
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
struct PortableTile {
  StringRef Name;
  int64_t M, N, Stages, Threads;
  int64_t count(int64_t rows, int64_t outputs) const {
    return llvm::divideCeil(rows, M) * llvm::divideCeil(outputs, N);
  }
};
} // namespace

// The template has the same numbers; a kernel that disagrees does not compile.
static constexpr PortableTile LargeTile = {"ConvolutionLargeTile", 128, 128, 3, 256},
                              TallTile = {"ConvolutionTallTile", 128, 64, 3, 256},
                              MediumTile = {"ConvolutionMediumTile", 64, 64, 4, 128};

// A multiprocessor runs three blocks of the medium tile at once, and needs them: a step waits for memory longer than it
// multiplies. Larger tiles, of which it has fewer, win where there are many.
static constexpr int64_t ResidentBlocks = 3 * Multiprocessors;

static PortableTile chooseTile(int64_t rows, int64_t outputs) {
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
static LogicalResult checkImage(const LaunchBody &body, TileConvOp op, ArrayRef<AffineExpr> image) {
  constexpr int64_t MaxSide = 1 << 13, MaxUnits = int64_t(1) << 31;
  for (AffineExpr side : image.slice(1, 2))
    if (body.getMax(side) >= MaxSide)
      return op->emitOpError() << "reads images of up to " << body.getMax(side)
                               << " places a side, but its CUDA kernel takes less than " << MaxSide
                               << "; give the dimension a smaller bound";
  int64_t most = *llvm::max_element(op.getPads());
  for (auto [size, dilation] : llvm::zip_equal(op.getWindow(), op.getDilations()))
    most = std::max(most, (size - 1) * dilation);
  if (most >= MaxSide)
    return op->emitOpError() << "has pads or a window of up to " << most
                             << " places, but its CUDA kernel takes less than " << MaxSide << "; compile for the CPU";
  int64_t channels = body.getMax(image[3]), unit = channels % 8 == 0 ? 8 : 1;
  if (body.getMax(LaunchBody::getProduct(image, op->getContext())) / unit >= MaxUnits)
    return op->emitOpError() << "reads images of more than " << MaxUnits * unit
                             << " elements, which its CUDA kernel cannot count; give the batch a smaller bound";
  return success();
}

/// The width of a tile of convolution_few_channels.cuh, or 0 if the template does not take such windows. Narrow tiles
/// read more of the image twice; they are for images that give too few of others.
static int64_t chooseFewChannelsWidth(const LaunchBody &body, TileConvOp op) {
  constexpr int64_t MaxSteps = 14, MaxBytes = 72 << 10, Height = 4, MinWidth = 16, MaxWidth = 64;
  int64_t strideH = op.getStrides()[0], strideW = op.getStrides()[1], dilationH = op.getDilations()[0];
  int64_t channels = op.getInput().getType().getDimSize(3), kh = op.getWindow()[0], kw = op.getWindow()[1];
  if ((strideW != 1 && strideW != 2 && strideW != 4) || ShapedType::isDynamic(channels) || channels > 8 / strideW ||
      (kw > 1 && op.getDilations()[1] != 1))
    return 0;
  ArrayRef<AffineExpr> out = body.getDims(op.getResult());
  int64_t cols = body.getMax(out[2]), strips = body.getMax(out[0]) * llvm::divideCeil(body.getMax(out[1]), Height);
  int64_t parts = llvm::divideCeil(cols, MaxWidth);
  while (strips * parts < 3 * Multiprocessors && cols > parts * MinWidth)
    ++parts;
  int64_t width = llvm::alignTo(llvm::divideCeil(cols, parts), 8);
  int64_t chunks = llvm::alignTo(llvm::divideCeil(kw, strideW), 2);
  int64_t rows = (Height - 1) * strideH + (kh - 1) * dilationH + 1;
  bool fits = kh * chunks / 2 <= MaxSteps && rows * (width + chunks - 1) * 16 <= MaxBytes;
  return fits ? width : 0;
}

static void useFewChannels(const LaunchBody &body, TileConvOp op, int64_t width, StringRef types, TemplateUse &use) {
  constexpr int64_t Height = 4, Filters = 64;
  int64_t minBlocks = body.getTarget() == HopperTarget ? 3 : 2;
  int64_t strideH = op.getStrides()[0], strideW = op.getStrides()[1], dilationH = op.getDilations()[0];
  int64_t kh = op.getWindow()[0], kw = op.getWindow()[1];
  int64_t chunks = llvm::alignTo(llvm::divideCeil(kw, strideW), 2),
          rows = (Height - 1) * strideH + (kh - 1) * dilationH + 1;
  use.Header = "convolution_few_channels.cuh";
  use.Type = llvm::formatv("ConvolutionFewChannels<{0}, FewChannelsWindow<{1}, {2}, {3}, {4}, {5}, {6}, {7}>>", types,
                           kh, kw, strideH, strideW, dilationH, width, minBlocks);
  use.Config = llvm::formatv("tiles of {0} x {1} places x {2}", Height, width, Filters);
  use.Threads = 128;
  use.SharedBytes = std::max(rows * (width + chunks - 1) * 16, kh * chunks * Filters * 16);
  ArrayRef<AffineExpr> out = body.getDims(op.getResult());
  int64_t tiles = body.getMax(out[0]) * llvm::divideCeil(body.getMax(out[1]), Height) *
                  llvm::divideCeil(body.getMax(out[2]), width) *
                  llvm::divideCeil(op.getResult().getType().getDimSize(3), Filters);
  use.Tiles = getAffineConstantExpr(std::min(minBlocks * Multiprocessors, tiles), op.getContext());
  use.MostResident = minBlocks;
  // A pixel of the patch: its place, and its channels one by one. Then products by warps, and the way out.
  static constexpr double OfPixel = 60, OfProduct = 3;
  int64_t pixels = rows * (width + chunks - 1) * strideW, places = Height * width;
  report::KernelWork work;
  work.ItemAccesses = 1;
  // Filters come one element after the other, mostly from the cache.
  work.StartAccesses += double(llvm::divideCeil(kh * chunks * Filters, use.Threads)) / 2;
  work.ItemInstructions =
      OfPixel * double(llvm::divideCeil(pixels, use.Threads)) + OfProduct * double(kh * chunks / 2 * 4 * places / 32);
  addEpilogue(countEpilogue(body), double(places * Filters / use.Threads), work);
  AffineExpr items = out[0] * out[1].ceilDiv(Height) * out[2].ceilDiv(width) *
                     llvm::divideCeil(op.getResult().getType().getDimSize(3), Filters);
  use.setWork(work, items, getAffineConstantExpr(0, op.getContext()));
}

static void usePortableTiles(const LaunchBody &body, TileConvOp op, StringRef types, TemplateUse &use) {
  AffineExpr rows = LaunchBody::getProduct(body.getDims(op.getResult()).drop_back(), op.getContext());
  int64_t outputs = op.getResult().getType().getDimSize(3), maxRows = body.getMax(rows);
  PortableTile tile = chooseTile(maxRows, outputs);
  int64_t steps = op.getFilter().getType().getDimSize(1);
  int64_t split = body.getTarget() == HopperTarget ? chooseSplit(tile.count(maxRows, outputs), steps) : 1;
  use.Header = "convolution_tiles.cuh";
  use.Type = llvm::formatv("ConvolutionTiles<{0}, {1}, {2}>", types, tile.Name, split);
  use.Config = llvm::formatv("tiles of {0} x {1} x 64, {2} stages", tile.M, tile.N, tile.Stages);
  if (split > 1)
    use.Config += llvm::formatv(", a cluster of {0} blocks", split);
  use.Cluster = split;
  use.Threads = tile.Threads;
  use.SharedBytes = tile.Stages * (tile.M + tile.N) * 128 + tile.M * 8;
  use.Tiles = rows.ceilDiv(tile.M) * llvm::divideCeil(outputs, tile.N) * split;
}

/// `use` with one tile.
static TemplateUse useWarpgroupTile(TemplateUse use, const ConvolutionShape &shape, const ConvolutionTile &tile,
                                    const EpilogueWork &epilogue, bool overlap, AffineExpr rows, StringRef types) {
  use.Header = "convolution_sm90.cuh";
  use.Type = llvm::formatv("ConvolutionSm90<{0}, {1}, {2}>", types, tile.Name, tile.Split);
  use.Config = llvm::formatv("windows, warpgroup tiles of {0} x {1} x 64, {2} stages", tile.M, tile.N, tile.Stages);
  if (tile.Split > 1)
    use.Config += llvm::formatv(", a cluster of {0} blocks", tile.Split);
  use.Cluster = tile.Split;
  use.Threads = tile.Threads;
  use.SharedBytes = tile.getSharedBytes();
  use.MostResident = tile.MinBlocks;
  int64_t most = std::min(Multiprocessors * tile.MinBlocks, tile.countTiles(shape));
  AffineExpr items = rows.ceilDiv(tile.M) * llvm::divideCeil(shape.Outputs, tile.N);
  use.Tiles = tile.Split > 1 ? rows.ceilDiv(tile.M) * (llvm::divideCeil(shape.Outputs, tile.N) * tile.Split)
                             : getAffineConstantExpr(most, rows.getContext());
  report::KernelWork work = tile.describeWork(overlap);
  addEpilogue(epilogue, double(tile.M * tile.N / work.ItemThreads) / double(tile.Split), work);
  use.setWork(work, items, getAffineConstantExpr(llvm::divideCeil(shape.Depth, tile.Split), rows.getContext()));
  return use;
}

std::vector<TemplateUse> cuda::listWarpgroupWindows(const ConvolutionShape &shape, AffineExpr rows, StringRef types,
                                                    const EpilogueWork &epilogue, bool overlap,
                                                    const report::Machine &machine, const TemplateUse &use) {
  std::vector<TemplateUse> uses;
  for (const ConvolutionTile &tile : listConvolutionTiles(shape, machine))
    uses.push_back(useWarpgroupTile(use, shape, tile, epilogue, overlap, rows, types));
  return uses;
}

/// Whether what follows a root reads a tensor as large as its result.
static bool readsRows(const LaunchBody &body) {
  Operation *root = body.getRoot();
  return llvm::any_of(body.getBlock().getArguments(), [&](BlockArgument argument) {
    return !llvm::is_contained(root->getOperands(), argument) && !argument.use_empty() &&
           body.getDims(argument) == body.getDims(root->getResult(0));
  });
}

/// Chooses a tile of convolution_sm90.cuh.
static void useWarpgroupWindows(const LaunchBody &body, TileConvOp op, StringRef types, TemplateUse &use) {
  AffineExpr rows = LaunchBody::getProduct(body.getDims(op.getResult()).drop_back(), op.getContext());
  int64_t outputs = op.getResult().getType().getDimSize(3), depth = op.getFilter().getType().getDimSize(1);
  std::string key = llvm::formatv("windows {0}, {1} places, {2} filters, depth {3}{4}", types, body.getMax(rows),
                                  outputs, depth * 64, readsRows(body) ? ", with a tensor as large" : "");
  bool overlap = op.getWindow()[0] > op.getStrides()[0] || op.getWindow()[1] > op.getStrides()[1];
  use = chooseUse(body, key,
                  listWarpgroupWindows({body.getMax(rows), outputs, depth}, rows, types, countEpilogue(body), overlap,
                                       body.getChooser().getMachine(body.getTarget()), use));
}

FailureOr<TemplateUse> cuda::printTileConv(const LaunchBody &body, TileConvOp op) {
  FailureOr<std::string> element = getElementType(op, op.getInput().getType()),
                         output = getElementType(op, body.getYielded()[0].getType()),
                         x = getParameter(body, op.getInput()), w = getParameter(body, op.getFilter());
  ArrayRef<AffineExpr> in = body.getDims(op.getInput()), out = body.getDims(op.getResult());
  if (failed(element) || failed(output) || failed(x) || failed(w) || failed(checkImage(body, op, in)))
    return failure();
  TemplateUse use;
  std::string types = *element + ", " + *output;
  int64_t channels = op.getInput().getType().getDimSize(3);
  if (int64_t width = chooseFewChannelsWidth(body, op))
    useFewChannels(body, op, width, types, use);
  else if (body.getTarget() == HopperTarget && !ShapedType::isDynamic(channels) && channels % 8 == 0)
    useWarpgroupWindows(body, op, types, use);
  else
    usePortableTiles(body, op, types, use);
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
  use.Params.push_back({"Blocks", std::to_string(Multiprocessors)});
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
  static constexpr double OfPlace = 250, OfTap = 30, OfElement = 6;
  use.MostResident = 6;
  report::KernelWork work;
  work.ItemAccesses = 1;
  work.ItemInstructions =
      OfPlace + double(op.getWindow()[0] * op.getWindow()[1]) * (OfTap + OfElement * double(vector));
  use.setWork(work, use.Tiles, getAffineConstantExpr(0, op.getContext()));
  if (failed(addEpilogue(body, /*split=*/3, use)))
    return failure();
  return use;
}
