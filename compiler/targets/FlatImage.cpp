// Layout by LLVM's JITLink: it reads the object into a graph of blocks and edges; we give the blocks addresses from 0
// on and let it resolve the edges. Of the edges only those between two places of the image are let through: their
// values do not change when the whole image moves.
#include "compiler/targets/HostImage.h"
#include "llvm/ExecutionEngine/JITLink/ELF.h"
#include "llvm/ExecutionEngine/JITLink/x86_64.h"
#include "llvm/ExecutionEngine/Orc/SymbolStringPool.h"

using namespace llvm;
using namespace llvm::jitlink;

/// Pages are mapped in units of this, so images are padded to it.
static constexpr uint64_t PageBytes = 4096;

static bool isRelative(Edge::Kind kind) {
  switch (kind) {
  case x86_64::Delta64:
  case x86_64::Delta32:
  case x86_64::BranchPCRel32:
  case x86_64::PCRel32:
    return true;
  default:
    return false;
  }
}

/// Sections that are no part of the running program, such as notes and unwind tables.
static bool isLeftOut(const Section &section) {
  return section.getMemLifetime() == orc::MemLifetime::NoAlloc || section.getName().starts_with(".note") ||
         section.getName() == ".eh_frame";
}

/// Sections in the image's order: code first, then constants, each kind by name.
static Expected<std::vector<Section *>> orderSections(LinkGraph &graph) {
  std::vector<Section *> sections;
  for (Section &section : graph.sections()) {
    if (isLeftOut(section) || section.blocks().empty())
      continue;
    if ((section.getMemProt() & orc::MemProt::Write) != orc::MemProt::None)
      return createStringError(
          "host image: section '%s' holds data to be written, only code and constants can be laid out",
          section.getName().str().c_str());
    sections.push_back(&section);
  }
  auto isCode = [](const Section *s) { return (s->getMemProt() & orc::MemProt::Exec) != orc::MemProt::None; };
  llvm::sort(sections, [&](const Section *a, const Section *b) {
    return std::pair(!isCode(a), a->getName()) < std::pair(!isCode(b), b->getName());
  });
  return sections;
}

/// The blocks of a section as they stood in the object.
static std::vector<Block *> orderBlocks(Section &section) {
  std::vector<Block *> blocks(section.blocks().begin(), section.blocks().end());
  llvm::sort(blocks, [](const Block *a, const Block *b) {
    return std::pair(a->getAddress(), a->getSize()) < std::pair(b->getAddress(), b->getSize());
  });
  return blocks;
}

static Error resolveEdges(LinkGraph &graph, Block &block) {
  for (Edge &edge : block.edges()) {
    if (edge.getKind() < Edge::FirstRelocation)
      continue; // "keep alive" and its kin
    Symbol &target = edge.getTarget();
    StringRef name = target.hasName() ? *target.getName() : StringRef("(unnamed)");
    if (!target.isDefined())
      return createStringError("host image: symbol '%s' is not defined, an image has no imports", name.str().c_str());
    if (!isRelative(edge.getKind()))
      return createStringError(
          "host image: reference to '%s' is of kind %s, which depends on where the image is mapped", name.str().c_str(),
          graph.getEdgeKindName(edge.getKind()));
    if (Error error = x86_64::applyFixup(graph, block, edge, nullptr))
      return error;
  }
  return Error::success();
}

Expected<std::vector<uint8_t>> lathe::layOutFlatImage(MemoryBufferRef object, ArrayRef<std::string> symbols,
                                                      SmallVectorImpl<int64_t> &offsets) {
  auto graph = createLinkGraphFromELFObject(object, std::make_shared<orc::SymbolStringPool>());
  if (!graph)
    return graph.takeError();
  auto sections = orderSections(**graph);
  if (!sections)
    return sections.takeError();

  std::vector<Block *> blocks;
  uint64_t end = 0;
  for (Section *section : *sections)
    for (Block *block : orderBlocks(*section)) {
      end = alignTo(end, block->getAlignment());
      block->setAddress(orc::ExecutorAddr(end));
      (void)block->getMutableContent(**graph); // zero-filled blocks get bytes, all become writable
      end += block->getSize();
      blocks.push_back(block);
    }

  std::vector<uint8_t> image(alignTo(end, PageBytes));
  for (Block *block : blocks) {
    if (Error error = resolveEdges(**graph, *block))
      return std::move(error);
    ArrayRef<char> content = block->getContent();
    std::copy(content.begin(), content.end(), image.begin() + block->getAddress().getValue());
  }
  for (const std::string &wanted : symbols) {
    auto defined = (*graph)->defined_symbols();
    auto found =
        llvm::find_if(defined, [&](Symbol *symbol) { return symbol->hasName() && *symbol->getName() == wanted; });
    if (found == defined.end())
      return createStringError("host image: symbol '%s' is missing from the object", wanted.c_str());
    offsets.push_back((*found)->getAddress().getValue());
  }
  return image;
}
