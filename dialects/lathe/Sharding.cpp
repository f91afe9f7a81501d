#include "dialects/lathe/Sharding.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace lathe;

//===- The grid ---------------------------------------------------------------------------------------------------===//

LogicalResult lathe::verifyGrid(ModuleOp module) {
  Attribute attribute = module->getAttr(GridAttrName);
  if (!attribute)
    return success();
  auto axes = dyn_cast<ArrayAttr>(attribute);
  llvm::StringSet<> names;
  auto isAxis = [&](Attribute entry) {
    auto axis = dyn_cast<DictionaryAttr>(entry);
    auto name = axis ? axis.getAs<StringAttr>("name") : StringAttr();
    auto size = axis ? axis.getAs<IntegerAttr>("size") : IntegerAttr();
    return name && !name.empty() && size && size.getInt() > 0 && names.insert(name.getValue()).second;
  };
  if (!axes || axes.empty() || !llvm::all_of(axes, isAxis))
    return module.emitError() << "'" << GridAttrName << "' is " << attribute
                              << ", needed an array of {name = \"...\", size = N} with N above 0, each name once";
  return success();
}

Grid Grid::of(Operation *op) {
  auto module = isa<ModuleOp>(op) ? cast<ModuleOp>(op) : op->getParentOfType<ModuleOp>();
  auto axes = module ? module->getAttrOfType<ArrayAttr>(GridAttrName) : ArrayAttr();
  Grid grid;
  if (axes)
    for (auto axis : axes.getAsRange<DictionaryAttr>())
      grid.Axes.push_back({axis.getAs<StringAttr>("name").str(), axis.getAs<IntegerAttr>("size").getInt()});
  return grid;
}

int64_t Grid::getNumRanks() const {
  int64_t ranks = 1;
  for (const GridAxis &axis : Axes)
    ranks *= axis.size;
  return ranks;
}

std::optional<unsigned> Grid::find(StringRef axis) const {
  auto found = llvm::find_if(Axes, [&](const GridAxis &known) { return known.name == axis; });
  return found == Axes.end() ? std::nullopt : std::optional<unsigned>(found - Axes.begin());
}

int64_t Grid::getSize(StringRef axis) const {
  std::optional<unsigned> index = find(axis);
  return index ? Axes[*index].size : 0;
}

int64_t Grid::getCoordinate(int64_t rank, StringRef axis) const {
  std::optional<unsigned> index = find(axis);
  assert(index && "a coordinate is asked for along an axis of the grid");
  for (const GridAxis &behind : ArrayRef(Axes).drop_front(*index + 1))
    rank /= behind.size;
  return rank % Axes[*index].size;
}

ArrayAttr Grid::toAttr(MLIRContext *context) const {
  Builder builder(context);
  SmallVector<Attribute> axes;
  for (const GridAxis &axis : Axes)
    axes.push_back(builder.getDictionaryAttr({builder.getNamedAttr("name", builder.getStringAttr(axis.name)),
                                              builder.getNamedAttr("size", builder.getI64IntegerAttr(axis.size))}));
  return builder.getArrayAttr(axes);
}

//===- Shardings of values ----------------------------------------------------------------------------------------===//

/// The entries that describe `value`, one for each axis that it is not whole along; null where there are none.
static ArrayAttr getEntries(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    return function ? function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), ShardingAttrName) : ArrayAttr();
  }
  auto all = value.getDefiningOp()->getAttrOfType<ArrayAttr>(ShardingAttrName);
  return all ? cast<ArrayAttr>(all[cast<OpResult>(value).getResultNumber()]) : ArrayAttr();
}

static void setEntries(Value value, ArrayAttr entries) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    function.setArgAttr(argument.getArgNumber(), ShardingAttrName, entries);
    return;
  }
  Operation *op = value.getDefiningOp();
  Builder builder(op->getContext());
  SmallVector<Attribute> all(op->getNumResults(), builder.getArrayAttr({}));
  if (auto known = op->getAttrOfType<ArrayAttr>(ShardingAttrName))
    llvm::copy(known, all.begin());
  all[cast<OpResult>(value).getResultNumber()] = entries;
  op->setAttr(ShardingAttrName, builder.getArrayAttr(all));
}

static bool isAlong(Attribute entry, StringRef axis) {
  return cast<DictionaryAttr>(entry).getAs<StringAttr>("axis").getValue() == axis;
}

Sharding lathe::getSharding(Value value, StringRef axis) {
  Sharding sharding;
  if (ArrayAttr entries = getEntries(value))
    for (Attribute entry : entries) {
      auto dictionary = cast<DictionaryAttr>(entry);
      if (!isAlong(entry, axis))
        continue;
      if (auto partial = dictionary.getAs<StringAttr>("partial")) {
        sharding.partial = partial.getValue() == "one" ? Partial::One : Partial::Sum;
      } else {
        sharding.dim = dictionary.getAs<IntegerAttr>("dim").getInt();
        sharding.parts = dictionary.getAs<IntegerAttr>("parts").getInt();
      }
    }
  return sharding;
}

void lathe::setSharding(Value value, StringRef axis, const Sharding &sharding) {
  Builder builder(value.getContext());
  SmallVector<Attribute> entries;
  if (ArrayAttr known = getEntries(value))
    llvm::copy_if(known, std::back_inserter(entries), [&](Attribute entry) { return !isAlong(entry, axis); });
  NamedAttribute name = builder.getNamedAttr("axis", builder.getStringAttr(axis));
  if (sharding.isSplit())
    entries.push_back(
        builder.getDictionaryAttr({name, builder.getNamedAttr("dim", builder.getI64IntegerAttr(sharding.dim)),
                                   builder.getNamedAttr("parts", builder.getI64IntegerAttr(sharding.parts))}));
  if (sharding.partial != Partial::None)
    entries.push_back(builder.getDictionaryAttr(
        {name,
         builder.getNamedAttr("partial", builder.getStringAttr(sharding.partial == Partial::One ? "one" : "sum"))}));
  if (!entries.empty() || getEntries(value))
    setEntries(value, builder.getArrayAttr(entries));
}

void lathe::removeShardings(Operation *op) {
  op->removeAttr(ShardingAttrName);
  if (auto function = dyn_cast<FunctionOpInterface>(op))
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      function.removeArgAttr(i, ShardingAttrName);
}
