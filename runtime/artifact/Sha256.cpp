#include "runtime/artifact/Sha256.h"

#include <mbedtls/sha256.h>

namespace lathe::runtime {

// The `_ret` functions fail only with a hardware engine, which this build of mbedtls does not have.
Sha256::Sha256() : context(std::make_unique<mbedtls_sha256_context>()) {
  mbedtls_sha256_init(context.get());
  (void)mbedtls_sha256_starts_ret(context.get(), /*is224=*/0);
}

Sha256::~Sha256() { mbedtls_sha256_free(context.get()); }

void Sha256::update(const void *data, size_t bytes) {
  (void)mbedtls_sha256_update_ret(context.get(), static_cast<const unsigned char *>(data), bytes);
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest;
  (void)mbedtls_sha256_finish_ret(context.get(), digest.data());
  return digest;
}

Sha256Digest sha256(const void *data, size_t bytes) {
  Sha256 hash;
  hash.update(data, bytes);
  return hash.finish();
}

} // namespace lathe::runtime
