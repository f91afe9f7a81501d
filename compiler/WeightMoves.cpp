#include "compiler/WeightMoves.h"

using namespace mlir;
using namespace lathe;
using artifact::Packing;

namespace {
/// `size` elements that lie `stride` apart in the source.
struct Run {
  int64_t size, stride;
};

/// A tensor whose elements are those of a source in another order. A dimension is several runs where one is merged from
/// dimensions that do not lie one in the other.
struct View {
  explicit View(ArrayRef<int64_t> shape) {
    int64_t stride = 1;
    for (int64_t size : llvm::reverse(shape)) {
      dims.insert(dims.begin(), {Run{size, stride}});
      stride *= size;
    }
  }

  SmallVector<SmallVector<Run>> dims;
  int64_t columns = 0; ///< in panels, the last of which is not full; the dimensions are panels, rows and columns then
};
} // namespace

static ArrayRef<int64_t> getShape(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }

static bool apply(TransposeOp op, View &view) {
  SmallVector<SmallVector<Run>> from = view.dims;
  for (auto [d, source] : llvm::enumerate(op.getPermutation()))
    view.dims[d] = from[source];
  return true;
}

/// Deals the runs out to the new dimensions, in order; false where one would have to be cut at no whole part of it.
static bool apply(ReshapeOp op, View &view) {
  SmallVector<Run> runs; // the first one last
  for (ArrayRef<Run> dim : llvm::reverse(view.dims))
    for (Run run : llvm::reverse(dim)) {
      if (run.size == 1)
        continue;
      if (!runs.empty() && run.stride == runs.back().stride * runs.back().size)
        runs.back().size *= run.size;
      else
        runs.push_back(run);
    }
  SmallVector<SmallVector<Run>> dims;
  for (int64_t left : getShape(op.getResult())) {
    SmallVector<Run> &dim = dims.emplace_back();
    while (left != 1) {
      Run run = runs.pop_back_val(), inner{1, run.stride};
      if (left % run.size != 0) {
        if (run.size % left != 0)
          return false;
        inner.size = run.size / left;
        run = {left, run.stride * inner.size};
      }
      left /= run.size;
      if (inner.size != 1)
        runs.push_back(inner);
      if (!dim.empty() && dim.back().stride == run.stride * run.size)
        dim.back() = {dim.back().size * run.size, run.stride};
      else
        dim.push_back(run);
    }
    if (dim.empty())
      dim.push_back({1, 0});
  }
  view.dims = std::move(dims);
  return true;
}

/// Cuts the columns into panels; false where they are not one run.
static bool apply(PackColumnsOp op, View &view) {
  constexpr int64_t Width = PackColumnsOp::Columns;
  SmallVector<Run> columns = view.dims.pop_back_val(), rows = view.dims.pop_back_val();
  if (op.getTransposed())
    std::swap(rows, columns);
  if (columns.size() != 1)
    return false;
  auto [size, stride] = columns[0];
  view.dims.push_back({Run{int64_t(llvm::divideCeil(size, Width)), stride * Width}});
  view.dims.push_back(rows);
  view.dims.push_back({Run{Width, stride}});
  view.columns = size % Width ? size : 0;
  return true;
}

static Packing makePacking(const View &view, int64_t elementBytes) {
  Packing packing;
  packing.elementBytes = elementBytes;
  for (auto [d, dim] : llvm::enumerate(view.dims)) {
    if (view.columns && d + 3 == view.dims.size())
      packing.panels = packing.sizes.size();
    for (Run run : dim) {
      packing.sizes.push_back(run.size);
      packing.strides.push_back(run.stride);
    }
  }
  packing.columns = view.columns;
  return packing;
}

static bool apply(Operation *op, View &view) {
  if (view.columns) // columns behind the last one come from nowhere: such a copy is the end of the way
    return false;
  return llvm::TypeSwitch<Operation *, bool>(op).Case<TransposeOp, ReshapeOp, PackColumnsOp>(
      [&](auto typed) { return apply(typed, view); });
}

std::optional<WeightMove> lathe::findMove(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (auto pack = value.getDefiningOp<PackBlocksOp>();
      pack && !isa<BlockedType>(pack.getInput().getType().getElementType())) {
    ArrayRef<int64_t> shape = getShape(pack.getInput());
    auto blocks = cast<GgufType>(pack.getInput().getType().getElementType());
    WeightMove move{pack.getInput(), {}};
    move.packing.matrix =
        artifact::PackedMatrix{blocks.getFormat().str(), shape[0], shape[1], isa<GgufTilesType>(type.getElementType())};
    return move;
  }
  if (auto pack = value.getDefiningOp<PackTilesOp>()) {
    ArrayRef<int64_t> shape = getShape(pack.getInput());
    Value source = pack.getInput();
    while (auto reshape = source.getDefiningOp<ReshapeOp>()) // the same bytes
      source = reshape.getInput();
    WeightMove move{source, {}};
    Type element = type.getElementType();
    StringRef name = element.isF16() ? "f16" : element.isBF16() ? "bf16" : "tf32";
    move.packing.matrix = artifact::PackedMatrix{name.str(), shape[0], shape[1], /*tiles=*/true};
    return move;
  }
  if (!type || !type.getElementType().isIntOrFloat() || type.getRank() == 0 || type.getNumElements() == 0)
    return std::nullopt;
  SmallVector<Operation *> chain; // the last operation first
  Value source = value;
  while (isa_and_nonnull<TransposeOp, ReshapeOp, PackColumnsOp>(source.getDefiningOp())) {
    chain.push_back(source.getDefiningOp());
    source = chain.back()->getOperand(0);
  }
  if (chain.empty())
    return std::nullopt;
  View view(getShape(source));
  for (Operation *op : llvm::reverse(chain)) {
    if (apply(op, view))
      continue;
    source = op->getOperand(0);
    view = View(getShape(source));
    bool moved = apply(op, view);
    assert(moved && "each of these operations alone is a copy");
    (void)moved;
  }
  WeightMove move{source, makePacking(view, getElementBytes(type.getElementType()))};
  return move.packing.sizes.size() <= artifact::Packing::MaxRank ? std::optional(move) : std::nullopt;
}
