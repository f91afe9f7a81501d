// See PropagateShardings in Passes.td.
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/sharding/DimensionClasses.h"
#include "passes/sharding/FusedProducts.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/GlobPattern.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PROPAGATESHARDINGS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

namespace {
/// What the user asks of weights whose names match: that dimension `dim` be split, or that all be whole.
struct Wish {
  std::string text;
  llvm::GlobPattern pattern;
  std::optional<int64_t> dim;
  bool matched = false;
};

/// Chooses the classes of one function that are split, and notes how values lie.
class ShardingChooser {
public:
  ShardingChooser(func::FuncOp function, StringRef axis, int64_t ranks)
      : Function(function), Axis(axis), Ranks(ranks), Classes(function), Parts(Classes.get().size(), 1),
        Forced(Classes.get().size(), false), Obstacles(Classes.get().size()) {}

  /// Fails with a diagnostic when a wish cannot be had.
  LogicalResult applyWishes(MutableArrayRef<Wish> wishes);
  LogicalResult choose();
  void annotate();

private:
  using PartList = SmallVector<std::pair<unsigned, int64_t>>; ///< classes and their parts

  std::string findPart(unsigned number, PartList &parts);
  std::string checkParts(unsigned number, int64_t parts);
  std::string findConflict(const PartList &parts);
  std::string take(unsigned number);
  std::string describe(unsigned number);
  Location getLocation(unsigned number);
  void reportWhole();
  void annotateSplits();
  void annotatePartials();

  func::FuncOp Function;
  StringRef Axis;
  int64_t Ranks;
  DimensionClasses Classes;
  SmallVector<int64_t> Parts; ///< of each class; 1: whole
  SmallVector<bool> Forced;
  std::vector<std::string> Obstacles; ///< why each class stays whole
};
} // namespace

/// What a class is about, for people: the weights that it would split.
std::string ShardingChooser::describe(unsigned number) {
  std::string names;
  int count = 0;
  llvm::StringSet<> seen;
  for (const DimensionMember &member : Classes.get()[number].members)
    if (member.use)
      for (StringRef name : getWeightNames(member.value))
        if (seen.insert(name).second && ++count <= 3)
          names += (names.empty() ? "'" : ", '") + name.str() + "'";
  if (count > 3)
    names += " and " + std::to_string(count - 3) + " more";
  return names.empty() ? "dimensions without weights" : names;
}

Location ShardingChooser::getLocation(unsigned number) {
  const DimensionMember &member = Classes.get()[number].members.front();
  return member.use ? member.use->getOwner()->getLoc() : member.value.getLoc();
}

/// Why dimensions of a class cannot be cut into so many parts, or "".
std::string ShardingChooser::checkParts(unsigned number, int64_t parts) {
  for (const DimensionMember &member : Classes.get()[number].members) {
    ArrayRef<int64_t> shape = getSplitShape(member.value);
    if (size_t(member.dim) >= shape.size())
      continue;
    int64_t size = shape[member.dim];
    if (ShapedType::isDynamic(size))
      return "it has no fixed size";
    if (size % parts != 0)
      return llvm::formatv("{0} does not divide by {1}", size, parts);
    if (size / parts % member.unit != 0)
      return llvm::formatv("parts of {0} are no multiple of {1}, which are rounded together", size / parts,
                           member.unit);
    auto quantized = dyn_cast<QuantizedTypeInterface>(getElementTypeOrSelf(member.value));
    if (!quantized || !member.use)
      continue;
    SmallVector<int64_t> offsets(shape.size(), 0), sizes(shape);
    offsets[member.dim] = sizes[member.dim] = size / parts;
    if (parts > 1 && !quantized.isLegalSlice(shape, offsets, sizes))
      return llvm::formatv("parts of {0} do not end on the borders of blocks of {1} of '{2}'", size / parts,
                           quantized.getBlockShape()[member.dim + 1 == int64_t(shape.size())],
                           llvm::join(getWeightNames(member.value), "', '"));
  }
  return "";
}

/// Collects the classes that are split with class `number`, and their parts. Returns why it cannot be, or "".
std::string ShardingChooser::findPart(unsigned number, PartList &parts) {
  if (llvm::any_of(parts, [&](auto &known) { return known.first == number; }))
    return "";
  // Key heads go with the query heads that share them.
  for (unsigned other = 0; other < Classes.get().size(); ++other)
    if (llvm::any_of(Classes.get()[other].keyHeads, [&](auto &entry) { return entry.first == number; }))
      return findPart(other, parts);
  const DimensionClass &own = Classes.get()[number];
  if (!own.obstacle.empty())
    return own.obstacle;
  parts.push_back({number, Ranks});
  for (auto [key, heads] : own.keyHeads) {
    if (heads % Ranks != 0 && Ranks % heads != 0)
      return llvm::formatv("{0} key heads and {1} ranks: neither divides the other", heads, Ranks);
    auto known = llvm::find_if(parts, [key = key](auto &entry) { return entry.first == key; });
    if (known != parts.end())
      continue;
    int64_t count = std::min(heads, Ranks);
    if (count > 1 && !Classes.get()[key].obstacle.empty())
      return "its key heads: " + Classes.get()[key].obstacle;
    parts.push_back({key, count});
    // All query heads that share these.
    for (unsigned other = 0; other < Classes.get().size(); ++other)
      if (count > 1 &&
          llvm::any_of(Classes.get()[other].keyHeads, [key = key](auto &entry) { return entry.first == key; }))
        if (std::string obstacle = findPart(other, parts); !obstacle.empty())
          return obstacle;
  }
  return "";
}

/// Why an operation cannot be split by `parts` beside what it is split by already, or "".
std::string ShardingChooser::findConflict(const PartList &parts) {
  llvm::SmallDenseSet<unsigned> wanted;
  for (auto [number, count] : parts)
    if (count > 1)
      wanted.insert(number);
  for (const SplitOperation &split : Classes.getOperations()) {
    SmallVector<int> taken;
    bool isConcerned = false;
    for (auto [factor, number] : llvm::enumerate(split.classes)) {
      bool mine = wanted.contains(number);
      isConcerned |= mine;
      if (mine || Parts[number] > 1)
        taken.push_back(int(factor));
    }
    if (!isConcerned || taken.size() < 2)
      continue;
    if (split.rule.heads && taken.size() == 2 && llvm::is_contained(taken, split.rule.heads->first) &&
        llvm::is_contained(taken, split.rule.heads->second))
      continue;
    return llvm::formatv("'{0}' would be split along two dimensions", split.op->getName());
  }
  return "";
}

/// Splits a class and those that go with it. Returns why it cannot be, or "".
std::string ShardingChooser::take(unsigned number) {
  if (Parts[number] > 1)
    return "";
  PartList parts;
  std::string obstacle = findPart(number, parts);
  for (auto [own, count] : parts)
    if (obstacle.empty())
      obstacle = checkParts(own, count);
  if (obstacle.empty())
    obstacle = findConflict(parts);
  int64_t weights = 0, exchanged = 0;
  for (auto [own, count] : parts) {
    weights += Classes.get()[own].weightBytes;
    exchanged += Classes.get()[own].exchangedBytes;
  }
  if (obstacle.empty() && !Forced[number] && exchanged > weights)
    obstacle = llvm::formatv("ranks would exchange {0} bytes a row for weights of {1}", exchanged, weights);
  if (obstacle.empty())
    for (auto [own, count] : parts)
      Parts[own] = count;
  return obstacle;
}

LogicalResult ShardingChooser::applyWishes(MutableArrayRef<Wish> wishes) {
  for (const SplitOperation &split : Classes.getOperations())
    for (OpOperand &operand : split.op->getOpOperands()) {
      if (!isConstantLike(operand.get()))
        continue;
      SmallVector<StringRef> names = getWeightNames(operand.get());
      for (Wish &wish : wishes) {
        if (llvm::none_of(names, [&](StringRef name) { return wish.pattern.match(name); }))
          continue;
        wish.matched = true;
        int64_t rank = getSplitShape(operand.get()).size();
        if (wish.dim && *wish.dim >= rank)
          return split.op->emitOpError() << "reads '" << names.front() << "', which has " << rank
                                         << " dimensions, but '" << wish.text << "' asks for dimension " << *wish.dim;
        for (int64_t dim = 0; dim < rank; ++dim) {
          std::optional<unsigned> number = Classes.find(operand, dim);
          if (number && !wish.dim)
            Classes.get()[*number].obstacle = "'" + wish.text + "' asks for it";
          if (number && wish.dim == dim)
            Forced[*number] = true;
        }
      }
    }
  return success();
}

/// Wishes first; then experts, which are spread as they are; then what splits the most bytes.
LogicalResult ShardingChooser::choose() {
  SmallVector<unsigned> order = llvm::to_vector(llvm::seq<unsigned>(Classes.get().size()));
  llvm::sort(order, [&](unsigned a, unsigned b) {
    auto key = [&](unsigned number) {
      const DimensionClass &own = Classes.get()[number];
      return std::tuple(!Forced[number], !own.hasExperts, -own.weightBytes, number);
    };
    return key(a) < key(b);
  });
  auto options = remark::RemarkOpts::name("PropagateShardings").category("sharding");
  for (unsigned number : order) {
    const DimensionClass &own = Classes.get()[number];
    if (own.weightBytes == 0 || Parts[number] > 1)
      continue;
    std::string obstacle = take(number);
    if (!obstacle.empty() && Forced[number])
      return mlir::emitError(getLocation(number)) << describe(number) << " cannot be split as asked: " << obstacle;
    Obstacles[number] = obstacle;
    if (obstacle.empty())
      remark::passed(getLocation(number), options)
          << remark::add("{0} in {1} parts: {2} bytes of weights", describe(number), Parts[number], own.weightBytes);
  }
  reportWhole();
  return success();
}

/// Says why weights stay whole: those with more than one dimension, as vectors take little.
void ShardingChooser::reportWhole() {
  for (const SplitOperation &split : Classes.getOperations())
    for (OpOperand &operand : split.op->getOpOperands()) {
      int64_t rank = getSplitShape(operand.get()).size();
      if (rank < 2 || !isConstantLike(operand.get()) || getWeightNames(operand.get()).empty())
        continue;
      std::string reasons;
      bool isSplit = false;
      for (int64_t dim = 0; dim < rank; ++dim) {
        std::optional<unsigned> number = Classes.find(operand, dim);
        isSplit |= number && Parts[*number] > 1;
        if (number && !Obstacles[*number].empty())
          reasons += llvm::formatv("{0}dimension {1} {2}", reasons.empty() ? "" : "; ", dim, Obstacles[*number]);
      }
      if (!isSplit)
        remark::missed(split.op->getLoc(), remark::RemarkOpts::name("PropagateShardings").category("sharding"))
            << remark::add("'{0}' stays whole: {1}", llvm::join(getWeightNames(operand.get()), "', '"), reasons);
    }
}

void ShardingChooser::annotateSplits() {
  for (auto [number, parts] : llvm::enumerate(Parts))
    for (const DimensionMember &member : Classes.get()[number].members)
      if (parts > 1 && !member.use && size_t(member.dim) < getSplitShape(member.value).size())
        setSharding(member.value, Axis, {member.dim, parts, Partial::None});
}

/// Sums are noted where they arise and as far as they go: PartitionValues completes them where they must be.
void ShardingChooser::annotatePartials() {
  llvm::DenseMap<Value, PartialValue> partials;
  for (const SplitOperation &split : Classes.getOperations()) {
    PartialValue own;
    for (auto [factor, number] : llvm::zip_equal(split.rule.factors, split.classes)) {
      if (Parts[number] == 1 || factor.kind == FactorKind::Map)
        continue;
      own.kind = factor.kind == FactorKind::Sum ? Partial::Sum : Partial::One;
      own.support = split.op;
      if (auto product = dyn_cast<ExpertMatmulOp>(split.op); product && factor.kind == FactorKind::Experts)
        own.support = product.getExperts().getAsOpaquePointer();
    }
    SmallVector<PartialValue> operands =
        llvm::map_to_vector(split.op->getOperands(), [&](Value operand) { return partials.lookup(operand); });
    PartialValue made = combinePartials(split.op, operands, own).value_or(own);
    if (made.kind == Partial::None || split.op->getNumResults() != 1)
      continue;
    partials[split.op->getResult(0)] = made;
    Sharding sharding = getSharding(split.op->getResult(0), Axis);
    sharding.partial = made.kind;
    setSharding(split.op->getResult(0), Axis, sharding);
  }
}

void ShardingChooser::annotate() {
  annotateSplits();
  annotatePartials();
}

/// "PATTERN=0", "PATTERN=whole".
static FailureOr<Wish> parseWish(ModuleOp module, StringRef text) {
  auto [name, what] = text.rsplit('=');
  llvm::Expected<llvm::GlobPattern> pattern = llvm::GlobPattern::create(name);
  int64_t dim = 0;
  bool whole = what == "whole";
  if (!pattern || name.empty() || (!whole && (what.getAsInteger(10, dim) || dim < 0))) {
    llvm::consumeError(pattern.takeError());
    module.emitError() << "'" << text
                       << "' is no sharding, needed PATTERN=DIMENSION or PATTERN=whole, where PATTERN is of names of "
                          "weights: 'blk.*.ffn_up.weight=0'";
    return failure();
  }
  return Wish{text.str(), std::move(*pattern), whole ? std::nullopt : std::optional(dim)};
}

namespace {
struct PropagateShardings : lathe::impl::PropagateShardingsBase<PropagateShardings> {
  using PropagateShardingsBase::PropagateShardingsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (ranks < 1) {
      module.emitError() << "there are to be " << ranks.getValue() << " ranks, needed one or more";
      return signalPassFailure();
    }
    SmallVector<Wish> wishes;
    for (const std::string &text : rules) {
      FailureOr<Wish> wish = parseWish(module, text);
      if (failed(wish))
        return signalPassFailure();
      wishes.push_back(std::move(*wish));
    }
    if (ranks > 1)
      module->setAttr(GridAttrName, Grid({{axis, ranks}}).toAttr(&getContext()));
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function.isDeclaration() || ranks == 1)
        continue;
      splitFusedProducts(function);
      ShardingChooser chooser(function, axis, ranks);
      if (failed(chooser.applyWishes(wishes)) || failed(chooser.choose()))
        return signalPassFailure();
      chooser.annotate();
    }
    for (const Wish &wish : wishes)
      if (!wish.matched && ranks > 1) {
        module.emitError() << "'" << wish.text << "' matches the name of no weight";
        return signalPassFailure();
      }
  }
};
} // namespace
