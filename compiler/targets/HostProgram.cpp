#include "compiler/targets/HostProgram.h"
#include "mlir/IR/AffineExprVisitor.h"

using namespace mlir;
using namespace lathe;

//===- The ABI ----------------------------------------------------------------------------------------------------===//

HostAbiTypes::HostAbiTypes(llvm::LLVMContext &context) {
  llvm::Type *pointer = llvm::PointerType::get(context, 0), *i32 = llvm::Type::getInt32Ty(context);
  Call = llvm::StructType::create(context, SmallVector<llvm::Type *>(8, pointer), "HostCall");
  SmallVector<llvm::Type *> functions(2 + unsigned(HostFunction::Math) + 1, pointer);
  functions[0] = functions[1] = i32;
  Api = llvm::StructType::create(context, functions, "HostApi");
  llvm::Type *three = llvm::ArrayType::get(i32, 3);
  CudaLaunch = llvm::StructType::create(context, {i32, three, three, i32}, "CudaLaunch");
}

static_assert(sizeof(runtime::HostCall) == 8 * sizeof(void *), "HostAbiTypes::Call mirrors HostCall");
static_assert(offsetof(runtime::HostApi, math) == 8 + unsigned(HostFunction::Math) * sizeof(void *) &&
                  sizeof(runtime::HostApi) == offsetof(runtime::HostApi, math) + sizeof(void *),
              "HostFunction lists the functions of HostApi in order");
static_assert(sizeof(runtime::CudaLaunch) == 8 * sizeof(uint32_t), "HostAbiTypes::CudaLaunch mirrors CudaLaunch");

static llvm::MDNode *getEmptyNode(llvm::IRBuilderBase &builder) { return llvm::MDNode::get(builder.getContext(), {}); }

llvm::Value *HostAbiTypes::loadCallField(llvm::IRBuilderBase &builder, llvm::Value *call, unsigned field) const {
  llvm::LoadInst *load = builder.CreateLoad(builder.getPtrTy(), builder.CreateStructGEP(Call, call, field));
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
  AffineEmitter(llvm::IRBuilderBase &builder, ArrayRef<llvm::Value *> symbols) : Builder(builder), Symbols(symbols) {}

  llvm::Value *visitConstantExpr(AffineConstantExpr e) { return Builder.getInt64(e.getValue()); }
  llvm::Value *visitSymbolExpr(AffineSymbolExpr e) { return Symbols[e.getPosition()]; }
  llvm::Value *visitDimExpr(AffineDimExpr) { llvm_unreachable("sizes and offsets are maps over symbols alone"); }
  llvm::Value *visitAddExpr(AffineBinaryOpExpr e) { return Builder.CreateAdd(visit(e.getLHS()), visit(e.getRHS())); }
  llvm::Value *visitMulExpr(AffineBinaryOpExpr e) { return Builder.CreateMul(visit(e.getLHS()), visit(e.getRHS())); }
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
  LogicalResult emitClone(plan::CloneOp clone, llvm::Value *call);
  LogicalResult emitLaunch(plan::LaunchOp launch, llvm::Value *call);
  void emitCopy(plan::CopyOp copy, llvm::Value *call);
  void returnUnlessZero(llvm::Value *result);
  llvm::Value *emitMap(AffineMap map) { return emitAffine(Builder, map.getResult(0), Symbols); }

  plan::ProgramOp Program;
  llvm::Module &Module;
  LaunchLowering &Lowering;
  llvm::IRBuilder<> Builder;
  HostAbiTypes Abi;
  SymbolTable Data;
  SmallVector<llvm::Value *> Symbols;
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

void ProgramEmitter::emitOutputDims(StringRef name) {
  llvm::Function *function = createFunction(name, Builder.getVoidTy(), 2);
  loadSymbols(function->getArg(0));
  unsigned next = 0;
  for (auto port : Program.getOutputs().getAsRange<plan::PortAttr>())
    for (AffineExpr size : port.getDims().getResults())
      Builder.CreateStore(emitAffine(Builder, size, Symbols),
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
  llvm::Value *call = function->getArg(0);
  call->setName("call");
  loadSymbols(Abi.loadCallField(Builder, call, 2));
  loadPorts(call);
  LogicalResult result = success();
  emitDispatch([&](plan::CloneOp clone) {
    if (failed(emitClone(clone, call)))
      result = failure();
    Builder.CreateRet(Builder.getInt32(0));
  });
  Builder.CreateRet(Builder.getInt32(1)); // symbols that no clone serves
  return result;
}

LogicalResult ProgramEmitter::emitClone(plan::CloneOp clone, llvm::Value *call) {
  llvm::Value *weights = Abi.loadCallField(Builder, call, 6), *arena = Abi.loadCallField(Builder, call, 7);
  LogicalResult result = success(); // report every launch that cannot be lowered, not the first
  for (Operation &op : clone.getBody().front()) {
    if (auto address = dyn_cast<plan::AddressOp>(op)) {
      auto data = Data.lookup<plan::DataOp>(address.getData());
      if (!data) {
        result = address.emitOpError() << "names '" << address.getData() << "', which is no 'plan.data' of the module";
        continue;
      }
      Addresses[address] = Builder.CreateConstInBoundsGEP1_64(Builder.getInt8Ty(), weights, data.getOffset());
    } else if (auto buffer = dyn_cast<plan::BufferOp>(op)) {
      Addresses[buffer] = Builder.CreateInBoundsGEP(Builder.getInt8Ty(), arena, emitMap(buffer.getOffset()));
    } else if (auto copy = dyn_cast<plan::CopyOp>(op)) {
      emitCopy(copy, call);
    } else if (auto launch = dyn_cast<plan::LaunchOp>(op)) {
      if (failed(emitLaunch(launch, call)))
        result = failure();
    } else {
      result = op.emitOpError() << "has no place in a 'plan.clone' when code is generated";
    }
  }
  return result;
}

void ProgramEmitter::emitCopy(plan::CopyOp copy, llvm::Value *call) {
  auto *type = llvm::FunctionType::get(
      Builder.getInt32Ty(), {Builder.getPtrTy(), Builder.getPtrTy(), Builder.getPtrTy(), Builder.getInt64Ty()}, false);
  returnUnlessZero(Builder.CreateCall(
      type, Abi.loadFunction(Builder, call, HostFunction::Copy),
      {call, Addresses.lookup(copy.getTarget()), Addresses.lookup(copy.getSource()), emitMap(copy.getBytes())}));
}

LogicalResult ProgramEmitter::emitLaunch(plan::LaunchOp launch, llvm::Value *call) {
  HostLaunch host(Builder, call, Arrays);
  host.Symbols = Symbols;
  for (ValueRange buffers : {ValueRange(launch.getInputs()), ValueRange(launch.getOutputs())})
    for (Value buffer : buffers)
      host.Buffers.push_back(Addresses.lookup(buffer));
  for (AffineExpr dim : launch.getDynamicDims())
    host.Dims.push_back(emitAffine(Builder, dim, Symbols));
  FailureOr<llvm::Value *> result = Lowering.lower(launch, host);
  if (failed(result))
    return failure();
  returnUnlessZero(*result);
  return success();
}

void ProgramEmitter::returnUnlessZero(llvm::Value *result) {
  llvm::Function *function = Builder.GetInsertBlock()->getParent();
  auto *stop = llvm::BasicBlock::Create(Module.getContext(), "stop", function);
  auto *next = llvm::BasicBlock::Create(Module.getContext(), "continue", function);
  Builder.CreateCondBr(Builder.CreateICmpEQ(result, Builder.getInt32(0)), next, stop);
  Builder.SetInsertPoint(stop);
  Builder.CreateRet(result);
  Builder.SetInsertPoint(next);
}

LogicalResult lathe::emitHostProgram(plan::ProgramOp program, llvm::Module &module, LaunchLowering &lowering) {
  HostEntryNames names(program);
  ProgramEmitter emitter(program, module, lowering);
  emitter.emitArenaBytes(names.ArenaBytes);
  emitter.emitOutputDims(names.OutputDims);
  return emitter.emitRun(names.Run);
}
