#include "compiler/targets/HostProgram.h"
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/Collectives.h"
#include "mlir/IR/AffineExprVisitor.h"
#include "runtime/include/lathe.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe;

//===- The ABI ----------------------------------------------------------------------------------------------------===//

HostAbiTypes::HostAbiTypes(llvm::LLVMContext &context) {
  llvm::Type *pointer = llvm::PointerType::get(context, 0), *i32 = llvm::Type::getInt32Ty(context);
  SmallVector<llvm::Type *> fields(8, pointer);
  fields.append({llvm::Type::getInt64Ty(context), pointer});
  Call = llvm::StructType::create(context, fields, "HostCall");
  SmallVector<llvm::Type *> functions(2 + unsigned(HostFunction::Collective) + 1, pointer);
  functions[0] = functions[1] = i32;
  Api = llvm::StructType::create(context, functions, "HostApi");
  llvm::Type *three = llvm::ArrayType::get(i32, 3);
  CudaLaunch = llvm::StructType::create(context, {i32, three, three, i32}, "CudaLaunch");
}

static_assert(sizeof(runtime::HostCall) == 9 * sizeof(void *) + sizeof(int64_t), "HostAbiTypes::Call mirrors HostCall");
static_assert(offsetof(runtime::HostApi, math) == 8 + unsigned(HostFunction::Math) * sizeof(void *) &&
                  offsetof(runtime::HostApi, collective) == 8 + unsigned(HostFunction::Collective) * sizeof(void *) &&
                  sizeof(runtime::HostApi) == offsetof(runtime::HostApi, collective) + sizeof(void *),
              "HostFunction lists the functions of HostApi in order");
static_assert(sizeof(runtime::CudaLaunch) == 8 * sizeof(uint32_t), "HostAbiTypes::CudaLaunch mirrors CudaLaunch");

static llvm::MDNode *getEmptyNode(llvm::IRBuilderBase &builder) { return llvm::MDNode::get(builder.getContext(), {}); }

llvm::Value *HostAbiTypes::loadCallField(llvm::IRBuilderBase &builder, llvm::Value *call, unsigned field) const {
  llvm::LoadInst *load = builder.CreateLoad(builder.getPtrTy(), builder.CreateStructGEP(Call, call, field));
  load->setMetadata(llvm::LLVMContext::MD_invariant_load, getEmptyNode(builder));
  return load;
}

llvm::Value *HostAbiTypes::loadCallTarget(llvm::IRBuilderBase &builder, llvm::Value *call) const {
  llvm::LoadInst *load = builder.CreateLoad(builder.getInt64Ty(), builder.CreateStructGEP(Call, call, 8));
  load->setMetadata(llvm::LLVMContext::MD_invariant_load, getEmptyNode(builder));
  return load;
}

llvm::Value *HostAbiTypes::loadFunction(llvm::IRBuilderBase &builder, llvm::Value *call, HostFunction function) const {
  llvm::Value *api = loadCallField(builder, call, 0);
  llvm::LoadInst *load =
      builder.CreateLoad(builder.getPtrTy(), builder.CreateStructGEP(Api, api, 2 + unsigned(function)));
  load->setMetadata(llvm::LLVMContext::MD_invariant_load, getEmptyNode(builder));
  return load;
}

llvm::Value *HostLaunch::createArray(unsigned slot, ArrayRef<llvm::Value *> values) {
  while (Arrays.size() <= slot)
    Arrays.push_back(nullptr);
  llvm::AllocaInst *&array = Arrays[slot];
  uint64_t needed = std::max<uint64_t>(values.size(), 1);
  if (!array || array->getAllocatedType()->getArrayNumElements() < needed) {
    llvm::BasicBlock &entry = Builder.GetInsertBlock()->getParent()->getEntryBlock();
    llvm::IRBuilder<> allocas(&entry, entry.begin());
    auto *longer = allocas.CreateAlloca(llvm::ArrayType::get(Builder.getInt64Ty(), needed));
    if (array) {
      array->replaceAllUsesWith(longer);
      array->eraseFromParent();
    }
    array = longer;
  }
  for (auto [i, value] : llvm::enumerate(values))
    Builder.CreateStore(value, Builder.CreateConstInBoundsGEP1_64(Builder.getInt64Ty(), array, i));
  return array;
}

LaunchLowering::~LaunchLowering() = default;

//===- Affine expressions -----------------------------------------------------------------------------------------===//

namespace {
struct AffineEmitter : AffineExprVisitor<AffineEmitter, llvm::Value *> {
  AffineEmitter(llvm::IRBuilderBase &builder, ArrayRef<llvm::Value *> symbols, llvm::Value **overflow = nullptr)
      : Builder(builder), Symbols(symbols), Overflow(overflow) {}

  llvm::Value *visitConstantExpr(AffineConstantExpr e) { return Builder.getInt64(e.getValue()); }
  llvm::Value *visitSymbolExpr(AffineSymbolExpr e) { return Symbols[e.getPosition()]; }
  llvm::Value *visitDimExpr(AffineDimExpr) { llvm_unreachable("sizes and offsets are maps over symbols alone"); }
  llvm::Value *visitAddExpr(AffineBinaryOpExpr e) { return Builder.CreateAdd(visit(e.getLHS()), visit(e.getRHS())); }
  llvm::Value *visitMulExpr(AffineBinaryOpExpr e) {
    llvm::Value *lhs = visit(e.getLHS()), *rhs = visit(e.getRHS());
    if (!Overflow)
      return Builder.CreateMul(lhs, rhs);
    llvm::Value *pair = Builder.CreateBinaryIntrinsic(llvm::Intrinsic::smul_with_overflow, lhs, rhs);
    *Overflow = Builder.CreateOr(*Overflow, Builder.CreateExtractValue(pair, 1));
    return Builder.CreateExtractValue(pair, 0);
  }
  llvm::Value *visitModExpr(AffineBinaryOpExpr e) {
    llvm::Value *value = visit(e.getLHS()), *divisor = visit(e.getRHS());
    return Builder.CreateSub(value, Builder.CreateMul(floorDivide(value, divisor), divisor));
  }
  llvm::Value *visitFloorDivExpr(AffineBinaryOpExpr e) { return floorDivide(visit(e.getLHS()), visit(e.getRHS())); }
  llvm::Value *visitCeilDivExpr(AffineBinaryOpExpr e) {
    return Builder.CreateNeg(floorDivide(Builder.CreateNeg(visit(e.getLHS())), visit(e.getRHS())));
  }

private:
  /// Divisors are positive, so a negative rest is one that was rounded up.
  llvm::Value *floorDivide(llvm::Value *value, llvm::Value *divisor) {
    llvm::Value *rest = Builder.CreateSRem(value, divisor);
    llvm::Value *below = Builder.CreateICmpSLT(rest, Builder.getInt64(0));
    return Builder.CreateAdd(Builder.CreateSDiv(value, divisor), Builder.CreateSExt(below, Builder.getInt64Ty()));
  }

  llvm::IRBuilderBase &Builder;
  ArrayRef<llvm::Value *> Symbols;
  llvm::Value **Overflow; ///< where not null: set when a product leaves 64 bits
};
} // namespace

llvm::Value *lathe::emitAffine(llvm::IRBuilderBase &builder, AffineExpr expression, ArrayRef<llvm::Value *> symbols) {
  return AffineEmitter(builder, symbols).visit(expression);
}

//===- Programs ---------------------------------------------------------------------------------------------------===//

HostEntryNames::HostEntryNames(plan::ProgramOp program) {
  std::string prefix = "lathe_" + program.getSymName().str();
  Run = prefix + "_run";
  ArenaBytes = prefix + "_arena_bytes";
  OutputDims = prefix + "_output_dims";
}

namespace {
class ProgramEmitter {
public:
  ProgramEmitter(plan::ProgramOp program, llvm::Module &module, LaunchLowering &lowering)
      : Program(program), Module(module), Lowering(lowering), Builder(module.getContext()), Abi(module.getContext()),
        Data(program->getParentOfType<ModuleOp>()) {}

  LogicalResult emitRun(StringRef name);
  void emitArenaBytes(StringRef name);
  void emitOutputDims(StringRef name);

private:
  llvm::Function *createFunction(StringRef name, llvm::Type *result, unsigned parameters);
  void loadSymbols(llvm::Value *address);
  void emitDispatch(llvm::function_ref<void(plan::CloneOp)> emitClone);
  void loadPorts(llvm::Value *call);
  LogicalResult emitBlock(Block &block);
  LogicalResult emitOperation(Operation *op);
  LogicalResult emitAddress(plan::AddressOp address);
  LogicalResult emitLaunch(plan::LaunchOp launch);
  FailureOr<llvm::Value *> emitCollective(plan::LaunchOp launch, Operation *collective);
  void emitCopy(plan::CopyOp copy);
  void emitAllocate(plan::AllocateOp allocate);
  void emitOutput(plan::OutputOp output);
  void emitReadSizes(plan::ReadSizesOp read);
  LogicalResult emitIf(plan::IfOp op);
  LogicalResult emitLoop(plan::LoopOp op);

  llvm::Value *emitCall(HostFunction function, llvm::Type *result, ArrayRef<llvm::Value *> arguments);
  llvm::Value *emitRead(Value buffer, int64_t bytes);
  llvm::Value *loadElement(llvm::Type *type, llvm::Value *address, unsigned index = 0);
  llvm::Value *loadCondition(Value buffer);
  llvm::Value *offset(llvm::Value *address, AffineMap by) {
    return Builder.CreateInBoundsGEP(Builder.getInt8Ty(), address, emitMap(by));
  }
  SmallVector<llvm::Value *> emitSizes(std::optional<AffineMap> sizes);
  /// Ends the call with `fault` unless `good`; `explain` says why before.
  void stopUnless(llvm::Value *good, llvm::Value *fault, llvm::function_ref<void()> explain = nullptr);
  /// The name of the model's node that `op` is of.
  llvm::Value *getNode(Operation *op);
  void emitExplain(Operation *op, llvm::Value *fault, ArrayRef<llvm::Value *> numbers = {});
  llvm::BasicBlock *createBlock(const char *name) {
    return llvm::BasicBlock::Create(Module.getContext(), name, Builder.GetInsertBlock()->getParent());
  }
  llvm::Value *emitMap(AffineMap map) { return emitAffine(Builder, map.getResult(0), Symbols); }

  plan::ProgramOp Program;
  llvm::Module &Module;
  LaunchLowering &Lowering;
  llvm::IRBuilder<> Builder;
  HostAbiTypes Abi;
  SymbolTable Data;
  llvm::Value *Call = nullptr;
  SmallVector<llvm::Value *> Symbols; ///< the program's, then data symbols, null before they are defined
  llvm::StringMap<llvm::Value *> Names;
  SmallVector<llvm::AllocaInst *> Arrays;
  llvm::DenseMap<Value, llvm::Value *> Addresses;
};
} // namespace

llvm::Function *ProgramEmitter::createFunction(StringRef name, llvm::Type *result, unsigned parameters) {
  auto *type = llvm::FunctionType::get(result, SmallVector<llvm::Type *>(parameters, Builder.getPtrTy()), false);
  auto *function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, Module);
  function->setDSOLocal(true);
  function->setDoesNotThrow();
  Builder.SetInsertPoint(llvm::BasicBlock::Create(Module.getContext(), "entry", function));
  return function;
}

void ProgramEmitter::loadSymbols(llvm::Value *address) {
  Symbols.clear();
  for (unsigned i = 0; i < Program.getSymbols().size(); ++i)
    Symbols.push_back(Builder.CreateLoad(Builder.getInt64Ty(),
                                         Builder.CreateConstInBoundsGEP1_64(Builder.getInt64Ty(), address, i),
                                         cast<SymbolAttr>(Program.getSymbols()[i]).getName()));
}

/// Emits each clone behind the test of its range; a clone must end its blocks itself. Leaves the builder where no clone
/// serves the call.
void ProgramEmitter::emitDispatch(llvm::function_ref<void(plan::CloneOp)> emitClone) {
  llvm::Function *function = Builder.GetInsertBlock()->getParent();
  for (auto clone : Program.getBody().front().getOps<plan::CloneOp>()) {
    auto *serves = llvm::BasicBlock::Create(Module.getContext(), "clone", function);
    auto *next = llvm::BasicBlock::Create(Module.getContext(), "next", function);
    llvm::Value *inRange = Builder.getTrue();
    for (auto range : clone.getRange().getAsRange<SymbolAttr>())
      for (auto [i, symbol] : llvm::enumerate(Program.getSymbols().getAsRange<SymbolAttr>()))
        if (symbol.getName() == range.getName())
          inRange = Builder.CreateAnd(Builder.CreateICmpSGE(Symbols[i], Builder.getInt64(range.getMin())),
                                      Builder.CreateICmpSLE(Symbols[i], Builder.getInt64(range.getMax())));
    Builder.CreateCondBr(inRange, serves, next);
    Builder.SetInsertPoint(serves);
    emitClone(clone);
    Builder.SetInsertPoint(next);
  }
}

void ProgramEmitter::emitArenaBytes(StringRef name) {
  llvm::Function *function = createFunction(name, Builder.getInt64Ty(), 1);
  loadSymbols(function->getArg(0));
  emitDispatch([&](plan::CloneOp clone) { Builder.CreateRet(emitMap(clone.getArena())); });
  Builder.CreateRet(Builder.getInt64(0));
}

static bool dependsOnData(AffineExpr size, size_t entrySymbols) {
  bool found = false;
  size.walk([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    found |= symbol && symbol.getPosition() >= entrySymbols;
  });
  return found;
}

/// What `size` is at most, or at least, as an expression over the entry's symbols. Sizes are never negative.
static AffineExpr boundSize(AffineExpr size, size_t entrySymbols, const Bounds &bounds, bool above) {
  if (!dependsOnData(size, entrySymbols))
    return size;
  auto [least, most] = bounds.getRange(size);
  AffineExpr limit = getAffineConstantExpr(above ? most : least, size.getContext());
  auto binary = dyn_cast<AffineBinaryOpExpr>(size);
  if (!binary)
    return limit;
  auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  auto bound = [&](AffineExpr part, bool up) { return boundSize(part, entrySymbols, bounds, up); };
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return bound(binary.getLHS(), above) + bound(binary.getRHS(), above);
  case AffineExprKind::Mul:
    if (factor)
      return bound(binary.getLHS(), above == (factor.getValue() >= 0)) * factor.getValue();
    return bound(binary.getLHS(), above) * bound(binary.getRHS(), above);
  case AffineExprKind::FloorDiv:
    return factor ? bound(binary.getLHS(), above).floorDiv(factor.getValue()) : limit;
  case AffineExprKind::CeilDiv:
    return factor ? bound(binary.getLHS(), above).ceilDiv(factor.getValue()) : limit;
  default:
    return limit;
  }
}

void ProgramEmitter::emitOutputDims(StringRef name) {
  llvm::Function *function = createFunction(name, Builder.getVoidTy(), 2);
  loadSymbols(function->getArg(0));
  unsigned next = 0;
  SmallVector<SymbolAttr> known = Program.getPortSymbols();
  Bounds bounds(known);
  auto emitSize = [&](AffineExpr size) -> llvm::Value * {
    size_t entry = Program.getSymbols().size();
    if (!dependsOnData(size, entry))
      return emitAffine(Builder, size, Symbols);
    if (bounds.getRange(size).second >= UnboundedSize)
      return Builder.getInt64(~INT64_MAX);
    return Builder.CreateNot(emitAffine(Builder, boundSize(size, entry, bounds, /*above=*/true), Symbols));
  };
  for (auto port : Program.getOutputs().getAsRange<plan::PortAttr>())
    for (AffineExpr size : port.getDims().getResults())
      Builder.CreateStore(emitSize(size),
                          Builder.CreateConstInBoundsGEP1_64(Builder.getInt64Ty(), function->getArg(1), next++));
  Builder.CreateRetVoid();
}

/// The block's arguments: addresses of the inputs, the outputs, the states.
void ProgramEmitter::loadPorts(llvm::Value *call) {
  unsigned argument = 0;
  auto load = [&](unsigned field, unsigned count) {
    llvm::Value *list = count ? Abi.loadCallField(Builder, call, field) : nullptr;
    for (unsigned i = 0; i < count; ++i)
      Addresses[Program.getBody().getArgument(argument++)] =
          Builder.CreateLoad(Builder.getPtrTy(), Builder.CreateConstInBoundsGEP1_64(Builder.getPtrTy(), list, i));
  };
  load(3, Program.getInputs().size());
  load(4, Program.getOutputs().size());
  load(5, Program.getStates().size());
}

LogicalResult ProgramEmitter::emitRun(StringRef name) {
  llvm::Function *function = createFunction(name, Builder.getInt32Ty(), 1);
  Call = function->getArg(0);
  Call->setName("call");
  loadSymbols(Abi.loadCallField(Builder, Call, 2));
  loadPorts(Call);
  LogicalResult result = success();
  emitDispatch([&](plan::CloneOp clone) {
    Symbols.resize(clone.getAllSymbols().size());
    if (failed(emitBlock(clone.getBody().front())))
      result = failure();
    Builder.CreateRet(Builder.getInt32(runtime::HostDone));
  });
  Builder.CreateRet(Builder.getInt32(runtime::HostNoClone));
  return result;
}

/// Reports every operation that cannot be lowered, not the first alone.
LogicalResult ProgramEmitter::emitBlock(Block &block) {
  LogicalResult result = success();
  for (Operation &op : block)
    if (!op.hasTrait<OpTrait::IsTerminator>() && failed(emitOperation(&op)))
      result = failure();
  return result;
}

LogicalResult ProgramEmitter::emitOperation(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](plan::AddressOp address) { return emitAddress(address); })
      .Case([&](plan::LaunchOp launch) { return emitLaunch(launch); })
      .Case([&](plan::IfOp branch) { return emitIf(branch); })
      .Case([&](plan::LoopOp loop) { return emitLoop(loop); })
      .Case([&](plan::BufferOp buffer) {
        Addresses[buffer] = offset(Abi.loadCallField(Builder, Call, 7), buffer.getOffset());
        return success();
      })
      .Case([&](plan::ViewOp view) {
        Addresses[view] = offset(Addresses.lookup(view.getSource()), view.getOffset());
        return success();
      })
      .Case([&](plan::NullOp null) {
        Addresses[null] = llvm::ConstantPointerNull::get(Builder.getPtrTy());
        return success();
      })
      .Case([&](plan::CopyOp copy) { return emitCopy(copy), success(); })
      .Case([&](plan::AllocateOp allocate) { return emitAllocate(allocate), success(); })
      .Case([&](plan::OutputOp output) { return emitOutput(output), success(); })
      .Case([&](plan::ReadSizesOp read) { return emitReadSizes(read), success(); })
      .Default([](Operation *other) -> LogicalResult {
        return other->emitOpError() << "has no place in a 'plan.clone' when code is generated";
      });
}

LogicalResult ProgramEmitter::emitAddress(plan::AddressOp address) {
  auto data = Data.lookup<plan::DataOp>(address.getData());
  if (!data)
    return address.emitOpError() << "names '" << address.getData() << "', which is no 'plan.data' of the module";
  Addresses[address] =
      Builder.CreateConstInBoundsGEP1_64(Builder.getInt8Ty(), Abi.loadCallField(Builder, Call, 6), data.getOffset());
  return success();
}

llvm::Value *ProgramEmitter::emitCall(HostFunction function, llvm::Type *result, ArrayRef<llvm::Value *> arguments) {
  SmallVector<llvm::Value *> all = {Call};
  llvm::append_range(all, arguments);
  SmallVector<llvm::Type *> types = llvm::map_to_vector(all, [](llvm::Value *value) { return value->getType(); });
  return Builder.CreateCall(llvm::FunctionType::get(result, types, false), Abi.loadFunction(Builder, Call, function),
                            all);
}

void ProgramEmitter::emitCopy(plan::CopyOp copy) {
  llvm::Value *fault =
      emitCall(HostFunction::Copy, Builder.getInt32Ty(),
               {Addresses.lookup(copy.getTarget()), Addresses.lookup(copy.getSource()), emitMap(copy.getBytes())});
  stopUnless(Builder.CreateICmpEQ(fault, Builder.getInt32(runtime::HostDone)), fault);
}

Operation *lathe::findCollective(plan::LaunchOp launch) {
  Operation *op = &launch.getBody().front().front();
  return isCollective(op) ? op : nullptr;
}

/// As `lathe_type` of runtime/include/lathe.h; nothing for types that ranks do not exchange.
static std::optional<uint32_t> getExchangedType(Type type) {
  if (type.isF32())
    return LATHE_F32;
  if (type.isF16())
    return LATHE_F16;
  if (type.isBF16())
    return LATHE_BF16;
  if (type.isSignlessInteger(32))
    return LATHE_I32;
  if (type.isSignlessInteger(64))
    return LATHE_I64;
  return std::nullopt;
}

/// What is exchanged is a constant of the image, the same on all ranks. The count is of what one rank gives or gets,
/// whichever is less.
FailureOr<llvm::Value *> ProgramEmitter::emitCollective(plan::LaunchOp launch, Operation *collective) {
  StringRef axis = getCollectiveAxis(collective);
  std::optional<unsigned> index = Grid::of(launch).find(axis);
  if (!index)
    return launch.emitOpError() << "exchanges along '" << axis << "', which is no axis of the module's grid";
  bool gathers = isa<AllGatherOp>(collective), scatters = isa<ReduceScatterOp>(collective);
  auto type = cast<RankedTensorType>(collective->getOperand(0).getType());
  std::optional<uint32_t> element = getExchangedType(type.getElementType());
  if (!element)
    return launch.emitOpError() << "exchanges elements of type " << type.getElementType()
                                << ", needed f16, bf16, f32, i32 or i64";
  runtime::CollectiveKind kind = gathers    ? runtime::CollectiveKind::AllGather
                                 : scatters ? runtime::CollectiveKind::ReduceScatter
                                            : runtime::CollectiveKind::AllReduce;
  uint32_t fields[] = {uint32_t(kind), *element, *index, uint32_t(runtime::Reduction::Sum)};
  llvm::Constant *what = llvm::ConstantDataArray::get(Module.getContext(), fields);
  auto *global = new llvm::GlobalVariable(Module, what->getType(), /*isConstant=*/true,
                                          llvm::GlobalValue::PrivateLinkage, what, "collective");
  AffineExpr count = getAffineConstantExpr(1, launch.getContext());
  for (AffineExpr dim : cast<AffineMapAttr>(launch.getShapes()[scatters ? 1 : 0]).getValue().getResults())
    count = count * dim;
  return emitCall(HostFunction::Collective, Builder.getInt32Ty(),
                  {global, Addresses.lookup(launch.getOutputs()[0]), Addresses.lookup(launch.getInputs()[0]),
                   emitAffine(Builder, count, Symbols)});
}

LogicalResult ProgramEmitter::emitLaunch(plan::LaunchOp launch) {
  if (Operation *collective = findCollective(launch)) {
    FailureOr<llvm::Value *> fault = emitCollective(launch, collective);
    if (failed(fault))
      return failure();
    stopUnless(Builder.CreateICmpEQ(*fault, Builder.getInt32(runtime::HostDone)), *fault,
               [&] { emitExplain(launch, *fault); });
    return success();
  }
  HostLaunch host(Builder, Call, Arrays);
  host.Node = getNode(launch);
  host.Symbols = Symbols;
  for (ValueRange buffers : {ValueRange(launch.getInputs()), ValueRange(launch.getOutputs())})
    for (Value buffer : buffers)
      host.Buffers.push_back(Addresses.lookup(buffer));
  for (AffineExpr dim : launch.getDynamicDims())
    host.Dims.push_back(emitAffine(Builder, dim, Symbols));
  FailureOr<llvm::Value *> fault = Lowering.lower(launch, host);
  if (failed(fault))
    return failure();
  stopUnless(Builder.CreateICmpEQ(*fault, Builder.getInt32(runtime::HostDone)), *fault,
             [&] { emitExplain(launch, *fault); });
  return success();
}

//===- Data and control flow --------------------------------------------------------------------------------------===//

/// What a model's user knows the operation as: the name of its node, or failing that of its kernel.
static std::string getNodeName(Operation *op) {
  std::string name;
  op->getLoc()->walk([&](Location location) {
    auto named = dyn_cast<NameLoc>(location);
    if (!named)
      return WalkResult::advance();
    name = named.getName().str();
    return WalkResult::interrupt();
  });
  if (auto launch = dyn_cast<plan::LaunchOp>(op); launch && name.empty())
    name = launch.getKernel().getKernelTemplate().str();
  return name.empty() ? op->getName().getStringRef().str() : name;
}

llvm::Value *ProgramEmitter::getNode(Operation *op) {
  std::string name = getNodeName(op);
  llvm::Value *&text = Names[name];
  if (!text)
    text = Builder.CreateGlobalString(name);
  return text;
}

void ProgramEmitter::emitExplain(Operation *op, llvm::Value *fault, ArrayRef<llvm::Value *> numbers) {
  SmallVector<llvm::Value *> arguments = {fault, getNode(op)};
  llvm::append_range(arguments, numbers);
  arguments.resize(5, Builder.getInt64(0));
  emitCall(HostFunction::Explain, Builder.getVoidTy(), arguments);
}

void ProgramEmitter::stopUnless(llvm::Value *good, llvm::Value *fault, llvm::function_ref<void()> explain) {
  llvm::BasicBlock *stop = createBlock("stop"), *next = createBlock("continue");
  Builder.CreateCondBr(good, next, stop);
  Builder.SetInsertPoint(stop);
  if (explain)
    explain();
  Builder.CreateRet(fault);
  Builder.SetInsertPoint(next);
}

/// Where the host finds what is in the buffer when all work before is done.
llvm::Value *ProgramEmitter::emitRead(Value buffer, int64_t bytes) {
  llvm::Value *address =
      emitCall(HostFunction::Read, Builder.getPtrTy(), {Addresses.lookup(buffer), Builder.getInt64(bytes)});
  stopUnless(Builder.CreateIsNotNull(address), Builder.getInt32(runtime::HostNotRead));
  return address;
}

llvm::Value *ProgramEmitter::loadElement(llvm::Type *type, llvm::Value *address, unsigned index) {
  return Builder.CreateAlignedLoad(type, Builder.CreateConstInBoundsGEP1_64(type, address, index), llvm::Align(1));
}

llvm::Value *ProgramEmitter::loadCondition(Value buffer) {
  return Builder.CreateICmpNE(loadElement(Builder.getInt8Ty(), emitRead(buffer, 1)), Builder.getInt8(0));
}

SmallVector<llvm::Value *> ProgramEmitter::emitSizes(std::optional<AffineMap> sizes) {
  SmallVector<llvm::Value *> values;
  if (sizes)
    for (AffineExpr size : sizes->getResults())
      values.push_back(emitAffine(Builder, size, Symbols));
  return values;
}

/// Bytes beyond 64 bits are more than there can be.
void ProgramEmitter::emitAllocate(plan::AllocateOp allocate) {
  llvm::Value *overflow = Builder.getFalse();
  llvm::Value *bytes = AffineEmitter(Builder, Symbols, &overflow).visit(allocate.getBytes().getResult(0));
  bytes = Builder.CreateSelect(overflow, Builder.getInt64(INT64_MAX), bytes);
  llvm::Value *slot = Builder.getInt64(allocate.getSlot());
  if (allocate.getRound())
    slot = Builder.CreateAdd(slot, Builder.CreateAnd(Symbols[*allocate.getRound()], 1));
  llvm::Value *keep = allocate.getKeep() ? emitMap(*allocate.getKeep()) : Builder.getInt64(0);
  llvm::Value *address = emitCall(HostFunction::Allocate, Builder.getPtrTy(), {slot, bytes, keep});
  stopUnless(Builder.CreateIsNotNull(address), Builder.getInt32(runtime::HostOutOfMemory));
  Addresses[allocate] = address;
}

void ProgramEmitter::emitOutput(plan::OutputOp output) {
  llvm::Value *dims = HostLaunch(Builder, Call, Arrays).createArray(0, emitSizes(output.getSizes()));
  llvm::Value *address =
      emitCall(HostFunction::BindOutput, Builder.getPtrTy(), {Builder.getInt64(output.getIndex()), dims});
  stopUnless(Builder.CreateIsNotNull(address), Builder.getInt32(runtime::HostOutputTooSmall));
  Addresses[output] = address;
}

void ProgramEmitter::emitReadSizes(plan::ReadSizesOp read) {
  llvm::Value *sizes = emitRead(read.getSource(), read.getSymbols().size() * sizeof(int64_t));
  for (auto [i, symbol, min, max] : llvm::enumerate(read.getSymbols(), read.getMin(), read.getMax())) {
    llvm::Value *size = loadElement(Builder.getInt64Ty(), sizes, i);
    llvm::Value *least = Builder.getInt64(min), *most = Builder.getInt64(max);
    llvm::Value *good = Builder.CreateAnd(Builder.CreateICmpSGE(size, least), Builder.CreateICmpSLE(size, most));
    llvm::Value *fault = Builder.getInt32(runtime::HostSizeOutOfRange);
    stopUnless(good, fault, [&] { emitExplain(read, fault, {size, least, most}); });
    if (symbol >= 0)
      Symbols[symbol] = size;
  }
}

LogicalResult ProgramEmitter::emitIf(plan::IfOp op) {
  llvm::Value *condition = loadCondition(op.getCondition());
  llvm::BasicBlock *starts[] = {createBlock("then"), createBlock("else")}, *join = createBlock("join");
  Builder.CreateCondBr(condition, starts[0], starts[1]);
  SmallVector<llvm::Value *> values[2];
  llvm::BasicBlock *ends[2];
  LogicalResult result = success();
  for (unsigned i = 0; i < 2; ++i) {
    Builder.SetInsertPoint(starts[i]);
    Block &block = op->getRegion(i).front();
    if (failed(emitBlock(block)))
      result = failure();
    auto yield = cast<plan::YieldOp>(block.getTerminator());
    for (Value address : yield.getAddresses())
      values[i].push_back(Addresses.lookup(address));
    llvm::append_range(values[i], emitSizes(yield.getSizes()));
    ends[i] = Builder.GetInsertBlock();
    Builder.CreateBr(join);
  }
  if (failed(result))
    return failure();
  Builder.SetInsertPoint(join);
  for (unsigned k = 0; k < values[0].size(); ++k) {
    llvm::PHINode *phi = Builder.CreatePHI(values[0][k]->getType(), 2);
    for (unsigned i = 0; i < 2; ++i)
      phi->addIncoming(values[i][k], ends[i]);
    if (k < op.getNumResults())
      Addresses[op.getResult(k)] = phi;
    else
      Symbols[op.getDefines()[k - op.getNumResults()]] = phi;
  }
  return success();
}

/// What goes from round to round, as values at the loop's head: the round, the condition, addresses, sizes.
LogicalResult ProgramEmitter::emitLoop(plan::LoopOp op) {
  llvm::Value *limit = op.getLimit() ? emitMap(*op.getLimit()) : Builder.getInt64(INT64_MAX);
  if (op.getTrip())
    limit = Builder.CreateBinaryIntrinsic(llvm::Intrinsic::smin, limit,
                                          loadElement(Builder.getInt64Ty(), emitRead(op.getTrip(), sizeof(int64_t))));
  SmallVector<llvm::Value *> first = {Builder.getInt64(0)};
  first.push_back(op.getCondition() ? loadCondition(op.getCondition()) : Builder.getTrue());
  for (Value address : op.getCarried())
    first.push_back(Addresses.lookup(address));
  llvm::append_range(first, emitSizes(op.getSizes()));
  llvm::BasicBlock *before = Builder.GetInsertBlock(), *head = createBlock("loop"), *body = createBlock("round"),
                   *after = createBlock("after");
  Builder.CreateBr(head);
  Builder.SetInsertPoint(head);
  SmallVector<llvm::PHINode *> phis;
  for (llvm::Value *value : first) {
    phis.push_back(Builder.CreatePHI(value->getType(), 2));
    phis.back()->addIncoming(value, before);
  }
  Symbols[op.getRound()] = phis[0];
  for (auto [argument, result, phi] :
       llvm::zip_equal(op.getBody().getArguments(), op.getResults(), ArrayRef(phis).slice(2, op.getNumResults()))) {
    Addresses[argument] = phi;
    Addresses[result] = phi;
  }
  ArrayRef<llvm::PHINode *> sizes = ArrayRef(phis).drop_front(2 + op.getNumResults());
  auto define = [&] {
    for (auto [symbol, size] : llvm::zip_equal(op.getDefines(), sizes))
      Symbols[symbol] = size;
  };
  define();
  Builder.CreateCondBr(Builder.CreateAnd(Builder.CreateICmpSLT(phis[0], limit), phis[1]), body, after);
  Builder.SetInsertPoint(body);
  if (op.getCount()) {
    llvm::Value *fault =
        emitCall(HostFunction::Write, Builder.getInt32Ty(), {Addresses.lookup(op.getCount()), phis[0]});
    stopUnless(Builder.CreateICmpEQ(fault, Builder.getInt32(runtime::HostDone)), fault);
  }
  if (failed(emitBlock(op.getBody().front())))
    return failure();
  auto yield = cast<plan::YieldOp>(op.getBody().front().getTerminator());
  ValueRange addresses = yield.getAddresses();
  SmallVector<llvm::Value *> next = {Builder.CreateAdd(phis[0], Builder.getInt64(1)), Builder.getTrue()};
  if (op.getCondition()) {
    next[1] = loadCondition(addresses.front());
    addresses = addresses.drop_front();
  }
  for (Value address : addresses)
    next.push_back(Addresses.lookup(address));
  llvm::append_range(next, emitSizes(yield.getSizes()));
  for (auto [phi, value] : llvm::zip_equal(phis, next))
    phi->addIncoming(value, Builder.GetInsertBlock());
  Builder.CreateBr(head);
  Builder.SetInsertPoint(after);
  return success();
}

LogicalResult lathe::emitHostProgram(plan::ProgramOp program, llvm::Module &module, LaunchLowering &lowering) {
  HostEntryNames names(program);
  ProgramEmitter emitter(program, module, lowering);
  emitter.emitArenaBytes(names.ArenaBytes);
  emitter.emitOutputDims(names.OutputDims);
  return emitter.emitRun(names.Run);
}
