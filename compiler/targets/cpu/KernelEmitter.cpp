#include "compiler/targets/cpu/KernelEmitter.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cpu;

// Elements of a tile where no template sets another: enough to be worth a thread's while, little enough for its cache.
static constexpr int64_t TileElements = 4096;

llvm::Function *TemplateLibrary::get(StringRef name) {
  llvm::Function *function = Templates.getFunction(name);
  if (!function)
    return nullptr;
  auto *declaration = cast<llvm::Function>(Module.getOrInsertFunction(name, function->getFunctionType()).getCallee());
  declaration->setDSOLocal(true);
  return declaration;
}

FailureOr<std::string> cpu::getFormatName(Operation *op, Type element) {
  if (element.isF32())
    return std::string("f32");
  if (element.isF16())
    return std::string("f16");
  if (element.isBF16())
    return std::string("bf16");
  if (isa<Float8E4M3FNType>(element))
    return std::string("f8e4m3fn");
  if (auto gguf = dyn_cast<GgufType>(element))
    return gguf.getFormat().str();
  return op->emitOpError() << "reads elements of type " << element << ", for which the CPU has no kernel";
}

KernelFrame::KernelFrame(llvm::IRBuilderBase &builder, const KernelBody &body, llvm::Value *buffers,
                         llvm::Value *dims) {
  llvm::MDNode *none = llvm::MDNode::get(builder.getContext(), {});
  auto load = [&](llvm::Type *type, llvm::Value *base, unsigned i) {
    llvm::LoadInst *value = builder.CreateLoad(type, builder.CreateConstInBoundsGEP1_64(type, base, i));
    value->setMetadata(llvm::LLVMContext::MD_invariant_load, none);
    return value;
  };
  if (buffers)
    for (unsigned i = 0, n = body.getBlock().getNumArguments() + body.getYield()->getNumOperands(); i < n; ++i)
      Buffers.push_back(load(builder.getPtrTy(), buffers, i));
  for (unsigned i = 0, n = body.getNumSizes() + body.getLayered().size(); i < n; ++i)
    Sizes.push_back(load(builder.getInt64Ty(), dims, i));
}

llvm::Function *cpu::createInternalFunction(llvm::Module &module, llvm::Type *result, ArrayRef<llvm::Type *> parameters,
                                            const Twine &name) {
  auto *function = llvm::Function::Create(llvm::FunctionType::get(result, parameters, false),
                                          llvm::Function::InternalLinkage, name, module);
  function->setDoesNotThrow();
  llvm::BasicBlock::Create(module.getContext(), "entry", function);
  return function;
}

static llvm::Function *emitTiles(const KernelBody &body, AffineExpr tiles, llvm::Module &module, StringRef name) {
  llvm::IRBuilder<> builder(module.getContext());
  llvm::Function *function =
      createInternalFunction(module, builder.getInt64Ty(), {builder.getPtrTy()}, name + "_tiles");
  builder.SetInsertPoint(&function->getEntryBlock());
  KernelFrame frame(builder, body, nullptr, function->getArg(0));
  builder.CreateRet(frame.emit(builder, tiles));
  return function;
}

KernelShell::KernelShell(llvm::Module &module, StringRef name) : Builder(module.getContext()) {
  llvm::Type *pointer = Builder.getPtrTy(), *i64 = Builder.getInt64Ty();
  Function = createInternalFunction(module, Builder.getInt32Ty(), {pointer, pointer, pointer, i64, i64}, name);
  Builder.SetInsertPoint(&Function->getEntryBlock());
  Call = Function->getArg(0);
  Buffers = Function->getArg(1);
  Dims = Function->getArg(2);
  Begin = Function->getArg(3);
  End = Function->getArg(4);
  // struct Launch of kernels/Kernel.h.
  Launch = Builder.CreateAlloca(llvm::ArrayType::get(pointer, 3));
  for (unsigned i = 0; i < 3; ++i)
    Builder.CreateStore(Function->getArg(i), Builder.CreateConstInBoundsGEP1_64(pointer, Launch, i));
}

/// Emits the call of the template of one root of a part.
static LogicalResult emitRoot(const KernelBody &body, const KernelPart &part, Operation *root, KernelShell &shell,
                              const KernelFrame &frame, TemplateLibrary &library, StringRef name, AffineExpr &tiles) {
  FailureOr<RootCall> call = emitRootCall(body, root, shell.Builder, frame, library);
  if (failed(call))
    return failure();
  SmallVector<llvm::Value *> arguments = call->Arguments;
  if (call->TakesStore) {
    AffineExpr elements = body.getElements(root->getResult(0));
    for (unsigned output : part.Outputs)
      if (body.getElements(body.getOutput(output)) != elements)
        return root->emitOpError() << "shares a launch with a result of another number of elements";
    FailureOr<llvm::Function *> store = emitStoreFunction(body, part, root, part.Outputs, library, name);
    if (failed(store))
      return failure();
    arguments.append({*store, shell.Launch});
  }
  arguments.append({shell.Begin, shell.End});
  assert(arguments.size() == call->Template->arg_size() && "a template gets the arguments that its source names");
  shell.Builder.CreateCall(call->Template, arguments);
  tiles = call->Tiles;
  return success();
}

static FailureOr<CpuKernelFunctions> emitRootKernel(const KernelBody &body, const KernelPart &part,
                                                    TemplateLibrary &library, StringRef name) {
  KernelShell shell(library.getModule(), name);
  KernelFrame frame(shell.Builder, body, shell.Buffers, shell.Dims);
  AffineExpr tiles;
  for (auto [i, root] : llvm::enumerate(part.Roots)) {
    std::string store = (root == part.getRoot() ? name + "_store" : name + "_store" + Twine(i)).str();
    if (failed(emitRoot(body, part, root, shell, frame, library, store, tiles)))
      return failure();
  }
  shell.Builder.CreateRet(shell.Builder.getInt32(0));
  return CpuKernelFunctions{shell.Function, emitTiles(body, tiles, library.getModule(), name)};
}

/// Emits `for (tile = max(begin, base); tile < min(end, base + tiles); ++tile) store(launch, null, first, count)`.
static void emitTileLoop(KernelShell &shell, llvm::Function *store, llvm::Value *base, llvm::Value *tiles,
                         llvm::Value *elements) {
  llvm::IRBuilder<> &builder = shell.Builder;
  llvm::LLVMContext &context = builder.getContext();
  llvm::BasicBlock *before = builder.GetInsertBlock();
  auto *header = llvm::BasicBlock::Create(context, "tile", shell.Function);
  auto *body = llvm::BasicBlock::Create(context, "tile.body", shell.Function);
  auto *after = llvm::BasicBlock::Create(context, "tile.end", shell.Function);
  llvm::Value *first = builder.CreateBinaryIntrinsic(llvm::Intrinsic::smax, shell.Begin, base);
  llvm::Value *last = builder.CreateBinaryIntrinsic(llvm::Intrinsic::smin, shell.End, builder.CreateAdd(base, tiles));
  builder.CreateBr(header);
  builder.SetInsertPoint(header);
  llvm::PHINode *tile = builder.CreatePHI(builder.getInt64Ty(), 2);
  tile->addIncoming(first, before);
  builder.CreateCondBr(builder.CreateICmpSLT(tile, last), body, after);
  builder.SetInsertPoint(body);
  llvm::Value *size = builder.getInt64(TileElements);
  llvm::Value *start = builder.CreateMul(builder.CreateSub(tile, base), size);
  llvm::Value *count = builder.CreateBinaryIntrinsic(llvm::Intrinsic::smin, size, builder.CreateSub(elements, start));
  builder.CreateCall(store, {shell.Launch, llvm::ConstantPointerNull::get(builder.getPtrTy()), start, count});
  tile->addIncoming(builder.CreateAdd(tile, builder.getInt64(1)), body);
  builder.CreateBr(header);
  builder.SetInsertPoint(after);
}

/// Results of different sizes have one store function and one range of tiles each.
static FailureOr<CpuKernelFunctions> emitGeneratedKernel(const KernelBody &body, const KernelPart &part,
                                                         TemplateLibrary &library, StringRef name) {
  llvm::MapVector<AffineExpr, SmallVector<unsigned>> groups;
  for (unsigned output : part.Outputs)
    groups[body.getElements(body.getOutput(output))].push_back(output);
  KernelShell shell(library.getModule(), name);
  KernelFrame frame(shell.Builder, body, shell.Buffers, shell.Dims);
  AffineExpr total = getAffineConstantExpr(0, body.getLaunch()->getContext());
  for (auto &[elements, outputs] : groups) {
    FailureOr<llvm::Function *> store =
        emitStoreFunction(body, part, nullptr, outputs, library, (name + "_store" + Twine(outputs.front())).str());
    if (failed(store))
      return failure();
    AffineExpr tiles = elements.ceilDiv(TileElements);
    emitTileLoop(shell, *store, frame.emit(shell.Builder, total), frame.emit(shell.Builder, tiles),
                 frame.emit(shell.Builder, elements));
    total = total + tiles;
  }
  shell.Builder.CreateRet(shell.Builder.getInt32(0));
  return CpuKernelFunctions{shell.Function, emitTiles(body, total, library.getModule(), name)};
}

static FailureOr<CpuKernelFunctions> emitPart(const KernelBody &body, const KernelPart &part, TemplateLibrary &library,
                                              StringRef name) {
  if (isa_and_nonnull<LoopOpInterface>(part.getRoot()))
    return emitLoopKernel(body, part.getRoot(), library, name);
  return part.getRoot() ? emitRootKernel(body, part, library, name) : emitGeneratedKernel(body, part, library, name);
}

/// Emits `if (max(begin - base, 0) < min(end - base, tiles)) if (result = part(...)) return result`.
static void emitPartCall(KernelShell &shell, llvm::Function *part, llvm::Value *base, llvm::Value *tiles) {
  llvm::IRBuilder<> &builder = shell.Builder;
  llvm::LLVMContext &context = builder.getContext();
  auto *run = llvm::BasicBlock::Create(context, "part", shell.Function);
  auto *fault = llvm::BasicBlock::Create(context, "part.fault", shell.Function);
  auto *next = llvm::BasicBlock::Create(context, "part.end", shell.Function);
  llvm::Value *first =
      builder.CreateBinaryIntrinsic(llvm::Intrinsic::smax, builder.CreateSub(shell.Begin, base), builder.getInt64(0));
  llvm::Value *last = builder.CreateBinaryIntrinsic(llvm::Intrinsic::smin, builder.CreateSub(shell.End, base), tiles);
  builder.CreateCondBr(builder.CreateICmpSLT(first, last), run, next);
  builder.SetInsertPoint(run);
  llvm::Value *result = builder.CreateCall(part, {shell.Call, shell.Buffers, shell.Dims, first, last});
  builder.CreateCondBr(builder.CreateIsNotNull(result), fault, next);
  builder.SetInsertPoint(fault);
  builder.CreateRet(result);
  builder.SetInsertPoint(next);
}

/// Several kernels as one: tiles are those of the first part, then those of the second, and so on.
static CpuKernelFunctions emitParts(ArrayRef<CpuKernelFunctions> parts, llvm::Module &module, StringRef name) {
  llvm::IRBuilder<> builder(module.getContext());
  llvm::Function *count = createInternalFunction(module, builder.getInt64Ty(), {builder.getPtrTy()}, name + "_tiles");
  builder.SetInsertPoint(&count->getEntryBlock());
  KernelShell shell(module, name);
  llvm::Value *total = builder.getInt64(0), *base = builder.getInt64(0);
  for (const CpuKernelFunctions &part : parts) {
    total = builder.CreateAdd(total, builder.CreateCall(part.Tiles, {count->getArg(0)}));
    llvm::Value *tiles = shell.Builder.CreateCall(part.Tiles, {shell.Dims});
    emitPartCall(shell, part.Kernel, base, tiles);
    base = shell.Builder.CreateAdd(base, tiles);
  }
  builder.CreateRet(total);
  shell.Builder.CreateRet(shell.Builder.getInt32(0));
  return CpuKernelFunctions{shell.Function, count};
}

FailureOr<CpuKernelFunctions> cpu::emitKernel(const KernelBody &body, TemplateLibrary &library, StringRef name) {
  SmallVector<CpuKernelFunctions> parts;
  ArrayRef<KernelPart> all = body.getParts();
  for (auto [i, part] : llvm::enumerate(all)) {
    FailureOr<CpuKernelFunctions> emitted =
        emitPart(body, part, library, all.size() == 1 ? name.str() : (name + "_part" + Twine(i)).str());
    if (failed(emitted))
      return failure();
    parts.push_back(*emitted);
  }
  return parts.size() == 1 ? parts.front() : emitParts(parts, library.getModule(), name);
}
