// The .lathe file, byte by byte. All integers are little-endian.
//
//  1. Header (128 bytes, struct FileHeader): magic "LATHE\0\r\n", format version, file size, section count,
//     SHA-256 of the section table, SHA-256 of the header itself with that field zeroed.
//  2. Section table: `sectionCount` entries of 96 bytes (struct SectionEntry), directly behind the header.
//  3. Sections, in the table's order, each starting at a multiple of `SectionAlignment` so that it can be mapped alone;
//     the gaps are zero. The kinds:
//       Manifest    JSON, UTF-8: versions, entry points, symbols, shapes, states, kernels, weights (docs/artifact.md)
//       HostImage   flat machine code of one level, mapped read + execute
//       Ptx         PTX texts of all kernels for one architecture, each NUL-terminated
//       Cubin       ELF cubins of all kernels for one architecture
//       Weights     tensors at the offsets the manifest gives, each aligned to `TensorAlignment`
//       Tokenizer   a GGUF file without tensors: the model's entries tokenizer.*, which hold vocabulary, merges,
//                   special ids and chat template
//       Signature   reserved: a detached signature over the section table
//  4. The file ends at `fileBytes`; anything shorter or longer is refused.
//
// A .lathe file is a program: loading it is running it. Header, table, manifest and every image are checked against
// their SHA-256 before a byte becomes executable. Weights carry an XXH3-128 each in the manifest, checked on request.
#ifndef LATHE_RUNTIME_ARTIFACT_FORMAT_H
#define LATHE_RUNTIME_ARTIFACT_FORMAT_H

#include <cstdint>

namespace lathe::runtime {

inline constexpr char FileMagic[8] = {'L', 'A', 'T', 'H', 'E', '\0', '\r', '\n'};
inline constexpr uint32_t FormatVersion = 1;
inline constexpr uint64_t SectionAlignment = 65536; // the largest page size of the supported machines
inline constexpr uint64_t TensorAlignment = 256;

enum class SectionKind : uint32_t {
  Manifest = 1,
  HostImage = 2,
  Ptx = 3,
  Cubin = 4,
  Weights = 5,
  Tokenizer = 6,
  Signature = 7,
};

struct FileHeader {
  char magic[8];
  uint32_t formatVersion;
  uint32_t sectionCount;
  uint64_t fileBytes;
  unsigned char tableSha256[32];
  unsigned char reserved[40]; ///< zero
  unsigned char headerSha256[32];
};
static_assert(sizeof(FileHeader) == 128, "the header is 128 bytes in every file");

struct SectionEntry {
  uint32_t kind;
  uint32_t flags;  ///< zero in version 1
  uint64_t offset; ///< from the start of the file, a multiple of SectionAlignment
  uint64_t bytes;
  char name[24];            ///< "manifest", "x86-64-v3", "sm_90a", ...; zero-padded, unique within a kind
  unsigned char sha256[32]; ///< of the section's bytes; zero for Weights, which have a hash a tensor
  unsigned char reserved[16];
};
static_assert(sizeof(SectionEntry) == 96, "a table entry is 96 bytes in every file");

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ARTIFACT_FORMAT_H
