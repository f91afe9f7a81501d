#include "passes/planning/CloneBuilder.h"
#include "dialects/lathe/DimArithmetic.h"
#include "mlir/IR/IRMapping.h"
#include "passes/fusion/CloneSymbol.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe;

//===- Values and their memory ------------------------------------------------------------------------------------===//

/// The operand that result `index` of `fusion` replaces in place, or null when it is a value of its own.
static Value getReplacedOperand(FusionOp fusion, unsigned index) {
  Value value = fusion.getBody().front().getTerminator()->getOperand(index);
  if (!isa<StateType>(value.getType()))
    return {};
  while (auto append = value.getDefiningOp<AppendKvOp>())
    value = append.getState();
  auto argument = dyn_cast<BlockArgument>(value);
  return argument ? fusion.getOperand(argument.getArgNumber()) : Value();
}

/// The value whose memory `value` lies in: reshapes and replaced states have none of their own.
static Value getStorage(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto reshape = dyn_cast<ReshapeOp>(op)) {
      value = reshape.getInput();
      continue;
    }
    auto fusion = dyn_cast<FusionOp>(op);
    Value replaced = fusion ? getReplacedOperand(fusion, cast<OpResult>(value).getResultNumber()) : Value();
    if (!replaced)
      break;
    value = replaced;
  }
  return value;
}

AffineMap CloneBuilder::toMap(ArrayRef<AffineExpr> expressions) const {
  return AffineMap::get(0, Dims.getSymbols().size(), expressions, Top.getContext());
}

AffineExpr CloneBuilder::getBytes(Type element, ArrayRef<AffineExpr> dims) const {
  AffineExpr bytes = getAffineConstantExpr(getElementBytes(element), Top.getContext());
  for (AffineExpr dim : dims)
    bytes = bytes * dim;
  return bytes;
}

AffineExpr CloneBuilder::getBytes(Value value) const { return getBytes(getElementTypeOrSelf(value), Dims[value]); }

Value CloneBuilder::createMemory(OpBuilder &builder, Location location, AffineExpr bytes) {
  auto type = plan::BufferType::get(builder.getContext());
  if (Dims.dependsOnData(bytes))
    return plan::AllocateOp::create(builder, location, type, NextSlot++, IntegerAttr(), toMap(bytes), AffineMapAttr());
  // Buffers stand at the beginning of their block, where nothing depends on them.
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.getInsertionBlock();
  auto place = block->begin();
  while (place != block->end() && isa<plan::BufferOp>(*place))
    ++place;
  builder.setInsertionPoint(block, place);
  AffineExpr zero = getAffineConstantExpr(0, builder.getContext());
  return plan::BufferOp::create(builder, location, type, toMap(zero), toMap(bytes));
}

Value CloneBuilder::createView(OpBuilder &builder, Value buffer, AffineExpr offset, AffineExpr bytes) {
  return plan::ViewOp::create(builder, buffer.getLoc(), buffer.getType(), buffer, toMap(offset), toMap(bytes));
}

Value CloneBuilder::getAddress(OpBuilder &builder, Value value) {
  auto type = plan::BufferType::get(builder.getContext());
  if (isa<SizesType>(value.getType())) {
    if (!Null) {
      OpBuilder::InsertionGuard guard(Top);
      Top.setInsertionPointToStart(Top.getInsertionBlock());
      Null = plan::NullOp::create(Top, Function.getLoc(), type);
    }
    return Null;
  }
  Value storage = getStorage(value);
  Value &address = Addresses[storage];
  if (!address)
    address = plan::AddressOp::create(Top, storage.getLoc(), type, Weights.get(storage.getDefiningOp()));
  return address;
}

bool CloneBuilder::wish(Value value, Block *block, Destination where) {
  Value storage = getStorage(value);
  Operation *producer = storage.getDefiningOp();
  if (!isa_and_nonnull<FusionOp>(producer) || producer->getBlock() != block || Addresses.contains(storage))
    return false;
  return Wishes.try_emplace(storage, std::move(where)).second;
}

void CloneBuilder::copyTo(OpBuilder &builder, Value value, const Destination &where) {
  Value target = where(builder);
  plan::CopyOp::create(builder, value.getLoc(), getAddress(builder, value), target, toMap(getBytes(value)));
}

//===- Launches ---------------------------------------------------------------------------------------------------===//

LogicalResult CloneBuilder::buildLaunch(FusionOp fusion, OpBuilder &builder) {
  SmallVector<Value> inputs, outputs;
  SmallVector<AffineMap> shapes;
  for (Value operand : fusion.getOperands()) {
    if (Replaced.contains(operand))
      return fusion.emitOpError() << "reads a state that was replaced before; a state value is linear";
    inputs.push_back(getAddress(builder, operand));
    shapes.push_back(Dims.getMap(operand));
  }
  for (OpResult result : fusion.getResults()) {
    if (Value operand = getReplacedOperand(fusion, result.getResultNumber())) {
      Replaced.insert(operand);
    } else if (!Addresses.contains(result)) {
      auto place = Wishes.find(result);
      Addresses[result] = place == Wishes.end() ? createMemory(builder, result.getLoc(), getBytes(result))
                                                : Destination(place->second)(builder);
    }
    outputs.push_back(getAddress(builder, result));
    shapes.push_back(Dims.getMap(result));
  }
  if (!fusion.getKernelAttr())
    return fusion.emitOpError() << "has no kernel; run 'lathe-choose-kernels' before";
  auto launch = plan::LaunchOp::create(builder, fusion.getLoc(), fusion.getKernelAttr(), inputs, outputs,
                                       builder.getAffineMapArrayAttr(shapes));
  IRMapping map;
  fusion.getBody().cloneInto(&launch.getBody(), map);
  return success();
}

void CloneBuilder::buildReadSizes(ReadSizesOp read, OpBuilder &builder) {
  SmallVector<int64_t> symbols;
  for (AffineExpr size : Dims[read.getResult()]) {
    auto symbol = dyn_cast<AffineSymbolExpr>(size);
    symbols.push_back(symbol ? int64_t(symbol.getPosition()) : -1);
  }
  plan::ReadSizesOp::create(builder, read.getLoc(), getAddress(builder, read.getInput()), symbols, read.getMin(),
                            read.getMax());
}

//===- Blocks -----------------------------------------------------------------------------------------------------===//

LogicalResult CloneBuilder::buildBlock(Block &block, OpBuilder &builder) {
  for (Operation &op : block.without_terminator()) {
    bool outermost = &block == &Function.getBody().front();
    if (outermost)
      Top.setInsertionPoint(builder.getInsertionBlock(), builder.getInsertionPoint());
    LogicalResult result = llvm::TypeSwitch<Operation *, LogicalResult>(&op)
                               .Case([&](FusionOp fusion) { return buildLaunch(fusion, builder); })
                               .Case([&](ReadSizesOp read) {
                                 buildReadSizes(read, builder);
                                 return success();
                               })
                               .Case([&](IfOp branch) { return buildIf(branch, builder); })
                               .Case([&](LoopOp loop) { return buildLoop(loop, builder); })
                               .Default([](Operation *) { return success(); });
    if (failed(result))
      return failure();
  }
  return success();
}

/// A size of a result that differs between the branches is a symbol that the operation defines.
LogicalResult CloneBuilder::buildIf(IfOp op, OpBuilder &builder) {
  SmallVector<int64_t> defines;
  SmallVector<std::pair<unsigned, unsigned>> sizes; // result and dimension behind each symbol
  SmallVector<Value> homes;                         // where results of one size are written
  for (OpResult result : op.getResults()) {
    size_t before = defines.size();
    for (auto [d, size] : llvm::enumerate(Dims[result])) {
      bool differs = llvm::any_of(op.getRegions(), [&, d = d, size = size](Region *region) {
        return !isSameDim(Dims[region->front().getTerminator()->getOperand(result.getResultNumber())][d], size);
      });
      if (!differs || isa<AffineConstantExpr>(size))
        continue;
      defines.push_back(cast<AffineSymbolExpr>(size).getPosition());
      sizes.push_back({result.getResultNumber(), unsigned(d)});
    }
    bool oneSize = defines.size() == before;
    homes.push_back(oneSize ? createMemory(builder, result.getLoc(), getBytes(result)) : Value());
  }
  SmallVector<Type> types(op.getNumResults(), plan::BufferType::get(builder.getContext()));
  Value condition = getAddress(builder, op.getCondition());
  auto branch = plan::IfOp::create(builder, op.getLoc(), types, condition, defines);
  if (&op->getParentRegion()->front() == &Function.getBody().front())
    Top.setInsertionPoint(branch);
  for (auto [from, to] : llvm::zip_equal(op.getRegions(), branch.getRegions())) {
    OpBuilder inner(builder.getContext());
    inner.createBlock(to);
    ValueRange yielded = from->front().getTerminator()->getOperands();
    for (auto [value, home] : llvm::zip_equal(yielded, homes))
      if (home)
        wish(value, &from->front(), [home = home](OpBuilder &) { return home; });
    if (failed(buildBlock(from->front(), inner)))
      return failure();
    SmallVector<Value> addresses = llvm::map_to_vector(yielded, [&](Value value) { return getAddress(inner, value); });
    SmallVector<AffineExpr> yieldedSizes =
        llvm::map_to_vector(sizes, [&](auto place) { return Dims[yielded[place.first]][place.second]; });
    plan::YieldOp::create(inner, op.getLoc(), addresses,
                          sizes.empty() ? AffineMapAttr() : AffineMapAttr::get(toMap(yieldedSizes)));
  }
  for (auto [result, address] : llvm::zip_equal(op.getResults(), branch.getResults()))
    Addresses[result] = address;
  return success();
}

/// What one loop carries from round to round beside the values themselves.
struct CloneBuilder::LoopBuilder {
  LoopOp Op;
  AffineExpr Round;
  SmallVector<Value> Init;                             ///< addresses before the first round
  SmallVector<int64_t> Defines;                        ///< symbols
  SmallVector<AffineExpr> FirstSizes, NextSizes;       ///< of the symbols
  SmallVector<std::function<Value(OpBuilder &)>> Next; ///< addresses that a round hands on, asked at its end
  SmallVector<std::function<void(OpBuilder &)>> AtStart;
  SmallVector<std::pair<Value, unsigned>> Results; ///< values that are addressed by results of the plan's loop
  plan::LoopOp Plan;

  Value argument(unsigned index) { return Plan.getBody().getArgument(index); }
};

static bool isUnchanged(LoopOp op, unsigned index) {
  return op.getYieldedCarried()[index] == op.getCarriedArguments()[index];
}

LogicalResult CloneBuilder::buildLoop(LoopOp op, OpBuilder &builder) {
  MLIRContext *context = builder.getContext();
  Block *body = &op.getBody().front();
  const LoopDims &counts = Dims.getLoop(op);
  LoopBuilder loop{op, getAffineSymbolExpr(counts.round, context), {}, {}, {}, {}, {}, {}, {}, {}};
  auto type = plan::BufferType::get(context);

  // Carried values: in two buffers that change places, or in memory that each round asks for where sizes change.
  for (auto [index, init, argument, value, result] :
       llvm::enumerate(op.getCarried(), op.getCarriedArguments(), op.getYieldedCarried(),
                       op.getResults().take_front(op.getCarried().size()))) {
    if (isUnchanged(op, index)) {
      Value address = getAddress(builder, init);
      Addresses[argument] = address;
      Addresses[result] = address;
      continue;
    }
    unsigned place = loop.Init.size();
    loop.Results.push_back({result, place});
    loop.AtStart.push_back(
        [this, &loop, argument = argument, place](OpBuilder &) { Addresses[argument] = loop.argument(place); });
    bool changes = false;
    for (auto [d, size] : llvm::enumerate(Dims[argument]))
      if (size != Dims[init][d] || size != Dims[value][d]) {
        auto symbol = dyn_cast<AffineSymbolExpr>(size);
        if (!symbol || symbol.getPosition() <= counts.round)
          continue; // equal, written in another form
        loop.Defines.push_back(symbol.getPosition());
        loop.FirstSizes.push_back(Dims[init][d]);
        loop.NextSizes.push_back(Dims[value][d]);
        changes = true;
      }
    Location location = value.getLoc();
    Destination where;
    if (changes) {
      loop.Init.push_back(getAddress(builder, init));
      int64_t slot = NextSlot;
      NextSlot += 2;
      where = [this, slot, round = counts.round, bytes = getBytes(value), type, location](OpBuilder &inner) -> Value {
        return plan::AllocateOp::create(inner, location, type, slot, inner.getI64IntegerAttr(round), toMap(bytes),
                                        AffineMapAttr());
      };
    } else {
      Value now = createMemory(builder, location, getBytes(argument));
      Value next = createMemory(builder, location, getBytes(argument));
      copyTo(builder, init, [now](OpBuilder &) { return now; });
      loop.Init.append({now, next});
      where = [&loop, place](OpBuilder &) { return loop.argument(place + 1); };
    }
    bool direct = wish(value, body, where);
    loop.Next.push_back([this, direct, where, value = value](OpBuilder &inner) {
      if (direct)
        return getAddress(inner, value);
      Value target = where(inner);
      copyTo(inner, value, [target](OpBuilder &) { return target; });
      return target;
    });
    if (!changes)
      loop.Next.push_back([&loop, place](OpBuilder &) { return loop.argument(place); });
  }

  // Rows of scanned values are pieces of them.
  for (auto [argument, scanned] : llvm::zip_equal(op.getScannedArguments(), op.getScanned())) {
    Value whole = getAddress(builder, scanned);
    loop.AtStart.push_back([this, &loop, argument = argument, whole](OpBuilder &inner) {
      AffineExpr bytes = getBytes(argument);
      Addresses[argument] = createView(inner, whole, loop.Round * bytes, bytes);
    });
  }

  // Rows that are stacked are written to their place; without a limit the memory grows with every round.
  for (auto [row, result] : llvm::zip_equal(op.getYieldedRows(), op.getResults().drop_front(op.getCarried().size()))) {
    AffineExpr bytes = getBytes(getElementTypeOrSelf(row), ArrayRef(Dims[result]).drop_front());
    Destination where;
    if (counts.limit) {
      Value whole = createMemory(builder, result.getLoc(), counts.limit * bytes);
      Addresses[result] = whole;
      where = [this, &loop, whole, bytes](OpBuilder &inner) {
        return createView(inner, whole, loop.Round * bytes, bytes);
      };
      if (!wish(row, body, where))
        loop.Next.push_back([this, where, row = row](OpBuilder &inner) {
          copyTo(inner, row, where);
          return Value();
        });
      continue;
    }
    unsigned place = loop.Init.size();
    int64_t slot = NextSlot++;
    AffineMap none = toMap(getAffineConstantExpr(0, context));
    loop.Init.push_back(
        plan::AllocateOp::create(builder, result.getLoc(), type, slot, IntegerAttr(), none, AffineMapAttr()));
    loop.Results.push_back({result, place});
    auto whole = std::make_shared<Value>();
    where = [this, &loop, slot, bytes, whole, type, location = result.getLoc()](OpBuilder &inner) {
      AffineExpr before = loop.Round * bytes;
      *whole = plan::AllocateOp::create(inner, location, type, slot, IntegerAttr(), toMap(before + bytes),
                                        AffineMapAttr::get(toMap(before)));
      return createView(inner, *whole, before, bytes);
    };
    bool direct = wish(row, body, where);
    loop.Next.push_back([this, direct, where, whole, row = row](OpBuilder &inner) {
      if (!direct)
        copyTo(inner, row, where);
      return *whole;
    });
  }

  Value trip = op.getTrip() && !counts.limit ? getAddress(builder, op.getTrip()) : Value();
  Value condition = op.getCondition() ? getAddress(builder, op.getCondition()) : Value();
  Value count;
  if (!op.getRound().use_empty())
    count = createMemory(builder, op.getLoc(), getAffineConstantExpr(8, context));
  loop.Plan = plan::LoopOp::create(
      builder, op.getLoc(), SmallVector<Type>(loop.Init.size(), type), trip, condition, count, loop.Init, counts.round,
      counts.limit ? AffineMapAttr::get(toMap(counts.limit)) : AffineMapAttr(), loop.Defines,
      loop.Defines.empty() ? AffineMapAttr() : AffineMapAttr::get(toMap(loop.FirstSizes)));
  if (body->getParentOp()->getBlock() == &Function.getBody().front())
    Top.setInsertionPoint(loop.Plan);
  if (count)
    Addresses[op.getRound()] = count;

  OpBuilder inner(context);
  inner.createBlock(&loop.Plan.getBody(), {}, SmallVector<Type>(loop.Init.size(), type),
                    SmallVector<Location>(loop.Init.size(), op.getLoc()));
  for (auto &start : loop.AtStart)
    start(inner);
  if (failed(buildBlock(*body, inner)))
    return failure();
  SmallVector<Value> addresses;
  if (condition)
    addresses.push_back(getAddress(inner, op.getYieldedCondition()));
  for (auto &next : loop.Next)
    if (Value address = next(inner))
      addresses.push_back(address);
  plan::YieldOp::create(inner, op.getLoc(), addresses,
                        loop.Defines.empty() ? AffineMapAttr() : AffineMapAttr::get(toMap(loop.NextSizes)));
  for (auto [value, place] : loop.Results)
    Addresses[value] = loop.Plan.getResult(place);
  return success();
}

//===- The function -----------------------------------------------------------------------------------------------===//

LogicalResult CloneBuilder::checkOperations() {
  WalkResult result = Function.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op->hasTrait<OpTrait::IsTerminator>() || isa<IfOp, LoopOp>(op))
      return WalkResult::advance();
    if (!isa<FusionOp, ReshapeOp, ReadSizesOp, WeightOp, WeightProgramOp, ConstantOp>(op)) {
      op->emitOpError() << "is in no kernel; run 'lathe-form-fusions' before";
      return WalkResult::interrupt();
    }
    if (op->getParentOp() != Function && llvm::any_of(op->getOperandTypes(), llvm::IsaPred<StateType>)) {
      op->emitOpError() << "uses a state within '" << op->getParentOp()->getName()
                        << "', needed it outside of control flow";
      return WalkResult::interrupt();
    }
    return WalkResult::skip();
  });
  return failure(result.wasInterrupted());
}

/// Results are written where the caller wants them; one that has its place already is copied there.
LogicalResult CloneBuilder::placeResults(plan::ProgramOp program) {
  Block &ports = program.getBody().front();
  unsigned input = 0, state = program.getInputs().size() + program.getOutputs().size();
  for (BlockArgument argument : Function.getArguments())
    Addresses[argument] = ports.getArgument(isa<StateType>(argument.getType()) ? state++ : input++);
  unsigned output = 0, stateResult = 0;
  for (Value value : Function.getBody().front().getTerminator()->getOperands()) {
    if (isa<StateType>(value.getType())) {
      unsigned index = program.getInputs().size() + program.getOutputs().size() + stateResult++;
      if (Addresses.lookup(getStorage(value)) != ports.getArgument(index))
        return Function.emitOpError() << "returns state " << stateResult - 1
                                      << " which is not the state that came in at the same place";
      continue;
    }
    Value port = ports.getArgument(program.getInputs().size() + output);
    Destination where = [port](OpBuilder &) { return port; };
    if (llvm::any_of(Dims[value], [&](AffineExpr size) { return Dims.dependsOnData(size); }))
      where = [this, value, output](OpBuilder &builder) -> Value {
        return plan::OutputOp::create(builder, value.getLoc(), plan::BufferType::get(builder.getContext()), output,
                                      Dims.getMap(value));
      };
    if (!wish(value, &Function.getBody().front(), where))
      Copies.push_back({value, where});
    ++output;
  }
  return success();
}

FailureOr<plan::CloneOp> CloneBuilder::build(plan::ProgramOp program) {
  OpBuilder builder = OpBuilder::atBlockEnd(&program.getBody().front());
  SmallVector<Attribute> range, data(Dims.getDataSymbols().begin(), Dims.getDataSymbols().end());
  if (Attribute attribute = Function->getAttr(RangeAttrName))
    range.push_back(attribute);
  auto clone = plan::CloneOp::create(builder, Function.getLoc(), builder.getArrayAttr(range),
                                     data.empty() ? ArrayAttr() : builder.getArrayAttr(data),
                                     AffineMap::getConstantMap(0, builder.getContext()));
  if (Attribute reason = Function->getAttr(RangeReasonAttrName))
    clone->setAttr(RangeReasonAttrName, reason);
  builder.createBlock(&clone.getBody());
  if (failed(checkOperations()) || failed(placeResults(program)) ||
      failed(buildBlock(Function.getBody().front(), builder)))
    return failure();
  Top.setInsertionPointToEnd(builder.getInsertionBlock());
  for (auto &[value, where] : Copies)
    copyTo(builder, value, where);
  // Branches that hand on what they got leave the memory that was meant for them unused.
  clone.getBody().walk([](Operation *op) {
    if (isa<plan::BufferOp, plan::AllocateOp>(op) && op->use_empty())
      op->erase();
  });
  return clone;
}
