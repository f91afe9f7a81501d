#ifndef LATHE_RUNTIME_ARTIFACT_SHA256_H
#define LATHE_RUNTIME_ARTIFACT_SHA256_H

#include <array>
#include <cstddef>
#include <memory>

struct mbedtls_sha256_context;

namespace lathe::runtime {

using Sha256Digest = std::array<unsigned char, 32>;

/// SHA-256 of bytes that arrive in pieces.
class Sha256 {
public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256 &) = delete;
  Sha256 &operator=(const Sha256 &) = delete;

  void update(const void *data, size_t bytes);
  /// Ends the hash; the object is not used afterwards.
  Sha256Digest finish();

private:
  std::unique_ptr<mbedtls_sha256_context> context;
};

Sha256Digest sha256(const void *data, size_t bytes);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ARTIFACT_SHA256_H
